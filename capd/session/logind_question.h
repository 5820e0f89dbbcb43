/* SPDX-License-Identifier: MIT */
/*
 * A question to logind, about the properties of one of its objects (org.freedesktop.login1(5)).
 */
#pragma once

#include <systemd/sd-bus.h>

#define LOGIND_NAME              "org.freedesktop.login1"
#define LOGIND_SEAT_PATH         "/org/freedesktop/login1/seat/seat0"
#define LOGIND_SEAT_INTERFACE    LOGIND_NAME ".Seat"
#define LOGIND_SESSION_INTERFACE LOGIND_NAME ".Session"
#define LOGIND_PROPERTIES        "org.freedesktop.DBus.Properties"
#define LOGIND_PATH_SIZE         256 /* of an object, NUL included */

/*
 * Asks for one property, or, where that is NULL, for all; it never starts a logind.  The answer, or
 * that there is none in time, comes to `on_reply`; *question is the caller's to unref.  0 or
 * -errno.
 */
int logind_question_send(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message_handler_t on_reply, void *arg, sd_bus_slot **question);
