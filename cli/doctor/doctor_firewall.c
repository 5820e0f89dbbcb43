/* SPDX-License-Identifier: MIT */
/*
 * Does a firewall of this computer keep others out?  Three are asked in turn, each in its own way;
 * where none of them can tell, that is said: a wrong "open" would be worse than none.
 *
 *     ufw: its two files      firewalld: on the bus      nftables, and iptables on it: nft list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/capture.h"
#include "cli/doctor/checks.h"

#define NAME "firewall"

#define UFW_CONFIG "/etc/ufw/ufw.conf"
#define UFW_RULES  "/etc/ufw/user.rules"
#define FIREWALLD  "org.fedoraproject.FirewallD1"
#define OLD_TABLES "/proc/net/ip_tables_names" /* of iptables-legacy; root's to read */

#define TEXT_SIZE (256u * 1024u)
#define NFT_MS    1500

/* --- ufw --- */

/* True if the file has a line that `check` takes; *is_readable false: nobody knows. */
static bool any_line(const char *path, bool (*check)(const char *line, uint16_t port),
	uint16_t port, bool *is_readable)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool is_found = false;

	*is_readable = file != NULL;
	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = check(line, port);
	if (file)
		fclose(file);
	return is_found;
}

static bool says_enabled(const char *line, uint16_t port)
{
	(void)port;
	return strncmp(line, "ENABLED=yes", 11) == 0;
}

/* "### tuple ### allow tcp 8001 0.0.0.0/0 any 0.0.0.0/0 in", also "any 8001" and with more before
 * the protocol's name. */
static bool allows_port(const char *line, uint16_t port)
{
	char protocol[8];
	unsigned its_port;

	return sscanf(line, "### tuple ### allow %7s %u", protocol, &its_port) == 2 &&
	       (strcmp(protocol, "tcp") == 0 || strcmp(protocol, "any") == 0) && its_port == port;
}

static bool look_at_ufw(const struct facts *facts, uint16_t port, struct findings *findings)
{
	bool is_readable, is_open;

	if (!any_line(UFW_CONFIG, says_enabled, port, &is_readable))
		return false;
	is_open = any_line(UFW_RULES, allows_port, port, &is_readable);
	if (!is_readable && !facts->is_root) {
		findings_add(findings, FINDING_NOTE, NAME,
			"ufw is active; whether port %u is open only root can tell", port);
		findings_remedy(findings, "sudo screenshare doctor, or: sudo ufw status");
	} else if (is_open) {
		findings_add(
			findings, FINDING_FINE, NAME, "ufw is active, and port %u is open", port);
	} else {
		findings_add(
			findings, FINDING_WRONG, NAME, "ufw is active, and port %u is shut", port);
		findings_remedy(findings, "sudo ufw allow %u/tcp", port);
	}
	return true;
}

/* --- firewalld --- */

/* 1 or 0 as it answers; -errno: it is not there, or does not answer this user. */
static int firewalld_has(
	const struct facts *facts, const char *method, const char *what, const char *protocol)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *answer = NULL;
	int r, has = 0;

	if (protocol) /* zone "" is the default one */
		r = sd_bus_call_method(facts->bus, FIREWALLD, "/org/fedoraproject/FirewallD1",
			FIREWALLD ".zone", method, &error, &answer, "sss", "", what, protocol);
	else
		r = sd_bus_call_method(facts->bus, FIREWALLD, "/org/fedoraproject/FirewallD1",
			FIREWALLD ".zone", method, &error, &answer, "ss", "", what);
	if (r >= 0)
		r = sd_bus_message_read(answer, "b", &has);
	sd_bus_error_free(&error);
	sd_bus_message_unref(answer);
	return r < 0 ? r : has;
}

/* Without starting it, as a call to a name that nobody has might. */
static bool firewalld_runs(const struct facts *facts)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = facts->bus ? sd_bus_get_name_creds(facts->bus, FIREWALLD, 0, NULL) : -ENOTCONN;

	sd_bus_error_free(&error);
	return r >= 0;
}

static bool look_at_firewalld(const struct facts *facts, uint16_t port, struct findings *findings)
{
	char text[8];
	int r;

	if (!firewalld_runs(facts))
		return false;
	snprintf(text, sizeof(text), "%u", port);
	r = firewalld_has(facts, "queryPort", text, "tcp");
	if (r == 0 && firewalld_has(facts, "queryService", "screenshare", NULL) == 1)
		r = 1;
	if (r < 0) {
		findings_add(findings, FINDING_NOTE, NAME,
			"firewalld is active; whether port %u is open it does not tell this user",
			port);
		findings_remedy(findings,
			"sudo screenshare doctor, or: sudo firewall-cmd --query-port %u/tcp", port);
	} else if (r > 0) {
		findings_add(findings, FINDING_FINE, NAME,
			"firewalld is active, and port %u is open in its default zone", port);
	} else {
		findings_add(findings, FINDING_WRONG, NAME,
			"firewalld is active, and port %u is shut in its default zone", port);
		findings_remedy(findings,
			"sudo firewall-cmd --add-port=%u/tcp && sudo firewall-cmd "
			"--runtime-to-permanent",
			port);
	}
	return true;
}

/* --- nftables --- */

/* Does a chain of what comes in drop what no rule of it takes, or have rules that might? */
static bool may_drop(const char *ruleset)
{
	for (const char *chain = ruleset; (chain = strstr(chain, "hook input")); chain++) {
		const char *end = strstr(chain, "\n\t}");
		const char *drop = strstr(chain, "drop"), *reject = strstr(chain, "reject");

		if ((drop && (!end || drop < end)) || (reject && (!end || reject < end)))
			return true;
	}
	return false;
}

/* A rule that names the port and accepts. */
static bool accepts_port(const char *ruleset, uint16_t port)
{
	char text[32];
	size_t len = (size_t)snprintf(text, sizeof(text), "%u", port);

	for (const char *p = ruleset; (p = strstr(p, "dport")); p++) {
		const char *end = strchrnul(p, '\n');
		const char *number = strstr(p, text), *accept = strstr(p, "accept");

		if (number && number < end && accept && accept < end &&
			strspn(number, "0123456789") == len && strchr(" ,{-", number[-1]))
			return true;
	}
	return false;
}

static bool names_filter(const char *line, uint16_t port)
{
	(void)port;
	return strcmp(line, "filter\n") == 0;
}

static const char *find_nft(void)
{
	static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static void look_at_nftables(const struct facts *facts, uint16_t port, struct findings *findings)
{
	const char *nft = find_nft();
	const char *argv[] = {nft, "list", "ruleset", NULL};
	char *ruleset = malloc(TEXT_SIZE);
	bool is_readable;
	int r = -ENOENT;

	if (nft && ruleset && facts->is_root)
		r = capture_run(argv, NULL, NFT_MS, ruleset, TEXT_SIZE);
	if (r < 0) {
		findings_add(findings, FINDING_NOTE, NAME,
			"Neither ufw nor firewalld is active; %s",
			!facts->is_root
				? "whether the kernel drops what comes in only root can tell"
			: !nft ? "without nft there is no telling whether the kernel drops "
				 "what comes in"
			       : "nft does not tell whether the kernel drops what comes in");
		findings_remedy(findings,
			facts->is_root ? "sudo apt install nftables; sudo iptables -S INPUT"
				       : "sudo screenshare doctor");
	} else if (!may_drop(ruleset) && any_line(OLD_TABLES, names_filter, port, &is_readable)) {
		findings_add(findings, FINDING_NOTE, NAME,
			"There are rules of the old iptables, which nft does not tell of");
		findings_remedy(findings,
			"See whether they drop port %u: sudo iptables-legacy -S INPUT", port);
	} else if (!may_drop(ruleset)) {
		findings_add(
			findings, FINDING_FINE, NAME, "No firewall of this computer is active");
	} else if (accepts_port(ruleset, port)) {
		findings_add(findings, FINDING_FINE, NAME,
			"nftables drop what comes in, and a rule accepts port %u", port);
	} else {
		findings_add(findings, FINDING_WRONG, NAME,
			"nftables drop some of what comes in, and no rule accepts port %u", port);
		findings_remedy(findings,
			"See the rules by sudo nft list ruleset, and accept it in the chain that "
			"drops: sudo nft insert rule inet filter input tcp dport %u accept",
			port);
	}
	free(ruleset);
}

void check_firewall(const struct facts *facts, struct findings *findings)
{
	uint16_t port = check_port_number(facts);

	if (!look_at_ufw(facts, port, findings) && !look_at_firewalld(facts, port, findings))
		look_at_nftables(facts, port, findings);
}
