/* SPDX-License-Identifier: MIT */
#include "capd/session/logind_question.h"

#include <stdbool.h>

#define ANSWER_TIMEOUT_US 5000000u /* a busy machine takes its time */

int logind_question_send(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message_handler_t on_reply, void *arg, sd_bus_slot **question)
{
	sd_bus_message *message = NULL;
	int r = sd_bus_message_new_method_call(
		bus, &message, LOGIND_NAME, path, LOGIND_PROPERTIES, property ? "Get" : "GetAll");

	if (r >= 0)
		r = sd_bus_message_append(message, "s", interface);
	if (r >= 0 && property)
		r = sd_bus_message_append(message, "s", property);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(message, false);
	if (r >= 0)
		r = sd_bus_call_async(bus, question, message, on_reply, arg, ANSWER_TIMEOUT_US);
	sd_bus_message_unref(message);
	return r < 0 ? r : 0;
}
