/* SPDX-License-Identifier: MIT */
/*
 * The checks of the doctor: each looks at one thing and adds what it finds, at least one finding,
 * in at most two seconds.  They run in the order of doctor.c's table and know nothing of each
 * other.
 *
 *     doctor_service.c    configuration, service, versions
 *     doctor_net.c        port, addresses, visitors          doctor_firewall.c  firewall
 *     doctor_daemons.c    daemons
 *     doctor_media.c      session, display, encoder, sound, camera
 *     doctor_files.c      files, shared memory, limits
 */
#pragma once

#include "cli/doctor/facts.h"
#include "common/findings.h"

#define CHECK_WAIT_MS 2000

typedef void (*check_fn)(const struct facts *facts, struct findings *findings);

void check_configuration(const struct facts *facts, struct findings *findings);
void check_sharing(const struct facts *facts, struct findings *findings);
void check_units(const struct facts *facts, struct findings *findings);
void check_versions(const struct facts *facts, struct findings *findings);

void check_port(const struct facts *facts, struct findings *findings);
void check_addresses(const struct facts *facts, struct findings *findings);
void check_firewall(const struct facts *facts, struct findings *findings);
void check_visitors(const struct facts *facts, struct findings *findings);

void check_daemons(const struct facts *facts, struct findings *findings);

void check_session(const struct facts *facts, struct findings *findings);
void check_screen(const struct facts *facts, struct findings *findings);
void check_sound(const struct facts *facts, struct findings *findings);
void check_camera(const struct facts *facts, struct findings *findings);

void check_files(const struct facts *facts, struct findings *findings);
void check_shared_memory(const struct facts *facts, struct findings *findings);
void check_limits(const struct facts *facts, struct findings *findings);

/*
 * Runs `PROGRAM --probe`, with the rights with which it would serve, and adds what it says
 * (doctor_media.c).  `name` is that of the finding that says why nothing was found out.
 */
void check_by_probe(const struct facts *facts, const char *program, const char *name,
	struct findings *findings);

/* The port that is listened on, or would be. */
uint16_t check_port_number(const struct facts *facts);
