/* SPDX-License-Identifier: MIT */
/* links: capd/session/session_policy.c common/stream.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capd/session/session_policy.h"

#define ANN 1000
#define BEN 1001

static struct logind_view desktop(uid_t uid, const char *name)
{
	struct logind_view view = {.answer = LOGIND_SESSION, .uid = uid};

	strcpy(view.id, "2");
	strncpy(view.name, name, sizeof(view.name) - 1);
	strcpy(view.type, "x11");
	strcpy(view.class, "user");
	strcpy(view.state, "active");
	strcpy(view.display, ":0");
	return view;
}

/* ann's process, which the configuration permits. */
static struct session_facts anns(const struct logind_view *view)
{
	return (struct session_facts){.view = view,
		.source = SOURCE_SCREEN,
		.is_someones = true,
		.uid = ANN,
		.id = "2",
		.is_permitted = true};
}

static struct session_verdict judge(const struct session_facts *facts)
{
	struct session_verdict verdict;

	session_policy_judge(facts, &verdict);
	return verdict;
}

static void her_own_desktop_is_shown(void **state)
{
	struct logind_view view = desktop(ANN, "ann");
	struct session_facts facts = anns(&view);
	struct session_verdict verdict = judge(&facts);
	(void)state;

	assert_int_equal(verdict.kind, SESSION_SHOW);
	assert_string_equal(verdict.display, ":0");
}

static void nothing_is_shown_before_logind_has_spoken(void **state)
{
	struct logind_view view = {.answer = LOGIND_UNKNOWN};
	struct session_facts facts = anns(&view);
	(void)state;

	assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	assert_int_equal(judge(&facts).state, STATE_STARTING);
}

static void what_is_no_desktop_is_held_and_ends_nobody(void **state)
{
	static const struct {
		const char *field, *value;
	} cases[] = {{"class", "greeter"}, {"class", "lock-screen"}, {"class", "background"},
		{"type", "tty"}, {"type", "unspecified"}, {"state", "closing"}};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct logind_view view = desktop(BEN, "ben");
		struct session_facts facts = anns(&view);

		strcpy(cases[i].field[0] == 'c'    ? view.class
			: cases[i].field[0] == 't' ? view.type
						   : view.state,
			cases[i].value);
		assert_int_equal(judge(&facts).kind, SESSION_HOLD);
		assert_int_equal(judge(&facts).state, STATE_NO_SESSION);
		facts.is_someones = false;
		assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	}
}

static void without_logind_nothing_is_shown(void **state)
{
	struct logind_view view = {.answer = LOGIND_SILENT};
	struct session_facts facts = anns(&view);
	(void)state;

	assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	assert_non_null(strstr(judge(&facts).words, "logind"));
}

static void another_users_desktop_ends_the_process_whatever_else_holds(void **state)
{
	struct logind_view view = desktop(BEN, "ben");
	struct session_facts facts = anns(&view);
	(void)state;

	facts.is_locked = true;
	assert_int_equal(judge(&facts).kind, SESSION_END);
	strcpy(view.type, "wayland");
	assert_int_equal(judge(&facts).kind, SESSION_END);
}

static void a_new_session_of_hers_ends_the_process(void **state)
{
	struct logind_view view = desktop(ANN, "ann");
	struct session_facts facts = anns(&view);
	(void)state;

	strcpy(view.id, "3");
	assert_int_equal(judge(&facts).kind, SESSION_END);
}

static void locked_is_held_unless_it_is_to_be_shown(void **state)
{
	struct logind_view view = desktop(ANN, "ann");
	struct session_facts facts = anns(&view);
	(void)state;

	facts.is_locked = true;
	assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	assert_int_equal(judge(&facts).state, STATE_LOCKED);
	facts.shows_locked = true;
	assert_int_equal(judge(&facts).kind, SESSION_SHOW);
}

static void the_users_word_goes_above_the_configuration(void **state)
{
	struct logind_view view = desktop(ANN, "ann");
	struct session_facts facts = anns(&view);
	(void)state;

	facts.consent = CONSENT_DENY;
	assert_int_equal(judge(&facts).state, STATE_NOT_ALLOWED);
	facts.is_permitted = false;
	assert_int_equal(judge(&facts).state, STATE_NOT_ALLOWED);
	facts.consent = CONSENT_NONE;
	assert_int_equal(judge(&facts).state, STATE_NOT_ALLOWED);
	assert_non_null(strstr(judge(&facts).words, "screenshare allow"));
	facts.consent = CONSENT_ALLOW;
	assert_int_equal(judge(&facts).kind, SESSION_SHOW);
}

static void of_wayland_only_the_sound_is_there(void **state)
{
	struct logind_view view = desktop(ANN, "ann");
	struct session_facts facts = anns(&view);
	(void)state;

	strcpy(view.type, "wayland");
	assert_int_equal(judge(&facts).state, STATE_WAYLAND);
	facts.source = SOURCE_AUDIO;
	assert_int_equal(judge(&facts).kind, SESSION_SHOW);
}

static void who_waits_ends_for_a_desktop_but_not_for_the_one_refused(void **state)
{
	struct logind_view view = desktop(ANN, "ann"), refused = view;
	struct session_facts facts = {.view = &view, .refused = &refused};
	(void)state;

	assert_int_equal(judge(&facts).kind, SESSION_END);
	facts.refusal = SESSION_HAS_NO_RECORD;
	assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	assert_int_equal(judge(&facts).state, STATE_MISCONFIGURED);
	facts.refusal = SESSION_CANNOT_BECOME;
	assert_int_equal(judge(&facts).kind, SESSION_HOLD);
	assert_int_equal(judge(&facts).state, STATE_MISCONFIGURED);
	facts.refusal = SESSION_IS_ROOT;
	assert_int_equal(judge(&facts).state, STATE_NOT_ALLOWED);
	strcpy(view.id, "3");
	assert_int_equal(judge(&facts).kind, SESSION_END);
}

static void what_is_the_machines_is_held_by_a_lock_alone(void **state)
{
	struct logind_view view = {.answer = LOGIND_UNKNOWN};
	struct session_verdict verdict;
	(void)state;

	session_policy_judge_machine(&view, false, &verdict);
	assert_int_equal(verdict.kind, SESSION_HOLD);
	assert_int_equal(verdict.state, STATE_STARTING);
	view.answer = LOGIND_NO_SESSION;
	session_policy_judge_machine(&view, false, &verdict);
	assert_int_equal(verdict.kind, SESSION_SHOW);
	view.has_background = true;
	session_policy_judge_machine(&view, false, &verdict);
	assert_int_equal(verdict.kind, SESSION_HOLD);
	assert_int_equal(verdict.state, STATE_LOCKED);
	view.has_background = false;
	view.answer = LOGIND_SILENT;
	session_policy_judge_machine(&view, false, &verdict);
	assert_int_equal(verdict.kind, SESSION_SHOW);
	session_policy_judge_machine(&view, true, &verdict);
	assert_int_equal(verdict.kind, SESSION_HOLD);
	view = desktop(BEN, "ben");
	session_policy_judge_machine(&view, false, &verdict);
	assert_int_equal(verdict.kind, SESSION_SHOW);
	session_policy_judge_machine(&view, true, &verdict);
	assert_int_equal(verdict.kind, SESSION_HOLD);
	assert_int_equal(verdict.state, STATE_LOCKED);
	assert_string_equal(verdict.words, state_words(STATE_LOCKED));
}

static void who_is_permitted(void **state)
{
	(void)state;
	assert_true(session_policy_permits("first", "ann", "ann"));
	assert_false(session_policy_permits("first", "ben", "ann"));
	assert_false(session_policy_permits("first", "", ""));
	assert_true(session_policy_permits("first ben", "ben", "ann"));
	assert_true(session_policy_permits("all", "ben", ""));
	assert_true(session_policy_permits("ann ben", "ben", ""));
	assert_false(session_policy_permits("ann ben", "be", ""));
	assert_false(session_policy_permits("", "ann", ""));
	/* Whoever was recorded counts where the configuration asks for it. */
	assert_false(session_policy_permits("ben", "ann", "ann"));
	assert_true(session_policy_wants_first("ben first"));
	assert_false(session_policy_wants_first("firsty"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(her_own_desktop_is_shown),
		cmocka_unit_test(nothing_is_shown_before_logind_has_spoken),
		cmocka_unit_test(what_is_no_desktop_is_held_and_ends_nobody),
		cmocka_unit_test(without_logind_nothing_is_shown),
		cmocka_unit_test(another_users_desktop_ends_the_process_whatever_else_holds),
		cmocka_unit_test(a_new_session_of_hers_ends_the_process),
		cmocka_unit_test(locked_is_held_unless_it_is_to_be_shown),
		cmocka_unit_test(the_users_word_goes_above_the_configuration),
		cmocka_unit_test(of_wayland_only_the_sound_is_there),
		cmocka_unit_test(who_waits_ends_for_a_desktop_but_not_for_the_one_refused),
		cmocka_unit_test(what_is_the_machines_is_held_by_a_lock_alone),
		cmocka_unit_test(who_is_permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
