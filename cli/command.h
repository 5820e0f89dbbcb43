/* SPDX-License-Identifier: MIT */
/*
 * A command is a word after `screenshare`; one file each, all in main.c's table.  Its main() gets
 * its own word as argv[0] and returns an exit status.
 */
#pragma once

enum command_status {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,     /* it has said why */
	COMMAND_WRONG_USE = 2,  /* of its arguments */
	COMMAND_NOT_RUNNING = 3 /* nothing is shared, so nobody could be asked */
};

int run_main(int argc, char **argv); /* also 78: the configuration is wrong */
int status_main(int argc, char **argv);
int viewers_main(int argc, char **argv);
int files_main(int argc, char **argv);
int url_main(int argc, char **argv);
int pause_main(int argc, char **argv);
int resume_main(int argc, char **argv);
int mute_main(int argc, char **argv);
int unmute_main(int argc, char **argv);
int allow_main(int argc, char **argv);
int deny_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int reload_main(int argc, char **argv);
int version_main(int argc, char **argv);

/* After getopt_long() with opterr = 0 and a leading ':' has answered '?' or ':' (`option`): says
 * what was wrong.  COMMAND_WRONG_USE. */
int command_refuse_option(int option, char **argv);
/* Says that argv[optind] is too many.  COMMAND_WRONG_USE. */
int command_refuse_argument(char **argv);
/* Flushes stdout.  COMMAND_OK, or COMMAND_FAILED after saying that it could not be written. */
int command_flush(void);
