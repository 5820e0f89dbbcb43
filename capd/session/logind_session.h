/* SPDX-License-Identifier: MIT */
/*
 * A session as logind's answer to GetAll has it (org.freedesktop.login1(5)): of its properties
 * those that a view has.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "capd/session/logind.h"

/* 0, and all of `view` is written: LOGIND_SESSION; -EBADMSG: it does not say whose it is; -errno.
 */
int logind_session_read(sd_bus_message *reply, struct logind_view *view);
