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
#include "cli/doctor/ruleset.h"

#define NAME "firewall"

#define UFW_CONFIG   "/etc/ufw/ufw.conf"
#define UFW_RULES    "/etc/ufw/user.rules"
#define UFW_DEFAULTS "/etc/default/ufw"
#define FIREWALLD    "org.fedoraproject.FirewallD1"
#define SERVICES_MAX 64u
#define OLD_TABLES   "/proc/net/ip_tables_names" /* of iptables-legacy; root's to read */

#define TEXT_SIZE (256u * 1024u)
#define NFT_MS    1500

/* That it is shut is what the rules say.  Where somebody has come all the same, they do not say
 * all, or the port was open then: no fault that is proved. */
static enum finding_verdict shut_verdict(const struct facts *facts)
{
	return json_is_object(json_object_get(facts->status, "visitor")) ? FINDING_NOTE
									 : FINDING_WRONG;
}

/* --- ufw --- */

/* True if the file has a line that `check` takes; *is_readable false: nobody knows. */
static bool any_line(const char *path, bool (*check)(const char *line), bool *is_readable)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool is_found = false;

	*is_readable = file != NULL;
	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = check(line);
	if (file)
		fclose(file);
	return is_found;
}

static bool says_enabled(const char *line)
{
	return strncmp(line, "ENABLED=yes", 11) == 0;
}

static bool accepts_by_default(const char *line)
{
	return strncmp(line, "DEFAULT_INPUT_POLICY=\"ACCEPT\"", 29) == 0;
}

/* "any", "8001", "80,8001", "8000:8100": is the port among them? */
static bool has_port(const char *list, uint16_t port)
{
	unsigned first, last;

	if (strcmp(list, "any") == 0)
		return true;
	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (sscanf(p, "%u:%u", &first, &last) == 2
				? first <= port && port <= last
				: sscanf(p, "%u", &first) == 1 && first == port)
			return true;
	}
	return false;
}

static bool is_anywhere(const char *address)
{
	return strcmp(address, "0.0.0.0/0") == 0 || strcmp(address, "::/0") == 0;
}

enum ufw_says { UFW_NOTHING, UFW_SHUT, UFW_OPEN_TO_SOME, UFW_OPEN };

/* "### tuple ### allow tcp 8001 0.0.0.0/0 any 192.168.1.0/24 in": what is done, protocol, ports,
 * where to, from which ports and from where, perhaps two names, and which way it goes. */
static enum ufw_says read_tuple(const char *line, uint16_t port)
{
	char what[32], protocol[8], ports[128], to[64], from_ports[128], from[64], way[32];
	bool is_anybodys, is_allowed;

	if (sscanf(line, "### tuple ### %31s %7s %127s %63s %127s %63s %31s", what, protocol, ports,
		    to, from_ports, from, way) != 7)
		return UFW_NOTHING;
	if ((strcmp(protocol, "tcp") != 0 && strcmp(protocol, "any") != 0) ||
		!has_port(ports, port) ||
		(!strstr(line, " in\n") && !strstr(line, " in ") && !strstr(line, " in_")))
		return UFW_NOTHING;
	is_anybodys = is_anywhere(to) && is_anywhere(from) && strcmp(from_ports, "any") == 0 &&
		      !strstr(line, " in_");
	/* allow, allow_log, limit; deny, reject; of what is passed on: "route:allow" */
	is_allowed = strncmp(what, "allow", 5) == 0 || strncmp(what, "limit", 5) == 0;
	if (is_allowed)
		return is_anybodys ? UFW_OPEN : UFW_OPEN_TO_SOME;
	return is_anybodys && strncmp(what, "route:", 6) != 0 ? UFW_SHUT : UFW_NOTHING;
}

/* The first rule that is for everybody decides; some may have been let in before it. */
static enum ufw_says read_ufw_rules(uint16_t port, bool *is_readable)
{
	FILE *file = fopen(UFW_RULES, "re");
	enum ufw_says says = UFW_NOTHING, one;
	bool is_default_known;
	char line[512];

	*is_readable = file != NULL;
	while (file && says != UFW_OPEN && fgets(line, sizeof(line), file)) {
		one = read_tuple(line, port);
		if (one == UFW_SHUT && says == UFW_NOTHING)
			says = UFW_SHUT;
		if (one == UFW_SHUT)
			break;
		says = one > says ? one : says;
	}
	if (file)
		fclose(file);
	if (says == UFW_NOTHING)
		says = any_line(UFW_DEFAULTS, accepts_by_default, &is_default_known) ? UFW_OPEN
										     : UFW_SHUT;
	return says;
}

static bool look_at_ufw(const struct facts *facts, uint16_t port, struct findings *findings)
{
	enum ufw_says says;
	bool is_readable;

	if (!any_line(UFW_CONFIG, says_enabled, &is_readable))
		return false;
	says = read_ufw_rules(port, &is_readable);
	if (!is_readable && !facts->is_root) {
		findings_add(findings, FINDING_NOTE, NAME,
			"ufw is active; whether port %u is open only root can tell", port);
		findings_remedy(findings, "sudo screenshare doctor, or: sudo ufw status");
	} else if (says != UFW_SHUT) {
		findings_add(findings, FINDING_FINE, NAME,
			says == UFW_OPEN
				? "ufw is active, and port %u is open"
				: "ufw is active, and port %u is open to some: sudo ufw status",
			port);
	} else {
		findings_add(findings, shut_verdict(facts), NAME,
			"ufw is active, and port %u is shut", port);
		findings_remedy(findings, "sudo ufw allow %u/tcp", port);
	}
	return true;
}

/* --- firewalld --- */

/* "8001", "8000-8010"; "tcp" */
static bool is_open_by(const char *ports, const char *protocol, uint16_t port)
{
	unsigned first, last;
	int n = sscanf(ports, "%u-%u", &first, &last);

	return strcmp(protocol, "tcp") == 0 && n >= 1 && first <= port &&
	       port <= (n == 2 ? last : first);
}

/* Asks for something of its default zone, whose name is "", or of one of its services.  0 and
 * *answer, or -errno: it is not there, or does not answer this user. */
static int ask_firewalld(const struct facts *facts, const char *interface, const char *method,
	const char *of, sd_bus_message **answer)
{
	int r = sd_bus_call_method(facts->bus, FIREWALLD, "/org/fedoraproject/FirewallD1",
		interface, method, NULL, answer, "s", of);

	return r < 0 ? r : 0;
}

/* Its ports: each a list of two words.  1: one of them is ours; 0; -errno. */
static int zone_has_port(const struct facts *facts, uint16_t port)
{
	sd_bus_message *answer = NULL;
	const char *ports, *protocol;
	bool is_found = false;
	int r = ask_firewalld(facts, FIREWALLD ".zone", "getPorts", "", &answer);

	if (r == 0)
		r = sd_bus_message_enter_container(answer, 'a', "as");
	while (r >= 0 && (r = sd_bus_message_enter_container(answer, 'a', "s")) > 0) {
		if ((r = sd_bus_message_read(answer, "ss", &ports, &protocol)) > 0)
			is_found |= is_open_by(ports, protocol, port);
		if (r >= 0)
			r = sd_bus_message_exit_container(answer);
	}
	sd_bus_message_unref(answer);
	return r < 0 ? r : is_found;
}

/* A service is a name for ports: "ports" of its settings.  False: not ours, or it does not say. */
static bool service_has_port(const struct facts *facts, const char *service, uint16_t port)
{
	sd_bus_message *answer = NULL;
	const char *key, *ports, *protocol;
	bool is_found = false;
	int r = ask_firewalld(facts, FIREWALLD, "getServiceSettings2", service, &answer);

	if (r == 0)
		r = sd_bus_message_enter_container(answer, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(answer, 'e', "sv")) > 0) {
		r = sd_bus_message_read(answer, "s", &key);
		if (r >= 0 && strcmp(key, "ports") == 0) {
			r = sd_bus_message_enter_container(answer, 'v', "a(ss)");
			if (r >= 0)
				r = sd_bus_message_enter_container(answer, 'a', "(ss)");
			while (r >= 0 &&
				(r = sd_bus_message_read(answer, "(ss)", &ports, &protocol)) > 0)
				is_found |= is_open_by(ports, protocol, port);
			break;
		}
		if (r >= 0)
			r = sd_bus_message_skip(answer, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(answer);
	}
	sd_bus_message_unref(answer);
	return is_found;
}

/* 1 or 0; -errno: it does not tell of its services. */
static int zone_has_service(const struct facts *facts, uint16_t port)
{
	sd_bus_message *answer = NULL;
	const char *service;
	bool is_found = false;
	int r = ask_firewalld(facts, FIREWALLD ".zone", "getServices", "", &answer);

	if (r == 0)
		r = sd_bus_message_enter_container(answer, 'a', "s");
	for (unsigned n = 0; r >= 0 && n < SERVICES_MAX && !is_found &&
			     (r = sd_bus_message_read(answer, "s", &service)) > 0;
		n++)
		is_found = service_has_port(facts, service, port);
	sd_bus_message_unref(answer);
	return r < 0 ? r : is_found;
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
	int r;

	if (!firewalld_runs(facts))
		return false;
	r = zone_has_port(facts, port);
	if (r == 0)
		r = zone_has_service(facts, port);
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
		findings_add(findings, shut_verdict(facts), NAME,
			"firewalld is active, and port %u is shut in its default zone", port);
		findings_remedy(findings,
			"sudo firewall-cmd --add-port=%u/tcp && sudo firewall-cmd "
			"--runtime-to-permanent",
			port);
	}
	return true;
}

/* --- nftables --- */

static bool names_filter(const char *line)
{
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

static void add_ruleset(const struct facts *facts, enum ruleset_verdict verdict, uint16_t port,
	struct findings *findings)
{
	bool is_readable;

	switch (verdict) {
	case RULESET_PASSES:
		if (!any_line(OLD_TABLES, names_filter, &is_readable)) {
			findings_add(findings, FINDING_FINE, NAME,
				"No firewall of this computer is active");
			break;
		}
		findings_add(findings, FINDING_NOTE, NAME,
			"There are rules of the old iptables, which nft does not tell of");
		findings_remedy(findings,
			"See whether they drop port %u: sudo iptables-legacy -S INPUT", port);
		break;
	case RULESET_OPEN:
		findings_add(findings, FINDING_FINE, NAME,
			"nftables drop what comes in, and a rule accepts port %u", port);
		break;
	case RULESET_UNSURE:
		findings_add(findings, FINDING_NOTE, NAME,
			"nftables have rules for what comes in; whether they let others to port %u "
			"cannot be told",
			port);
		findings_remedy(findings, "See the rules: sudo nft list ruleset");
		break;
	case RULESET_SHUT:
		findings_add(findings, shut_verdict(facts), NAME,
			"nftables drop what comes in, and no rule accepts port %u", port);
		findings_remedy(findings,
			"See the rules by sudo nft list ruleset, and accept it in the chain that "
			"drops: sudo nft insert rule inet filter input tcp dport %u accept",
			port);
		break;
	}
}

static void look_at_nftables(const struct facts *facts, uint16_t port, struct findings *findings)
{
	const char *nft = find_nft();
	const char *argv[] = {nft, "list", "ruleset", NULL};
	char *ruleset = malloc(TEXT_SIZE);
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
	} else {
		/* What was cut off may hold anything. */
		add_ruleset(facts,
			strlen(ruleset) < TEXT_SIZE - 1 ? ruleset_judge(ruleset, port)
							: RULESET_UNSURE,
			port, findings);
	}
	free(ruleset);
}

void check_firewall(const struct facts *facts, struct findings *findings)
{
	uint16_t port = check_port_number(facts);

	if (!look_at_ufw(facts, port, findings) && !look_at_firewalld(facts, port, findings))
		look_at_nftables(facts, port, findings);
}
