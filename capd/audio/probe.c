/* SPDX-License-Identifier: MIT */
#include "capd/audio/probe.h"

#include <errno.h>
#include <string.h>

#include "capd/audio/pcm.h"
#include "capd/audio/sound_server.h"
#include "common/stream.h"

#define NAME_SOUND      "sound"
#define NAME_MICROPHONE "microphone"

#define START_SERVER "Start it as the user of the desktop: systemctl --user start pipewire-pulse"

static bool is_chosen(const struct config *config, enum audio_input input)
{
	return (unsigned)config_audio_inputs(config->audio.sources) & 1u << input;
}

/* Would the server be asked for it?  "default" leads there where a server is installed. */
static bool is_of_server(const char *pcm)
{
	return strncmp(pcm, "pulse", 5) == 0 || strcmp(pcm, "default") == 0;
}

/* What both inputs need; a computer that shares no sound at all does without. */
static void add_no_server(struct findings *findings, const struct config *config, int r)
{
	bool is_needed = config_audio_inputs(config->audio.sources) != 0;

	findings_add(findings, is_needed ? FINDING_WRONG : FINDING_NOTE, NAME_SOUND, "%s",
		r == -ETIMEDOUT      ? "The sound server does not answer"
		: r == -ECONNREFUSED ? "No sound server can be reached by this user"
				     : strerror(-r));
	findings_remedy(findings,
		r == -ETIMEDOUT ? "Restart it as the user of the desktop: systemctl --user restart "
				  "pipewire-pulse"
				: START_SERVER);
}

static void add_desktop(struct findings *findings, const struct config *config,
	const struct sound_server_defaults *defaults)
{
	if (strcmp(config->audio.desktop, PCM_DEFAULT_MONITOR) != 0) {
		findings_add(findings, FINDING_FINE, NAME_SOUND,
			"The desktop's sound is taken from %.80s, as configured",
			config->audio.desktop);
	} else if (defaults->monitor[0]) {
		findings_add(findings, FINDING_FINE, NAME_SOUND,
			"What this computer plays can be heard at %.120s", defaults->monitor);
	} else {
		findings_add(findings, FINDING_WRONG, NAME_SOUND,
			"The sound server has no output whose sound could be taken");
		findings_remedy(findings, "Choose an output in the desktop's sound settings, or "
					  "with pactl set-default-sink; pactl list short sinks "
					  "names them");
	}
}

static void add_microphone(struct findings *findings, const struct config *config,
	const struct sound_server_defaults *defaults)
{
	const char *hint = is_chosen(config, AUDIO_MICROPHONE)
				   ? "is heard, as configured"
				   : "is shut until screenshare unmute microphone";

	if (!is_of_server(config->audio.microphone))
		findings_add(findings, FINDING_FINE, NAME_MICROPHONE, "%.80s %s",
			config->audio.microphone, hint);
	else if (!defaults->source[0] || defaults->source_is_monitor)
		findings_add(findings, FINDING_NOTE, NAME_MICROPHONE,
			"No microphone is connected to this computer");
	else
		findings_add(findings, FINDING_FINE, NAME_MICROPHONE, "%.120s %s", defaults->source,
			hint);
}

void sound_probe(const struct config *config, struct findings *findings)
{
	struct sound_server_defaults defaults = {0};
	int r = 0;

	if (is_of_server(config->audio.desktop) || is_of_server(config->audio.microphone))
		r = sound_server_ask(&defaults, SOUND_PROBE_MS);
	if (r < 0 && is_of_server(config->audio.desktop)) {
		add_no_server(findings, config, r);
		return;
	}
	add_desktop(findings, config, &defaults);
	add_microphone(findings, config, &defaults);
}
