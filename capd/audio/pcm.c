/* SPDX-License-Identifier: MIT */
#include "capd/audio/pcm.h"

#include <alsa/asoundlib.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capd/audio/server_source.h"
#include "capd/audio/sound_server.h"
#include "common/clock.h"
#include "common/stream.h"

#define PERIOD_FRAMES SOUND_RECORD_FRAMES /* asks a sound server for pieces of 10 ms */
#define BUFFER_FRAMES (SOUND_RATE / 5)    /* so long the loop may be away */
#define DEVICE_MAX    SOUND_SERVER_NAME_MAX
#define SERVER_PREFIX "pulse:"
#define ANSWER_MS     1400            /* a sound server that takes longer does not answer */
#define ODD_NS        (2 * NS_PER_MS) /* a reading that took longer dates nothing well */

struct pcm {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over; /* under the lock: pcm_close() was called */
	_Atomic int phase;

	/* the thread's while opening, the loop's while running, the thread's again once over */
	snd_pcm_t *handle;            /* one of these two */
	struct server_source *source; /* " */
	int error;
	char words[PCM_WORDS_MAX];
	bool is_server;
	char device[DEVICE_MAX]; /* what `name` stands for */

	char beside[DEVICE_MAX]; /* constant: what runs already; "": nothing */
	unsigned flags;          /* " */
	char name[];             /* " */
};

/* How many threads there are. */
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t live_changed;
static unsigned n_live;

/* Where this thread's messages go. */
static _Thread_local char *message;

__attribute__((format(printf, 5, 6))) static void on_message(
	const char *file, int line, const char *function, int error, const char *format, ...)
{
	va_list arguments;
	(void)file, (void)line, (void)function, (void)error;

	if (!message)
		return;
	va_start(arguments, format);
	vsnprintf(message, PCM_WORDS_MAX, format, arguments);
	va_end(arguments);
}

void pcm_begin(void)
{
	pthread_condattr_t attr;

	snd_lib_error_set_handler(on_message);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&live_changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* --- opening, on the thread --- */

/* 48 kHz, stereo, s16, small pieces.  0 or -errno: the device cannot. */
static int set_parameters(snd_pcm_t *handle)
{
	snd_pcm_hw_params_t *params = NULL;
	snd_pcm_uframes_t period = PERIOD_FRAMES, buffer = BUFFER_FRAMES;
	int r = snd_pcm_hw_params_malloc(&params);

	if (r < 0)
		return r;
	if ((r = snd_pcm_hw_params_any(handle, params)) < 0 ||
		(r = snd_pcm_hw_params_set_access(handle, params, SND_PCM_ACCESS_RW_INTERLEAVED)) <
			0 ||
		(r = snd_pcm_hw_params_set_format(handle, params, SND_PCM_FORMAT_S16)) < 0 ||
		(r = snd_pcm_hw_params_set_channels(handle, params, SOUND_CHANNELS)) < 0 ||
		(r = snd_pcm_hw_params_set_rate(handle, params, SOUND_RATE, 0)) < 0 ||
		(r = snd_pcm_hw_params_set_buffer_size_near(handle, params, &buffer)) < 0 ||
		(r = snd_pcm_hw_params_set_period_size_near(handle, params, &period, NULL)) < 0)
		goto out;
	r = snd_pcm_hw_params(handle, params);
out:
	snd_pcm_hw_params_free(params);
	return r;
}

static int open_as(struct pcm *pcm, const char *name)
{
	snd_pcm_sframes_t delay;
	int r = snd_pcm_open(&pcm->handle, name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);

	if (r < 0) {
		pcm->handle = NULL;
		return r;
	}
	r = set_parameters(pcm->handle);
	if (r == 0)
		r = snd_pcm_start(pcm->handle);
	/* The first one may wait for the server; it says nothing of whether the PCM works. */
	if (r == 0)
		(void)snd_pcm_delay(pcm->handle, &delay);
	if (r < 0) {
		snd_pcm_close(pcm->handle);
		pcm->handle = NULL;
	}
	return r;
}

/* The monitor of the server's default sink. */
static int find_monitor(char device[DEVICE_MAX])
{
	struct sound_server_defaults defaults;
	int r = sound_server_ask(&defaults, ANSWER_MS);

	if (r < 0)
		return r;
	snprintf(device, DEVICE_MAX, "%s", defaults.monitor);
	return defaults.monitor[0] ? 0 : -ENODEV;
}

/* "pulse:NAME", where that is one plain name; else NULL. */
static const char *server_name(const char *name)
{
	const size_t len = strlen(SERVER_PREFIX);

	return strncmp(name, SERVER_PREFIX, len) == 0 && name[len] && !strpbrk(name + len, "=,\"' ")
		       ? name + len
		       : NULL;
}

/* PCM_SAME, PCM_RUNNING, or -errno. */
static int open_source(struct pcm *pcm, const char *name)
{
	int r = 0;

	if (strcmp(pcm->name, PCM_DEFAULT_MONITOR) == 0)
		r = find_monitor(pcm->device);
	else
		snprintf(pcm->device, sizeof(pcm->device), "%s", name);
	if (r < 0)
		return r;
	if (strcmp(pcm->name, PCM_DEFAULT_MONITOR) == 0 && strcmp(pcm->device, pcm->beside) == 0)
		return PCM_SAME;
	pcm->is_server = true;
	r = server_source_open(pcm->device, ANSWER_MS, &pcm->source);
	return r < 0 ? r : PCM_RUNNING;
}

/* Without a microphone the default source is what hears the sink: that is heard already. */
static int check_microphone(const struct pcm *pcm)
{
	struct sound_server_defaults defaults;
	bool is_default = strcmp(pcm->name, "default") == 0 || strcmp(pcm->name, "pulse") == 0;

	if (!(pcm->flags & PCM_IS_MICROPHONE) || !pcm->is_server || !is_default)
		return 0;
	int r = sound_server_ask(&defaults, ANSWER_MS);
	if (r < 0)
		return r;
	return defaults.source[0] && !defaults.source_is_monitor ? 0 : -ENODEV;
}

static int open_handle(struct pcm *pcm)
{
	int r;

	if (pcm->flags & PCM_ANEW)
		snd_config_update_free_global();
	r = open_as(pcm, pcm->name);
	/* Parameters that it does not have: ALSA converts. */
	if (r == -EINVAL && !strchr(pcm->name, '"') && strlen(pcm->name) < DEVICE_MAX) {
		char converted[DEVICE_MAX + 16];

		snprintf(converted, sizeof(converted), "plug:\"%s\"", pcm->name);
		r = open_as(pcm, converted);
	}
	if (r < 0)
		return r;
	pcm->is_server = snd_pcm_type(pcm->handle) == SND_PCM_TYPE_IOPLUG;
	r = check_microphone(pcm);
	return r < 0 ? r : PCM_RUNNING;
}

static void free_pcm(struct pcm *pcm)
{
	if (pcm->handle)
		snd_pcm_close(pcm->handle);
	server_source_close(pcm->source);
	pthread_cond_destroy(&pcm->changed);
	pthread_mutex_destroy(&pcm->lock);
	free(pcm);
	pthread_mutex_lock(&live_lock);
	n_live--;
	pthread_cond_broadcast(&live_changed);
	pthread_mutex_unlock(&live_lock);
}

static void *run(void *arg)
{
	struct pcm *pcm = arg;

	message = pcm->words;
	const char *name = server_name(pcm->name);
	int r = name ? open_source(pcm, name) : open_handle(pcm);
	message = NULL;
	pcm->error = r < 0 ? -r : 0;
	/* Whoever reads this phase sees all of the above. */
	atomic_store_explicit(&pcm->phase, r < 0 ? PCM_FAILED : r, memory_order_release);
	pthread_mutex_lock(&pcm->lock);
	while (!pcm->is_over)
		pthread_cond_wait(&pcm->changed, &pcm->lock);
	pthread_mutex_unlock(&pcm->lock);
	free_pcm(pcm);
	return NULL;
}

/* --- the loop's side --- */

static int take_thread(void)
{
	int r = 0;

	pthread_mutex_lock(&live_lock);
	if (n_live >= PCM_THREADS_MAX)
		r = -EAGAIN;
	else
		n_live++;
	pthread_mutex_unlock(&live_lock);
	return r;
}

int pcm_open(const char *name, unsigned flags, const struct pcm *beside, struct pcm **out)
{
	struct pcm *pcm = calloc(1, sizeof(*pcm) + strlen(name) + 1);
	sigset_t all, before;
	pthread_t thread;

	if (!pcm)
		return -ENOMEM;
	int r = take_thread();
	if (r < 0) {
		free(pcm);
		return r;
	}
	strcpy(pcm->name, name);
	pcm->flags = flags;
	if (beside)
		memcpy(pcm->beside, beside->device, sizeof(pcm->beside));
	pthread_mutex_init(&pcm->lock, NULL);
	pthread_cond_init(&pcm->changed, NULL);
	/* Signals are the loop's; a sound server's own threads inherit this. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, run, pcm);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		free_pcm(pcm);
		return -r;
	}
	pthread_detach(thread);
	*out = pcm;
	return 0;
}

enum pcm_phase pcm_phase(const struct pcm *pcm)
{
	return (enum pcm_phase)atomic_load_explicit(&pcm->phase, memory_order_acquire);
}

int pcm_error(const struct pcm *pcm)
{
	return pcm->error;
}

const char *pcm_words(const struct pcm *pcm)
{
	return pcm->words;
}

bool pcm_is_server(const struct pcm *pcm)
{
	return pcm->is_server;
}

bool pcm_has_news(struct pcm *pcm)
{
	return pcm->source && server_source_has_news(pcm->source);
}

/* As snd_pcm_avail() and snd_pcm_delay(). */
static ssize_t look(struct pcm *pcm, int64_t *delay)
{
	snd_pcm_sframes_t frames, avail;

	if (pcm->source)
		return server_source_look(pcm->source, delay);
	avail = snd_pcm_avail(pcm->handle);
	if (avail > 0)
		*delay = snd_pcm_delay(pcm->handle, &frames) < 0 ? avail : frames;
	return avail;
}

ssize_t pcm_read(struct pcm *pcm, int16_t *frames, size_t max, struct pcm_reading *reading)
{
	uint64_t before_ns;
	unsigned attempts = 0;
	ssize_t avail;

	/* The clock and the delay belong together: once more, if somebody came in between. */
	do {
		before_ns = clock_monotonic_ns();
		avail = look(pcm, &reading->delay);
		if (avail <= 0)
			return avail == -EAGAIN ? 0 : avail;
		reading->now_ns = clock_monotonic_ns();
	} while (reading->now_ns - before_ns > ODD_NS && ++attempts < 3);
	reading->avail = avail;
	if ((size_t)avail < max)
		max = (size_t)avail;
	if (pcm->source)
		return (ssize_t)server_source_read(pcm->source, frames, max);
	snd_pcm_sframes_t n = snd_pcm_readi(pcm->handle, frames, max);
	return n == -EAGAIN ? 0 : n;
}

void pcm_close(struct pcm *pcm)
{
	if (!pcm)
		return;
	pthread_mutex_lock(&pcm->lock);
	pcm->is_over = true;
	pthread_cond_signal(&pcm->changed);
	pthread_mutex_unlock(&pcm->lock);
}

bool pcm_wait_closed(unsigned timeout_ms)
{
	struct timespec until;
	bool all;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	pthread_mutex_lock(&live_lock);
	while (n_live > 0 && r == 0)
		r = pthread_cond_timedwait(&live_changed, &live_lock, &until);
	all = n_live == 0;
	pthread_mutex_unlock(&live_lock);
	return all;
}
