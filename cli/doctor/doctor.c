/* SPDX-License-Identifier: MIT */
/*
 * `screenshare doctor`: goes through what can be wrong, and says for each whether it is fine, or
 * what to do.
 *
 *     facts ──► check, check, check … ──► findings ──► a line each, or JSON
 *
 * It works with the service running, stopped or not installed, with a `run` in its place, as root
 * and as anybody: what a check cannot see with this user's rights it says so.  It changes nothing,
 * but for the folder of the shared files, which is made where it is missing: only so it is known
 * whether it can be.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/facts.h"
#include "cli/options.h"
#include "cli/page.h"
#include "cli/sharer.h"
#include "cli/text.h"
#include "common/log.h"

#define MARK_COLUMNS 2u /* a mark and a space */
#define WORD_COLUMNS 7u /* in its place, where there is no terminal */
#define NAME_COLUMNS 15u

static const check_fn checks[] = {
	check_configuration,
	check_sharing,
	check_units,
	check_versions,
	check_port,
	check_addresses,
	check_firewall,
	check_visitors,
	check_session,
	check_screen,
	check_sound,
	check_camera,
	check_daemons, /* after what takes time */
	check_files,
	check_shared_memory,
	check_limits,
};

static const char help[] =
	"Usage: screenshare doctor [--json] [--port PORT] [--config FILE]\n"
	"Goes through what can be wrong, and prints for each thing a line: fine, or what to do.\n"
	"Changes nothing, but makes the folder of the shared files where it is missing.\n"
	"Root sees more, also of what you share: sudo screenshare doctor.\n"
	"\n"
	"  --json         one line of JSON, for programs\n"
	"  --port PORT    look at your `screenshare run` on that port, not at the service\n"
	"  --config FILE  the configuration that it was given\n"
	"\n"
	"Exit status: 0 if all is fine, 1 if something is to be done, 2 for wrong arguments.\n";

/* --- printing --- */

static void print_verdict(const struct page *page, enum finding_verdict verdict)
{
	static const struct {
		const char *mark;
		enum page_colour colour;
	} marks[FINDING_VERDICTS] = {[FINDING_FINE] = {"✓ ", PAGE_GREEN},
		[FINDING_NOTE] = {"• ", PAGE_YELLOW},
		[FINDING_WRONG] = {"✗ ", PAGE_RED}};

	if (page->is_terminal)
		page_print(page, marks[verdict].colour, marks[verdict].mark);
	else
		fprintf(page->out, "%-*s", (int)WORD_COLUMNS, finding_verdict_name(verdict));
}

static void print_finding(const struct page *page, const struct finding *finding)
{
	size_t indent = (page->is_terminal ? MARK_COLUMNS : WORD_COLUMNS) + NAME_COLUMNS;
	char name[NAME_COLUMNS + 1];

	print_verdict(page, finding->verdict);
	snprintf(name, sizeof(name), "%-*s", (int)NAME_COLUMNS, finding->name);
	page_print(page, PAGE_BOLD, name);
	page_wrap(page, indent, indent, finding->words);
	if (!finding->remedy[0])
		return;
	fprintf(page->out, "%*s", (int)indent, "");
	page_print(page, finding->verdict == FINDING_WRONG ? PAGE_RED : PAGE_YELLOW, "→ ");
	page_wrap(page, indent + 2, indent + 2, finding->remedy);
}

static size_t count(const struct findings *findings, enum finding_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->list[i].verdict == verdict;
	return n;
}

static void print_sum(const struct page *page, const struct findings *findings)
{
	size_t n_wrong = count(findings, FINDING_WRONG);
	char text[64];

	fputc('\n', page->out);
	if (n_wrong == 0) {
		page_print(page, PAGE_GREEN,
			count(findings, FINDING_NOTE) > 0 ? "Nothing has to be done"
							  : "All is fine");
	} else {
		snprintf(text, sizeof(text), "%zu thing%s to be done", n_wrong,
			n_wrong == 1 ? " is" : "s are");
		page_print(page, PAGE_RED, text);
	}
	fputc('\n', page->out);
}

static int print_json(const struct findings *findings)
{
	json_t *list = json_array(), *all;
	char words[FINDING_WORDS_SIZE * 2], remedy[FINDING_REMEDY_SIZE];

	for (size_t i = 0; list && i < findings->n; i++) {
		const struct finding *finding = &findings->list[i];

		/* Cut to a whole character, for JSON takes nothing else. */
		text_clean(finding->words, FINDING_WORDS_SIZE, words, sizeof(words));
		snprintf(remedy, sizeof(remedy), "%s", finding->remedy);
		json_array_append_new(
			list, json_pack("{ss ss ss ss?}", "check", finding->name, "verdict",
				      finding_verdict_name(finding->verdict), "words", words,
				      "remedy", remedy[0] ? remedy : NULL));
	}
	all = json_pack("{sb so}", "ok", count(findings, FINDING_WRONG) == 0, "findings", list);
	if (!all || json_dumpf(all, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0) {
		log_err("Could not print: no memory");
		json_decref(all);
		return COMMAND_FAILED;
	}
	putchar('\n');
	json_decref(all);
	return COMMAND_OK;
}

/* --- the examination --- */

static int examine(struct facts *facts, bool as_json)
{
	static struct findings findings;
	struct page page;
	size_t n_wrong;
	int status = COMMAND_OK;

	page_init(&page, stdout);
	signal(SIGPIPE, SIG_IGN); /* who answers may hang up */
	facts_gather(facts);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		size_t before = findings.n;

		checks[i](facts, &findings);
		for (size_t k = before; k < findings.n && !as_json; k++)
			print_finding(&page, &findings.list[k]);
		if (!as_json) /* the next one may take a second */
			fflush(stdout);
	}
	facts_fini(facts);
	n_wrong = count(&findings, FINDING_WRONG);
	if (as_json)
		status = print_json(&findings);
	else
		print_sum(&page, &findings);
	if (status == COMMAND_OK)
		status = command_flush();
	return status != COMMAND_OK || n_wrong > 0 ? COMMAND_FAILED : COMMAND_OK;
}

int doctor_main(int argc, char **argv)
{
	static struct facts facts;
	struct options options;
	int status;

	if (!options_parse_all(
		    OPTION_PORT | OPTION_JSON | OPTION_CONFIG, help, argc, argv, &options, &status))
		return status;
	facts.port = options.port;
	facts.config_given = options.config;
	return examine(&facts, options.as_json);
}
