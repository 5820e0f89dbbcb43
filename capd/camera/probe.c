/* SPDX-License-Identifier: MIT */
#include "capd/camera/probe.h"

#include "capd/camera/device.h"

#define NAME "camera"

static const char *remedy_of(enum source_state state)
{
	switch (state) {
	case STATE_BUSY:
		return "Close the program that uses it: sudo fuser -v /dev/video*";
	case STATE_NOT_ALLOWED:
		return "Give the user the right to use cameras, then log in again: sudo usermod "
		       "-aG video NAME; for the service NAME is screenshare-camera, and sudo "
		       "systemctl restart screenshare takes the place of logging in";
	case STATE_UNSUPPORTED:
		return "Choose another by [camera] device: v4l2-ctl --list-devices";
	default:
		return "Unplug it and plug it in again; the kernel's view of it: sudo dmesg | grep "
		       "-i -e usb -e video";
	}
}

static void add_camera(struct findings *findings, const struct camera_mode *mode)
{
	char rate[32] = "";

	if (mode->rate_millihertz > 0)
		snprintf(rate, sizeof(rate), ", %.4g pictures a second",
			mode->rate_millihertz / 1000.0);
	findings_add(findings, FINDING_FINE, NAME, "%s: %u × %u pixels%s, %s", mode->name,
		mode->pixels.width, mode->pixels.height, rate,
		mode->is_jpeg ? "its own JPEG pictures" : "compressed here");
}

void camera_probe(const struct config *config, struct findings *findings)
{
	struct camera_device *device;
	struct controls controls;
	struct camera_fault fault;

	if (config->camera.source == CONFIG_CAMERA_PATTERN) {
		findings_add(findings, FINDING_NOTE, NAME,
			"The configuration shows a test picture, not a camera ([camera] source)");
		return;
	}
	controls_init(&controls, config->camera.controls);
	if (camera_device_open(config, &controls, &device, &fault) == 0) {
		add_camera(findings, camera_device_mode(device));
		camera_device_close(device);
	} else if (fault.state == STATE_NO_DEVICE) {
		/* Many computers have none, and are shared all the same. */
		findings_add(findings, FINDING_NOTE, NAME, "%s", fault.words);
	} else {
		findings_add(findings, FINDING_WRONG, NAME, "%s", fault.words);
		findings_remedy(findings, "%s", remedy_of(fault.state));
	}
}
