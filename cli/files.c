/* SPDX-License-Identifier: MIT */
/*
 * `screenshare files`: the presenter's hands on what is shared.  Everything goes over the control
 * socket, but for the bytes of a file that is added: they take the way of every upload, with a word
 * from the control socket that lets them in.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/sharer.h"
#include "cli/text.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/utf8.h"

#define NAME_COLUMNS 60 /* characters */
#define SENDER_MAX   24
#define CELL(max)    ((max)*4 + 4)
#define HEAD_SIZE    8192
#define URL_MAX      128
#define WORDS_MAX    160 /* characters of an answer */
#define SEND_STEP    (16u * 1024u * 1024u)

static const char help[] =
	"Usage: screenshare files [list] [--json] [--port PORT]\n"
	"       screenshare files add FILE...\n"
	"       screenshare files delete NAME...\n"
	"       screenshare files restore [ID...]\n"
	"       screenshare files rename NAME NEW-NAME\n"
	"Lists the shared files, or changes what is shared.\n"
	"\n"
	"  add      copies files of this computer to the shared ones\n"
	"  delete   puts shared files into the trash, where they rest for a day\n"
	"  restore  brings files back from there; without an ID, lists what is there\n"
	"  rename   gives a shared file another name\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n";

/* --- asking --- */

/* {"request":"files","action":…} */
static json_t *order(const char *action)
{
	return json_pack("{ss ss}", "request", "files", "action", action);
}

static bool was_granted(const json_t *answer, const char *verb, const char *word)
{
	char words[CELL(WORDS_MAX)];

	if (!verb || json_is_true(json_object_get(answer, "ok")))
		return ask_was_granted(answer);
	log_err("Could not %s %s: %s", verb, word,
		text_clean(ask_text(answer, "error"), WORDS_MAX, words, sizeof(words)));
	return false;
}

/* Takes the request over.  COMMAND_OK and *answer, granted; else an exit status.  `verb`, `word`:
 * what it is that failed then, one of several; NULL: there is but one. */
static int ask_about(const struct options *options, json_t *request, const char *verb,
	const char *word, json_t **answer)
{
	int status;

	if (!request) {
		log_err("Could not ask the server: %s", strerror(ENOMEM));
		return COMMAND_FAILED;
	}
	status = ask_somebody(options->port, request, answer);
	json_decref(request);
	if (status == COMMAND_OK && !was_granted(*answer, verb, word)) {
		json_decref(*answer);
		return COMMAND_FAILED;
	}
	return status;
}

static int ask(const struct options *options, json_t *request, json_t **answer)
{
	return ask_about(options, request, NULL, NULL, answer);
}

/* Names are UTF-8, as JSON is: no other word can be one. */
static bool can_be_name(const char *word)
{
	if (utf8_is_valid(word, strlen(word)))
		return true;
	log_err("Could not find %s: the names of shared files are UTF-8", word);
	return false;
}

/* Asks for `action` on one file. */
static int ask_for_one(
	const struct options *options, const char *action, const char *key, const char *value)
{
	json_t *request, *answer;
	int status;

	if (!can_be_name(value))
		return COMMAND_FAILED;
	request = order(action);
	json_object_set_new(request, key, json_string(value));
	status = ask_about(options, request, action, value, &answer);
	if (status != COMMAND_OK)
		return status;
	if (json_object_get(answer, "name")) {
		char name[CELL(NAME_COLUMNS)];

		printf("%s\n",
			text_clean(ask_text(answer, "name"), NAME_COLUMNS, name, sizeof(name)));
	}
	json_decref(answer);
	return command_flush();
}

/* --- list --- */

static const char *moment(uint64_t ms, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(out, 32, "%Y-%m-%d %H:%M", &local);
	return out;
}

static void print_file(const json_t *file)
{
	char name[CELL(NAME_COLUMNS)], sender[CELL(SENDER_MAX)], size[TEXT_FIGURE_MAX], when[32];
	const char *from = ask_text(file, "sender");

	if (*from == '\0')
		from = ask_text(file, "address");
	printf("%9s  %s  %-*s  %s\n", text_bytes(ask_number(file, "size"), size),
		moment(ask_number(file, "modified"), when), 16,
		text_clean(from, SENDER_MAX, sender, sizeof(sender)),
		text_clean(ask_text(file, "name"), NAME_COLUMNS, name, sizeof(name)));
}

static void print_json(const json_t *answer)
{
	/* ASCII alone: what a stranger put into it reaches no terminal as it is. */
	json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* All of them, however many answers that takes. */
static int list(const struct options *options)
{
	json_t *all = json_array(), *answer, *files;
	size_t n = 0, i;
	json_t *file;
	int status;

	do {
		json_t *request = order("list");

		json_object_set_new(request, "from", json_integer((json_int_t)n));
		status = ask(options, request, &answer);
		if (status != COMMAND_OK) {
			json_decref(all);
			return status;
		}
		files = json_object_get(answer, "files");
		i = json_array_size(files);
		json_array_extend(all, files);
		json_decref(answer);
		n += i;
	} while (i > 0);
	if (options->as_json)
		print_json(all);
	else if (n == 0)
		puts("No files are shared");
	else
		json_array_foreach(all, i, file) print_file(file);
	json_decref(all);
	return command_flush();
}

/* --- restore --- */

static int list_trash(const struct options *options)
{
	char name[CELL(NAME_COLUMNS)], size[TEXT_FIGURE_MAX], when[32];
	json_t *answer, *files, *file;
	int status = ask(options, order("trash"), &answer);
	size_t i;

	if (status != COMMAND_OK)
		return status;
	files = json_object_get(answer, "files");
	if (options->as_json)
		print_json(files);
	else if (json_array_size(files) == 0)
		puts("There is nothing in the trash");
	else
		json_array_foreach(files, i, file) printf("%s  %9s  %s  %s\n", ask_text(file, "id"),
			text_bytes(ask_number(file, "size"), size),
			moment(ask_number(file, "deleted"), when),
			text_clean(ask_text(file, "name"), NAME_COLUMNS, name, sizeof(name)));
	json_decref(answer);
	return command_flush();
}

/* --- add --- */

/* "http://192.168.1.5:8001/" → a connection, and what to write into Host. */
static int connect_to(const char *url, char host[URL_MAX])
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
	char name[URL_MAX], *port;
	int fd, r;

	if (strncmp(url, "http://", 7) != 0)
		return -EPROTO;
	snprintf(host, URL_MAX, "%.*s", (int)strcspn(url + 7, "/"), url + 7);
	snprintf(name, sizeof(name), "%s", host);
	port = strrchr(name, ':');
	if (!port || port == name)
		return -EPROTO;
	*port++ = '\0';
	if (name[0] == '[' && port[-2] == ']') {
		port[-2] = '\0';
		memmove(name, name + 1, strlen(name));
	}
	if (getaddrinfo(name, port, &wanted, &found) != 0)
		return -EHOSTUNREACH;
	fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
	r = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ? -errno : fd;
	freeaddrinfo(found);
	if (r < 0)
		fd_close(&fd);
	return r;
}

/* Any of the site's addresses that answers. */
static int connect_to_site(const struct options *options, char host[URL_MAX])
{
	json_t *answer, *urls, *url;
	int fd = -ENOENT;
	size_t i;

	if (ask(options, json_pack("{ss}", "request", "url"), &answer) != COMMAND_OK)
		return -ECANCELED;
	urls = json_object_get(answer, "urls");
	json_array_foreach(urls, i, url)
	{
		fd = json_is_string(url) ? connect_to(json_string_value(url), host) : -EPROTO;
		if (fd >= 0)
			break;
	}
	json_decref(answer);
	if (fd < 0)
		log_err("Could not reach the server at any of its addresses: %s", strerror(-fd));
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* "/uploads/" and the name, percent-encoded. */
static void write_target(const char *name, char *out)
{
	out += sprintf(out, "/uploads/");
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			*out++ = *name;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
}

/* Sends the open file.  0 or -errno; a refusal comes as an answer. */
static int send_file(
	int fd, int file, uint64_t size, const char *host, const char *name, const char *token)
{
	char head[HEAD_SIZE], target[3 * 256 + 16];
	int len;

	write_target(name, target);
	len = snprintf(head, sizeof(head),
		"PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %" PRIu64
		"\r\nX-Screenshare-Presenter: %s\r\nConnection: close\r\n\r\n",
		target, host, size, token);
	if (!write_all(fd, head, (size_t)len))
		return -errno;
	while (size > 0) {
		ssize_t n = sendfile(fd, file, NULL, size < SEND_STEP ? (size_t)size : SEND_STEP);

		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= (uint64_t)n;
	}
	return 0;
}

/* Whether it was taken; if not, it says why. */
static bool was_taken(int fd, const char *path)
{
	char answer[HEAD_SIZE], words[CELL(WORDS_MAX)];
	size_t len = 0;
	ssize_t n;
	char *body;

	while (len < sizeof(answer) - 1 &&
		(n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	if (strncmp(answer, "HTTP/1.1 201 ", 13) == 0)
		return true;
	body = strstr(answer, "\r\n\r\n");
	if (body)
		body[4 + strcspn(body + 4, "\r\n")] = '\0';
	log_err("Could not add %s: %s", path,
		body ? text_clean(body + 4, WORDS_MAX, words, sizeof(words))
		     : "the server closed the connection");
	return false;
}

static int add(const struct options *options, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), fd = -1, r = 0, status;
	char host[URL_MAX];
	json_t *answer;
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -ENODATA;
	else if (strlen(name) > 255)
		r = -ENAMETOOLONG;
	if (r < 0) {
		log_err("Could not add %s: %s", path,
			r == -ENODATA ? "it has no end; only files can be added" : strerror(-r));
		fd_close(&file);
		return COMMAND_FAILED;
	}
	status = ask(options, order("add"), &answer);
	if (status == COMMAND_OK) {
		fd = connect_to_site(options, host);
		status = COMMAND_FAILED;
		if (fd >= 0) {
			r = send_file(fd, file, (uint64_t)st.st_size, host, name,
				ask_text(answer, "token"));
			if (r < 0)
				log_err("Could not add %s: %s", path, strerror(-r));
			else if (was_taken(fd, path))
				status = COMMAND_OK;
		}
		json_decref(answer);
	}
	fd_close(&fd);
	fd_close(&file);
	return status;
}

/* --- words --- */

static int each(const struct options *options, char **words, int n,
	int (*act)(const struct options *options, const char *word))
{
	int status = COMMAND_OK;

	for (int i = 0; i < n; i++) {
		int one = act(options, words[i]);

		if (one != COMMAND_OK)
			status = one;
		if (one == COMMAND_NOT_RUNNING)
			break;
	}
	return status;
}

static int delete_one(const struct options *options, const char *name)
{
	return ask_for_one(options, "delete", "name", name);
}

static int restore_one(const struct options *options, const char *id)
{
	return ask_for_one(options, "restore", "id", id);
}

static int rename_one(const struct options *options, const char *name, const char *new_name)
{
	const char *given;
	json_t *request, *answer;
	int status;

	if (!can_be_name(name) || !can_be_name(new_name))
		return COMMAND_FAILED;
	request = order("rename");
	json_object_set_new(request, "name", json_string(name));
	json_object_set_new(request, "new_name", json_string(new_name));
	status = ask_about(options, request, "rename", name, &answer);
	if (status != COMMAND_OK)
		return status;
	given = json_string_value(json_object_get(answer, "name"));
	if (given && strcmp(given, new_name) != 0) /* made safe: it is not found under the other */
		puts(given);
	json_decref(answer);
	return COMMAND_OK;
}

static int act(const struct options *options, char **words, int n)
{
	const char *verb = n > 0 ? words[0] : "list";
	int n_more = n > 0 ? n - 1 : 0;

	if (strcmp(verb, "list") == 0 && n_more == 0)
		return list(options);
	if (strcmp(verb, "add") == 0 && n_more > 0)
		return each(options, words + 1, n_more, add);
	if (strcmp(verb, "delete") == 0 && n_more > 0)
		return each(options, words + 1, n_more, delete_one);
	if (strcmp(verb, "restore") == 0 && n_more > 0)
		return each(options, words + 1, n_more, restore_one);
	if (strcmp(verb, "restore") == 0)
		return list_trash(options);
	if (strcmp(verb, "rename") == 0 && n_more == 2)
		return rename_one(options, words[1], words[2]);
	log_err("Expected list, add, delete, restore or rename, and what they are for; see --help");
	return COMMAND_WRONG_USE;
}

int files_main(int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(OPTION_PORT | OPTION_JSON, help, argc, argv, &options, &status))
		return status;
	signal(SIGPIPE, SIG_IGN); /* a refusal before the end is an answer */
	return act(&options, argv + optind, argc - optind);
}
