/* SPDX-License-Identifier: MIT */
/*
 * screenshare-audio: what this computer plays, and what its microphone hears, as streams.
 *
 *     desktop    ──► track ─┐
 *     microphone ──► track ─┴─► slot of 10 ms ──► mix ──► pipeline ──► rings (pcm, opus)
 *
 * One timer is all that wakes this program while sound is wanted: every 10 ms, a millisecond after
 * a slot has ended, it reads what the PCMs have and mixes the slots that are complete, or that have
 * waited long enough.  Slots follow each other on CLOCK_MONOTONIC whatever happens, so that there
 * is always a stream, of silence if need be, and its pts is always evenly 10 ms more.  At rest
 * nothing wakes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/audio/heard.h"
#include "capd/audio/input.h"
#include "capd/audio/mix.h"
#include "capd/audio/mute.h"
#include "capd/audio/pcm.h"
#include "capd/audio/pipeline.h"
#include "capd/audio/probe.h"
#include "capd/daemon.h"
#include "capd/session/session.h"
#include "capd/session/waiting.h"
#include "common/clock.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/service.h"

#define SLOT_NS       (SOUND_RECORD_MS * NS_PER_MS)
#define TICK_AFTER_NS NS_PER_MS         /* after a slot's end */
#define BEHIND_MAX_NS (500 * NS_PER_MS) /* we were stopped for longer: leave slots out */
#define CLOSE_WAIT_MS 500u

#define UNMUTES_NS    (3 * NS_PER_S)
#define UNMUTES_BURST 10

struct audio {
	struct config config;
	struct service_options options;
	struct daemon *daemon;
	struct pipeline pipeline;
	struct mute mute;
	struct ratelimit unmutes; /* as many as a person may want */
	struct input inputs[AUDIO_INPUT_COUNT];
	unsigned gains[AUDIO_INPUT_COUNT]; /* per cent */

	unsigned streams; /* wanted: bits 1 << enum stream_id */
	bool is_wished_mute;
	struct session *session;     /* whose sound; NULL: our own user's, always */
	bool is_held;                /* by the session: nothing may be heard … */
	struct session_verdict hold; /* … for that reason */
	uint64_t slot_ns;            /* the next one's begin */
	uint64_t n_left_out;         /* slots */
	sd_event_source *timer;
};

/* --- the state --- */

static void show_state(struct audio *audio)
{
	struct heard_input heard[AUDIO_INPUT_COUNT];
	char words[HEARD_WORDS_MAX];

	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		heard[i] = (struct heard_input){
			.is_chosen = mute_is_chosen(&audio->mute, i),
			.is_open = mute_is_open(&audio->mute, i),
			.state = audio->inputs[i].state,
			.words = audio->inputs[i].words,
		};
	enum source_state state = heard_describe(heard, audio->is_wished_mute, words);
	if (audio->is_held)
		daemon_set_state(audio->daemon, audio->hold.state, audio->hold.words, false);
	else if (audio->pipeline.refused)
		daemon_set_state(audio->daemon, STATE_NO_MEMORY, NULL, false);
	else
		daemon_set_state(audio->daemon, state, words, false);
}

/* Opens and closes the inputs as demand, session and mutes want it. */
static void update_inputs(struct audio *audio)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		input_set_open(&audio->inputs[i], audio->streams && !audio->is_held &&
							  !audio->is_wished_mute &&
							  mute_is_open(&audio->mute, i));
	if (audio->streams || audio->is_held)
		show_state(audio);
}

/* --- records --- */

/* A full /dev/shm is a state that begins, is retried, and ends. */
static void make_record(struct audio *audio, uint64_t now_ns)
{
	int32_t sum[SOUND_RECORD_FRAMES * SOUND_CHANNELS] = {0};
	int16_t frames[SOUND_RECORD_FRAMES * SOUND_CHANNELS];
	bool was_refused = audio->pipeline.refused;

	/* A closed input too: what it ended with fades out. */
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		input_take(&audio->inputs[i], audio->slot_ns, frames);
		mix_add(sum, frames, SOUND_RECORD_FRAMES, audio->gains[i]);
	}
	mix_saturate(sum, frames, SOUND_RECORD_FRAMES);
	int r = pipeline_sound(&audio->pipeline, frames, audio->slot_ns, now_ns);
	bool is_refused = audio->pipeline.refused;
	if (r < 0 && !is_refused)
		log_err("Could not publish sound: %s", strerror(-r));
	if (is_refused != was_refused)
		show_state(audio);
}

/* Is all there that belongs into the slot, or has it waited long enough? */
static bool slot_is_complete(const struct audio *audio, uint64_t now_ns)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		if (!input_is_ready(&audio->inputs[i], audio->slot_ns) &&
			now_ns < input_due_ns(&audio->inputs[i], audio->slot_ns))
			return false;
	return true;
}

static void tell_dropped(struct audio *audio)
{
	uint64_t dropped = audio->n_left_out;

	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		dropped += audio->inputs[i].track.n_dropped;
	daemon_set_dropped(audio->daemon, dropped);
}

static int on_tick(sd_event_source *timer, uint64_t due_us, void *arg)
{
	struct audio *audio = arg;
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t next_ns = due_us * NS_PER_US + SLOT_NS;
	bool changed = false;

	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		changed |= input_tick(&audio->inputs[i], now_ns);
	if (changed)
		show_state(audio);
	if (now_ns > audio->slot_ns + BEHIND_MAX_NS) {
		uint64_t n = (now_ns - audio->slot_ns) / SLOT_NS - 1;

		audio->slot_ns += n * SLOT_NS;
		audio->n_left_out += n;
	}
	while (now_ns >= audio->slot_ns + SLOT_NS && slot_is_complete(audio, now_ns)) {
		make_record(audio, now_ns);
		audio->slot_ns += SLOT_NS;
	}
	tell_dropped(audio);
	if (next_ns <= now_ns)
		next_ns += (now_ns - next_ns) / SLOT_NS * SLOT_NS + SLOT_NS;
	sd_event_source_set_time(timer, next_ns / NS_PER_US);
	return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* --- from the daemon --- */

static bool has_stream(void *arg, enum stream_id stream)
{
	(void)arg;
	return stream == STREAM_PCM || stream == STREAM_OPUS;
}

/* Slots lie on whole microseconds, as the timer does. */
static void start(struct audio *audio)
{
	uint64_t now_us = clock_monotonic_ns() / NS_PER_US;

	audio->slot_ns = now_us * NS_PER_US;
	sd_event_source_set_time(audio->timer, now_us + (SLOT_NS + TICK_AFTER_NS) / NS_PER_US);
	sd_event_source_set_enabled(audio->timer, SD_EVENT_ONESHOT);
}

static void stop(struct audio *audio)
{
	sd_event_source_set_enabled(audio->timer, SD_EVENT_OFF);
}

static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	struct audio *audio = arg;
	bool was_wanted = audio->streams != 0;
	(void)rate_millihertz;

	audio->streams = streams;
	pipeline_set_streams(&audio->pipeline, streams);
	if (streams && !was_wanted)
		start(audio);
	else if (!streams && was_wanted)
		stop(audio);
	update_inputs(audio);
}

/* Every record can be heard by itself. */
static void on_key_frame(void *arg, enum stream_id stream)
{
	(void)arg, (void)stream;
}

static void on_mute(void *arg, bool muted)
{
	struct audio *audio = arg;

	audio->is_wished_mute = muted;
	update_inputs(audio);
}

static void log_switch(const struct audio *audio, enum audio_input input, bool muted, int r)
{
	bool is_desktop = input == AUDIO_DESKTOP;

	if (r < 0)
		log_err("Could not remember that the %s is %s: %s; %s",
			is_desktop ? "desktop's sound" : "microphone", muted ? "muted" : "unmuted",
			strerror(-r),
			!muted ? "it stays as it was"
			: audio->mute.is_noted[input]
				? "it is muted until sharing is started anew"
				: "it is muted until the last listener has gone");
	else
		log_at(LOG_INFO,
			(&(const struct log_fields){
				.message = MESSAGE_SWITCHED, .source = source_name(SOURCE_AUDIO)}),
			"%s %s by the presenter", is_desktop ? "Desktop sound" : "Microphone",
			muted ? "muted" : "unmuted");
}

/* A program that switches without end is held up where it unmutes: silence is never refused. */
static int on_switch(void *arg, enum audio_input input, bool muted)
{
	struct audio *audio = arg;
	unsigned suppressed;
	int r;

	if (mute_is_kept(&audio->mute, input, muted))
		return 0;
	if (!muted && !ratelimit_allow(&audio->unmutes, clock_monotonic_ns(), &suppressed))
		return -EBUSY;
	r = mute_switch(&audio->mute, input, muted);
	log_switch(audio, input, muted, r);
	update_inputs(audio);
	return r;
}

static const struct daemon_ops daemon_ops = {
	.has_stream = has_stream,
	.on_demand = on_demand,
	.on_key_frame = on_key_frame,
	.on_mute = on_mute,
	.on_switch = on_switch,
};

/* Nobody's sound is there to be opened; what is muted now is so for whoever comes. */
static int on_switch_waiting(void *arg, enum audio_input input, bool muted)
{
	if (muted)
		return mute_switch(&((struct audio *)arg)->mute, input, true);
	log_warn("Could not unmute the %s: it is nobody's now; say it again when somebody's "
		 "desktop is shared",
		audio_input_name(input));
	return -ENXIO;
}

static const struct daemon_ops waiting_ops = {
	.has_stream = has_stream,
	.on_switch = on_switch_waiting,
};

/* --- from the session --- */

static void on_verdict(void *arg, const struct session_verdict *verdict)
{
	struct audio *audio = arg;

	audio->is_held = verdict->kind != SESSION_SHOW;
	audio->hold = *verdict;
	update_inputs(audio);
	/* Whoever only waits is told that the hold is over; what is heard shows when it is wanted.
	 */
	if (!audio->is_held && !audio->streams)
		daemon_set_state(audio->daemon, STATE_STARTING, NULL, false);
	if (verdict->kind == SESSION_END)
		sd_event_exit(daemon_event(audio->daemon), 0);
}

static const struct session_ops session_ops = {.on_verdict = on_verdict};

/* --- life --- */

static int audio_init(struct audio *audio, int listen_fd)
{
	struct output *pcm = NULL, *opus = NULL;
	int r = daemon_create(SOURCE_AUDIO, listen_fd, &daemon_ops, audio, &audio->daemon);

	if (r == 0)
		r = daemon_follow_config(audio->daemon, &audio->options, &audio->config);
	input_init(&audio->inputs[AUDIO_DESKTOP], AUDIO_DESKTOP, audio->config.audio.desktop);
	input_init(
		&audio->inputs[AUDIO_MICROPHONE], AUDIO_MICROPHONE, audio->config.audio.microphone);
	audio->unmutes.interval_ns = UNMUTES_NS;
	audio->unmutes.burst = UNMUTES_BURST;
	audio->gains[AUDIO_DESKTOP] = audio->config.audio.desktop_gain;
	audio->gains[AUDIO_MICROPHONE] = audio->config.audio.microphone_gain;
	if (r == 0)
		r = daemon_add_output(audio->daemon, STREAM_PCM, &pcm);
	if (r == 0)
		r = daemon_add_output(audio->daemon, STREAM_OPUS, &opus);
	if (r == 0)
		pipeline_init(&audio->pipeline, &audio->config, pcm, opus);
	/* An accuracy of 1 us: 0 would mean a quarter of a second. */
	if (r == 0)
		r = sd_event_add_time(daemon_event(audio->daemon), &audio->timer, CLOCK_MONOTONIC,
			0, 1, on_tick, audio);
	if (r >= 0)
		r = sd_event_source_set_enabled(audio->timer, SD_EVENT_OFF);
	if (r >= 0 && audio->session) {
		audio->is_held = true; /* until the session is known */
		r = session_follow(
			audio->session, daemon_event(audio->daemon), &session_ops, audio);
	}
	/* How a sound server's own programs show us to the presenter. */
	setenv("PULSE_PROP_OVERRIDE_application.name", "Screenshare", 0);
	pcm_begin();
	return r;
}

static void audio_fini(struct audio *audio)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++)
		input_set_open(&audio->inputs[i], false);
	sd_event_source_disable_unref(audio->timer);
	pipeline_fini(&audio->pipeline);
	session_destroy(audio->session);
	daemon_destroy(audio->daemon);
	mute_fini(&audio->mute);
	/* A server that hangs does not keep us. */
	(void)pcm_wait_closed(CLOSE_WAIT_MS);
}

static int probe(const struct config *config)
{
	static struct findings findings;

	sound_probe(config, &findings);
	return service_print_findings(&findings);
}

int main(int argc, char **argv)
{
	static struct audio audio; /* holds the inputs' buffers */
	int status = service_begin("audio", argc, argv, &audio.options, &audio.config);

	if (status != 0)
		return status;
	if (audio.options.is_probe)
		return probe(&audio.config);
	/* libpulse complains twice a second while there is no sound server (seen). */
	if (!audio.config.log.debug)
		log_silence_libraries();
	int listen_fd = daemon_take_socket(SOURCE_AUDIO);
	if (listen_fd < 0)
		return SERVICE_EXIT_CONFIG;
	/* As root, who alone may open them; whoever we are then keeps them open. */
	mute_init(&audio.mute, audio.options.state_dir, audio.options.runtime_dir,
		(unsigned)config_audio_inputs(audio.config.audio.sources));
	if (audio.options.session_dir && session_begin(&audio.config, SOURCE_AUDIO,
						 audio.options.session_dir, &audio.session) < 0)
		return SERVICE_EXIT_CONFIG;
	if (audio.session && session_is_waiting(audio.session)) {
		status = waiting_run(audio.session, SOURCE_AUDIO, &audio.options, &audio.config,
			listen_fd, &waiting_ops, &audio);
		session_destroy(audio.session);
		mute_fini(&audio.mute);
		return status;
	}
	int r = audio_init(&audio, listen_fd);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		status = EXIT_FAILURE;
	} else {
		status = daemon_run(audio.daemon);
	}
	audio_fini(&audio);
	return status;
}
