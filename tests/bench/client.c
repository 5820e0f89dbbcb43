/* SPDX-License-Identifier: MIT */
/*
 * The viewers: N connections to a multipart stream in one process.
 *
 *     client [--viewers N] [--parse K] [--warmup S] [--seconds S] [--whole] [--path /P]
 * 127.0.0.1:PORT client --first …   until the first picture that holds a time code client --deaf …
 * asks, and never reads
 *
 * K of the viewers, spread evenly, take every byte, find the frames, note when the last byte of
 * each has come and read its time code.  The others let the kernel drop what it has received for
 * them (MSG_TRUNC): a hundred viewers that copied everything would measure themselves.  How many
 * frames they had follows from their bytes and the mean length of those that were parsed.
 *
 * Prints MEASURE when the warm-up is over, and at the end one line of JSON.  --whole: only pictures
 * whose first rows carry the same frame's number as the last count as whole.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/mjpeg_finder.h"
#include "tests/bench/timecode_jpeg.h"

#define READ_SIZE       262144u
#define FIRST_WITHIN_NS (20 * NS_PER_S)

struct viewer {
	int fd;
	bool is_parsed;
	uint64_t asked_ns, first_ns, closed_ns; /* 0: not yet */
	uint64_t bytes;                         /* since the measurement began */
	struct mjpeg_finder finder;
	uint64_t last_us; /* the newest time code seen */
	uint64_t n_frames, frame_bytes, n_distinct, n_whole, n_codeless;
};
struct client {
	struct sockaddr_in address;
	const char *path;
	unsigned n_viewers, n_parsed;
	double warmup_s, seconds;
	bool is_first, is_deaf, wants_whole;
	unsigned spacing_ms; /* from one viewer's request to the next one's */
	int epoll_fd;
	struct viewer *viewers;
	struct timecode_reader *reader;
	bool is_measuring;
	uint32_t *ages_us; /* of each new time code, when its frame's last byte came */
	size_t n_ages, ages_capacity;
};

static void ask(struct client *client, struct viewer *viewer)
{
	char request[512];
	int n = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: screenshare-bench\r\n"
		"Accept: */*\r\n\r\n",
		client->path, ntohs(client->address.sin_port));
	viewer->asked_ns = clock_monotonic_ns();
	viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(viewer->fd, (struct sockaddr *)&client->address, sizeof(client->address)))
		die("Could not connect: %s", strerror(errno));
	if (send(viewer->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		die("Could not send a request");
	struct epoll_event event = {
		.events = client->is_deaf ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP, .data.ptr = viewer};
	epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, viewer->fd, &event);
}

static void note_age(struct client *client, uint32_t age_us)
{
	if (client->n_ages == client->ages_capacity) {
		client->ages_capacity = client->ages_capacity * 2 + 1024;
		client->ages_us =
			realloc(client->ages_us, client->ages_capacity * sizeof(*client->ages_us));
		if (!client->ages_us)
			die("Out of memory");
	}
	client->ages_us[client->n_ages++] = age_us;
}

static void on_frame(struct client *client, struct viewer *viewer, const struct mjpeg_frame *frame,
	uint64_t now_ns)
{
	struct timecode last, first;
	bool has_code = timecode_reader_last(client->reader, frame, &last);
	if (!viewer->first_ns && has_code)
		viewer->first_ns = now_ns;
	bool is_new = has_code && last.us != viewer->last_us;
	if (is_new)
		viewer->last_us = last.us;
	if (!client->is_measuring)
		return;
	viewer->n_frames++;
	viewer->frame_bytes += frame->len;
	viewer->n_codeless += !has_code;
	if (!is_new)
		return;
	viewer->n_distinct++;
	note_age(client, (uint32_t)timecode_age_us(last.us, now_ns / NS_PER_US));
	viewer->n_whole +=
		!client->wants_whole ||
		(timecode_reader_first(client->reader, frame, &first) && first.frame == last.frame);
}

static void on_closed(struct client *client, struct viewer *viewer)
{
	epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, viewer->fd, NULL);
	viewer->closed_ns = clock_monotonic_ns();
}

static void on_readable(struct client *client, struct viewer *viewer)
{
	ssize_t n;
	if (viewer->is_parsed) {
		size_t room;
		uint8_t *to = mjpeg_finder_room(&viewer->finder, READ_SIZE, &room);
		n = recv(viewer->fd, to, room, MSG_DONTWAIT);
	} else {
		n = recv(viewer->fd, NULL, 64 << 20, MSG_DONTWAIT | MSG_TRUNC);
	}
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		on_closed(client, viewer);
		return;
	}
	if (client->is_measuring)
		viewer->bytes += (uint64_t)n;
	if (!viewer->is_parsed)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	struct mjpeg_frame frame;
	mjpeg_finder_fed(&viewer->finder, (size_t)n);
	while (mjpeg_finder_next(&viewer->finder, &frame))
		on_frame(client, viewer, &frame, now_ns);
}

/* Until `until_ns`, or until viewer 0 has its first picture if that is all that is wanted. */
static void run_until(struct client *client, uint64_t until_ns, bool until_first)
{
	struct epoll_event events[128];
	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		if (now_ns >= until_ns || (until_first && client->viewers[0].first_ns))
			return;
		struct timespec timeout = {.tv_sec = (time_t)((until_ns - now_ns) / NS_PER_S),
			.tv_nsec = (long)((until_ns - now_ns) % NS_PER_S)};
		int n = epoll_pwait2(client->epoll_fd, events, 128, &timeout, NULL);
		for (int i = 0; i < n; i++) {
			struct viewer *viewer = events[i].data.ptr;
			if (events[i].events & EPOLLIN)
				on_readable(client, viewer);
			else
				on_closed(client, viewer);
		}
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static double age_ms(const struct client *client, double quantile)
{
	if (client->n_ages == 0)
		return -1;
	return client->ages_us[(size_t)(quantile * (double)(client->n_ages - 1) + 0.5)] / 1000.0;
}

static void report(struct client *client, double seconds, double cpu_s)
{
	uint64_t n_frames = 0, frame_bytes = 0, distinct = 0, whole = 0, codeless = 0, bytes = 0;
	uint64_t least = UINT64_MAX;
	unsigned n_closed = 0;
	for (unsigned i = 0; i < client->n_viewers; i++) {
		const struct viewer *viewer = &client->viewers[i];
		n_frames += viewer->n_frames;
		frame_bytes += viewer->frame_bytes;
		distinct += viewer->n_distinct;
		whole += viewer->n_whole;
		codeless += viewer->n_codeless;
		bytes += viewer->bytes;
		n_closed += viewer->closed_ns != 0;
		if (viewer->bytes < least)
			least = viewer->bytes;
	}
	qsort(client->ages_us, client->n_ages, sizeof(*client->ages_us), compare_u32);
	double parsed = client->n_parsed,
	       mean = n_frames ? (double)frame_bytes / (double)n_frames : 0;
	double first_ms =
		client->viewers[0].first_ns
			? (double)(client->viewers[0].first_ns - client->viewers[0].asked_ns) / 1e6
			: -1;
	printf("{\"viewers\": %u, \"parsed\": %u, \"closed\": %u, \"seconds\": %.3f, "
	       "\"first_ms\": %.2f, \"frames\": %llu, \"codeless\": %llu, \"fps\": %.3f, "
	       "\"whole_fps\": %.3f, \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"max_ms\": %.3f, "
	       "\"frame_bytes\": %.0f, \"bytes_per_s\": %.0f, \"fps_by_bytes\": %.3f, "
	       "\"least_fps_by_bytes\": %.3f, \"cpu_s\": %.4f}\n",
		client->n_viewers, client->n_parsed, n_closed, seconds, first_ms,
		(unsigned long long)n_frames, (unsigned long long)codeless,
		(double)distinct / seconds / parsed, (double)whole / seconds / parsed,
		age_ms(client, 0.5), age_ms(client, 0.95), age_ms(client, 1), mean,
		(double)bytes / seconds,
		mean > 0 ? (double)bytes / seconds / client->n_viewers / mean : 0,
		mean > 0 ? (double)least / seconds / mean : 0, cpu_s);
}

static void run_deaf(struct client *client)
{
	puts("MEASURE");
	fflush(stdout);
	uint64_t end_ns = clock_monotonic_ns() + (uint64_t)(client->seconds * 1e9);
	run_until(client, end_ns, false);
	printf("{\"closed_after_s\": [");
	for (unsigned i = 0, n = 0; i < client->n_viewers; i++) {
		const struct viewer *viewer = &client->viewers[i];
		if (viewer->closed_ns)
			printf("%s%.2f", n++ ? ", " : "",
				(double)(viewer->closed_ns - viewer->asked_ns) / 1e9);
	}
	printf("]}\n");
}

static void parse_arguments(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {{"viewers", required_argument, NULL, 'n'},
		{"parse", required_argument, NULL, 'k'}, {"warmup", required_argument, NULL, 'w'},
		{"seconds", required_argument, NULL, 's'}, {"path", required_argument, NULL, 'p'},
		{"whole", no_argument, NULL, 'W'}, {"first", no_argument, NULL, 'f'},
		{"deaf", no_argument, NULL, 'd'}, {"spacing", required_argument, NULL, 'm'}, {0}};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'n':
			client->n_viewers = (unsigned)atoi(optarg);
			break;
		case 'k':
			client->n_parsed = (unsigned)atoi(optarg);
			break;
		case 'w':
			client->warmup_s = atof(optarg);
			break;
		case 's':
			client->seconds = atof(optarg);
			break;
		case 'p':
			client->path = optarg;
			break;
		case 'm':
			client->spacing_ms = (unsigned)atoi(optarg);
			break;
		case 'W':
			client->wants_whole = true;
			break;
		case 'f':
			client->is_first = true;
			break;
		case 'd':
			client->is_deaf = true;
			break;
		default:
			exit(2);
		}
	}
	char *colon = optind < argc ? strchr(argv[optind], ':') : NULL;
	if (!colon || client->n_viewers < 1 || client->n_viewers > 1000)
		die("usage: client [--viewers N] [--parse K] [--warmup S] [--seconds S] [--whole] "
		    "[--path /P] [--first|--deaf] 127.0.0.1:PORT");
	*colon = 0;
	client->address.sin_family = AF_INET;
	client->address.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, argv[optind], &client->address.sin_addr) != 1)
		die("Not an IPv4 address: %s", argv[optind]);
	if (client->n_parsed < 1 || client->n_parsed > client->n_viewers)
		client->n_parsed = client->n_viewers < 5 ? client->n_viewers : 5;
}

int main(int argc, char **argv)
{
	struct client client = {.path = "/d_video", .n_viewers = 1, .warmup_s = 1, .seconds = 5};
	parse_arguments(&client, argc, argv);
	client.reader = timecode_reader_open();
	client.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	client.viewers = calloc(client.n_viewers, sizeof(*client.viewers));
	if (!client.viewers)
		die("Out of memory");
	for (unsigned i = 0; i < client.n_viewers; i++) {
		struct viewer *viewer = &client.viewers[i];
		/* Every time i × K / N reaches the next whole number; viewer 0 is one of them. */
		viewer->is_parsed = i * client.n_parsed % client.n_viewers < client.n_parsed;
		if (viewer->is_parsed)
			mjpeg_finder_init(&viewer->finder);
		ask(&client, viewer);
		if (client.spacing_ms > 0 && i + 1 < client.n_viewers)
			run_until(&client, viewer->asked_ns + client.spacing_ms * NS_PER_MS, false);
	}

	if (client.is_deaf) {
		run_deaf(&client);
	} else {
		run_until(&client, clock_monotonic_ns() + FIRST_WITHIN_NS, true);
		if (!client.viewers[0].first_ns)
			die("No picture with a time code within %llu s",
				FIRST_WITHIN_NS / NS_PER_S);
		if (!client.is_first) {
			run_until(&client, clock_monotonic_ns() + (uint64_t)(client.warmup_s * 1e9),
				false);
			puts("MEASURE");
			fflush(stdout);
			client.is_measuring = true;
			uint64_t begin_ns = clock_monotonic_ns();
			uint64_t spent_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
			run_until(&client, begin_ns + (uint64_t)(client.seconds * 1e9), false);
			report(&client, (double)(clock_monotonic_ns() - begin_ns) / 1e9,
				(double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spent_ns) / 1e9);
		} else {
			report(&client, 1, 0);
		}
	}
	timecode_reader_close(client.reader);
	return 0;
}
