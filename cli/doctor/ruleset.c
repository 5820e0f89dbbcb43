/* SPDX-License-Identifier: MIT */
#include "cli/doctor/ruleset.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_SIZE 1024
#define LETTERS   "abcdefghijklmnopqrstuvwxyz"
#define DIGITS    "0123456789"

/* What a rule does to a connection from another computer to the port: bits, 0 for nothing. */
enum {
	ACCEPTS = 1 << 0,    /* it names the port */
	DROPS = 1 << 1,      /* whoever it comes from */
	MAY_ACCEPT = 1 << 2, /* … for some, or as another chain has it */
	MAY_DROP = 1 << 3,
};

/* --- words --- */

/* Where `word` stands by itself in `text`; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p++)
		if ((p == text || !strchr(LETTERS DIGITS "_-", p[-1])) &&
			(p[len] == '\0' || !strchr(LETTERS DIGITS "_-", p[len])))
			return p;
	return NULL;
}

/* Copies the rule that begins at `text`, without what is quoted: comments and the log's prefixes
 * are anybody's words, and of interfaces only "lo" matters.  False: it is too long. */
static bool copy_rule(const char *text, char rule[RULE_SIZE])
{
	size_t len = 0;

	while (*text && *text != '\n' && len + 4 < RULE_SIZE) {
		const char *end = *text == '"' ? strpbrk(text + 1, "\"\n") : NULL;

		if (end && *end == '"') {
			if (strncmp(text, "\"lo\"", 4) == 0) {
				memcpy(rule + len, "\"lo\"", 4);
				len += 4;
			}
			text = end + 1;
		} else {
			rule[len++] = *text++;
		}
	}
	rule[len] = '\0';
	return *text == '\0' || *text == '\n';
}

/* --- one rule --- */

/* "80", "8000-8100": does it begin with the port?  *is_known false: it is no number. */
static bool element_has(const char *text, uint16_t port, bool *is_known)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last = first;

	if (end == text)
		*is_known = false;
	else if (*end == '-' && strchr(DIGITS, end[1]))
		last = strtoul(end + 1, NULL, 10);
	return end != text && first <= port && port <= last;
}

/* What follows "dport ": "8001", "{ 80, 8000-8100 }", "!= 22", "@ports".  *rest is behind it. */
static bool names_port(const char *text, uint16_t port, bool *is_known, const char **rest)
{
	bool is_set = *text == '{', is_found = false;
	const char *end = is_set ? strchrnul(text, '}') : strchrnul(text, ' ');

	*is_known = true;
	for (const char *p = text + is_set; p && p < end; p = strchr(p, ',')) {
		p += strspn(p, ", ");
		is_found |= element_has(p, port, is_known);
	}
	*rest = *end ? end + 1 : end;
	return is_found;
}

/* Is it of what is let in or kept out for other reasons than where it goes? */
static bool is_beside(const char *rule)
{
	static const char *const others[] = {"icmp", "icmpv6", "ipv6-icmp", "igmp", "udp"};
	const char *reject = find_word(rule, "reject"), *word;

	if (strstr(rule, "iif \"lo\"") || strstr(rule, "iifname \"lo\""))
		return true;
	/* Who claims an address to which no answer would go that way. */
	if (find_word(rule, "fib saddr") && strstr(rule, "oif missing"))
		return true;
	if (find_word(rule, "ct state") && !find_word(rule, "new") && !strstr(rule, "ct state !="))
		return true;
	/* "reject with icmp …" is no rule on ICMP. */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if ((word = find_word(rule, others[i])) && (!reject || word < reject) &&
			!find_word(rule, "tcp"))
			return true;
	return false;
}

/* Behind what only counts. */
static const char *skip_counter(const char *rule)
{
	unsigned long long packets, bytes;
	int len = 0;

	rule += strspn(rule, "\t ");
	if (sscanf(rule, "counter packets %llu bytes %llu %n", &packets, &bytes, &len) == 2)
		rule += len;
	return rule;
}

static bool starts_with(const char *text, const char *word)
{
	return find_word(text, word) == text;
}

static bool is_drop(const char *text)
{
	return starts_with(text, "drop") || starts_with(text, "reject");
}

static unsigned judge_rule(const char *rule, uint16_t port)
{
	const char *begin = skip_counter(rule), *dport = find_word(rule, "dport"), *rest = "";
	bool accepts = find_word(rule, "accept"), is_known = true;
	bool drops = find_word(rule, "drop") || find_word(rule, "reject");
	bool leads_away = find_word(rule, "jump") || find_word(rule, "goto") ||
			  find_word(rule, "vmap") || find_word(rule, "queue");

	if (is_drop(begin))
		return DROPS;
	if (is_beside(rule))
		return 0;
	if (dport && !names_port(dport + strlen("dport "), port, &is_known, &rest) && is_known)
		return 0;
	if (dport && is_known && accepts && !leads_away)
		return ACCEPTS;
	if (is_known && starts_with(begin, "tcp dport") && is_drop(skip_counter(rest)))
		return DROPS;
	return (accepts || leads_away ? MAY_ACCEPT : 0u) | (drops || leads_away ? MAY_DROP : 0u);
}

/* --- a chain --- */

/* `text` begins in its line "type filter hook input …; policy …;". */
static enum ruleset_verdict judge_chain(const char *text, const char *end, uint16_t port)
{
	const char *policy = strstr(text, "policy drop;"), *line = strchrnul(text, '\n');
	bool is_shut = policy && policy < line;
	char rule[RULE_SIZE];
	unsigned effects = 0;

	while (*line && line + 1 < end && !(effects & DROPS)) {
		effects |=
			copy_rule(line + 1, rule) ? judge_rule(rule, port) : MAY_ACCEPT | MAY_DROP;
		if ((effects & ACCEPTS) && !(effects & (DROPS | MAY_DROP)))
			return is_shut ? RULESET_OPEN : RULESET_PASSES;
		line = strchrnul(line + 1, '\n');
	}
	if (is_shut || (effects & DROPS))
		return effects & (ACCEPTS | MAY_ACCEPT) ? RULESET_UNSURE : RULESET_SHUT;
	return effects & MAY_DROP ? RULESET_UNSURE : RULESET_PASSES;
}

/* What comes in passes these; of the first two only what filters, for nat drops nothing. */
static bool is_on_the_way_in(const char *line)
{
	static const char *const hooks[] = {"hook ingress", "hook prerouting", "hook input"};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (strncmp(line, hooks[i], strlen(hooks[i])) == 0)
			return true;
	return false;
}

enum ruleset_verdict ruleset_judge(const char *ruleset, uint16_t port)
{
	static const char type[] = "\ttype filter ";
	enum ruleset_verdict worst = RULESET_PASSES;

	for (const char *chain = ruleset; (chain = strstr(chain, type)); chain++) {
		const char *end = strstr(chain, "\n\t}");

		if (!is_on_the_way_in(chain + strlen(type)))
			continue;
		enum ruleset_verdict verdict =
			judge_chain(chain, end ? end : strchr(chain, '\0'), port);

		worst = verdict > worst ? verdict : worst;
	}
	return worst;
}
