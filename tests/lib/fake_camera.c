/* SPDX-License-Identifier: MIT */
/*
 * A camera that tests hold in their hands (capd/camera/device.h, in place of v4l2.c): the folder
 * $SCREENSHARE_FAKE_CAMERA takes the place of /dev, and its files say what the camera does.
 *
 *     video0    "FORMAT WIDTH HEIGHT RATE" (mjpeg, yuyv, nv12 or yu12): it is plugged in while this
 *               file is there
 *     busy      while it is there, another program holds the camera
 *     denied    while it is there, the camera may not be opened
 *     stuck     while it is there, opening does not return
 *     colour    RRGGBB of the whole picture; "pattern": the test picture, moving; else grey
 *     frames    good (the default), no-tables, padded, truncated, no-soi, wrong-size, lying-size,
 *               marked (the driver calls them broken), silent (none), given-… (the bytes of the
 *               file of that name)
 *     held      is there while the camera is open
 *     controls  gets a line "NAME=VALUE" for each control that is set; it has brightness, an
 *               automatic focus and a focus
 *
 * Frames are made when their kind changes, so that taking one costs no more than from a device.
 */
#include "capd/camera/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "capd/encode/jpeg_strip.h"
#include "capd/pattern.h"
#include "capd/picture.h"
#include "common/clock.h"
#include "common/fd.h"

#define WORD_MAX      32
#define FRAMES        8u /* of the moving picture */
#define PADDING       700u
#define GIVEN_MAX     (4u << 20)
#define STUCK_POLL_US 2000

struct camera_device {
	int timer_fd;
	struct camera_mode mode;
	char colour[WORD_MAX], kind[WORD_MAX]; /* what `frames` were made for */
	struct {
		uint8_t *bytes;
		size_t len;
	} frames[FRAMES];
	unsigned next;
};

static const char *folder(void)
{
	const char *path = getenv("SCREENSHARE_FAKE_CAMERA");

	if (!path)
		abort();
	return path;
}

const char *camera_device_folder(void)
{
	return folder();
}

const char *camera_device_prefix(void)
{
	return "video";
}

static bool is_there(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	return access(path, F_OK) == 0;
}

/* Others see that we have the camera, as they would by its light. */
static void set_held(bool held)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/held", folder());
	if (!held)
		unlink(path);
	else if (close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		abort();
}

/* The file's first WORD_MAX bytes without its newline; "" without it. */
static void read_word(const char *name, char out[WORD_MAX])
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, out, WORD_MAX - 1);
	out[len > 0 ? len : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fd_close(&fd);
}

/* --- frames --- */

static uint8_t clip(int value)
{
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* BGRX to what a camera gives, in JPEG's own range. */
static void convert(const struct pixels_format *format, const struct picture *picture, uint8_t *out)
{
	size_t w = format->width, h = format->height;

	for (size_t y = 0; y < h; y++)
		for (size_t x = 0; x < w; x++) {
			const uint8_t *p = picture->pixels + picture->stride * y + 4 * x;
			int b = p[0], g = p[1], r = p[2];
			uint8_t luma = clip((299 * r + 587 * g + 114 * b + 500) / 1000);
			uint8_t cb = clip(128 + (-169 * r - 331 * g + 500 * b) / 1000);
			uint8_t cr = clip(128 + (500 * r - 419 * g - 81 * b) / 1000);
			size_t quarter = (y / 2) * (w / 2) + x / 2;

			if (format->layout == PIXELS_YUYV) {
				out[2 * (y * w + x)] = luma;
				out[2 * (y * w + x) + 1] = x % 2 ? cr : cb;
			} else if (format->layout == PIXELS_NV12) {
				out[y * w + x] = luma;
				out[w * h + 2 * quarter] = cb;
				out[w * h + 2 * quarter + 1] = cr;
			} else {
				out[y * w + x] = luma;
				out[w * h + quarter] = cb;
				out[w * h + w * h / 4 + quarter] = cr;
			}
		}
}

static void draw(struct picture *picture, const char *colour, unsigned n)
{
	unsigned rgb = 0x808080;

	if (strcmp(colour, "pattern") == 0) {
		pattern_draw(picture, n * 33 * NS_PER_MS, NULL, true, NULL);
		return;
	}
	sscanf(colour, "%x", &rgb);
	for (size_t i = 0; i < picture->stride / 4 * picture->height; i++)
		memcpy(picture->pixels + 4 * i, &rgb, 4);
}

static size_t find(const uint8_t *bytes, size_t len, uint8_t marker)
{
	for (size_t i = 2; i + 4 < len; i += 2 + ((size_t)bytes[i + 2] << 8 | bytes[i + 3]))
		if (bytes[i + 1] == marker)
			return i;
	abort();
}

/* Takes all DHT segments out: `bytes` was made with the standard ones. */
static size_t remove_tables(uint8_t *bytes, size_t len)
{
	for (unsigned i = 0; i < 4; i++) {
		size_t at = find(bytes, len, 0xc4);
		size_t segment = 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);

		memmove(bytes + at, bytes + at + segment, len - at - segment);
		len -= segment;
	}
	return len;
}

/* Does to a good JPEG what the test wants.  Its new length. */
static size_t spoil(uint8_t *bytes, size_t len, const char *kind)
{
	if (strcmp(kind, "no-tables") == 0)
		return remove_tables(bytes, len);
	if (strcmp(kind, "truncated") == 0)
		return len / 2;
	if (strcmp(kind, "no-soi") == 0)
		bytes[1] = 0;
	if (strcmp(kind, "lying-size") == 0) /* the header's: nothing else changes */
		bytes[find(bytes, len, 0xc0) + 6] ^= 0x10;
	if (strcmp(kind, "padded") == 0)
		return len + PADDING;
	return len;
}

static void make_jpeg(struct camera_device *device, struct picture *picture, unsigned n)
{
	struct jpeg_strip_format format = {picture->width, 80, CONFIG_420};
	struct jpeg_strip *strip;
	struct jpeg_buffer head = {0}, part = {0};
	uint32_t height = jpeg_strip_height(CONFIG_420);
	uint8_t *rows[16];
	size_t len;

	/* The standard tables, and a restart marker behind each strip, as many cameras have them.
	 */
	if (strcmp(device->kind, "wrong-size") == 0)
		picture->height -= 16;
	if (jpeg_strip_create(&strip) < 0 || jpeg_strip_configure(strip, &format) < 0 ||
		jpeg_strip_head(strip, picture->height, &head) < 0)
		abort();
	len = head.len;
	uint8_t *bytes = malloc(len + picture->stride * picture->height + PADDING);
	if (!bytes)
		abort();
	memcpy(bytes, head.bytes, len);
	for (uint32_t y = 0, i = 0; y < picture->height; y += height, i++) {
		uint32_t n_rows = picture->height - y < height ? picture->height - y : height;

		for (uint32_t row = 0; row < n_rows; row++)
			rows[row] = picture->pixels + picture->stride * (y + row);
		if (jpeg_strip_encode(strip, rows, n_rows, &part) < 0)
			abort();
		memcpy(bytes + len, part.bytes + part.scan, part.len - part.scan);
		len += part.len - part.scan;
		if (y + height < picture->height)
			bytes[len - 1] = (uint8_t)(0xd0 + i % 8);
	}
	memset(bytes + len, 0, PADDING);
	device->frames[n].bytes = bytes;
	device->frames[n].len = spoil(bytes, len, device->kind);
	jpeg_buffer_fini(&head);
	jpeg_buffer_fini(&part);
	jpeg_strip_destroy(strip);
}

static void read_given(struct camera_device *device, unsigned n)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder(), device->kind);
	FILE *file = fopen(path, "r");
	uint8_t *bytes = malloc(GIVEN_MAX);
	if (!file || !bytes)
		abort();
	device->frames[n].bytes = bytes;
	device->frames[n].len = fread(bytes, 1, GIVEN_MAX, file);
	fclose(file);
}

static void make_frames(struct camera_device *device)
{
	const struct pixels_format *format = &device->mode.pixels;
	struct picture picture = {.stride = (size_t)format->width * 4};

	picture.pixels = calloc(format->height, picture.stride);
	for (unsigned i = 0; i < FRAMES; i++) {
		free(device->frames[i].bytes);
		picture.width = format->width;
		picture.height = format->height;
		if (strncmp(device->kind, "given-", 6) == 0) {
			read_given(device, i);
			continue;
		}
		draw(&picture, device->colour, i);
		if (device->mode.is_jpeg) {
			make_jpeg(device, &picture, i);
			continue;
		}
		device->frames[i].len = pixels_len(format);
		device->frames[i].bytes = malloc(device->frames[i].len);
		convert(format, &picture, device->frames[i].bytes);
		if (strcmp(device->kind, "truncated") == 0)
			device->frames[i].len /= 2;
	}
	free(picture.pixels);
}

static void refresh(struct camera_device *device)
{
	char colour[WORD_MAX], kind[WORD_MAX];

	read_word("colour", colour);
	read_word("frames", kind);
	if (device->frames[0].bytes && strcmp(colour, device->colour) == 0 &&
		strcmp(kind, device->kind) == 0)
		return;
	strcpy(device->colour, colour);
	strcpy(device->kind, kind);
	make_frames(device);
}

/* --- the device --- */

static int fail(struct camera_fault *fault, int error, enum source_state state, const char *words)
{
	fault->state = state;
	snprintf(fault->words, sizeof(fault->words), "%s", words);
	return error;
}

static int next_control(void *arg, struct control_info *info)
{
	static const struct control_info all[] = {
		{1, "Brightness", -10, 10, true},
		{2, "Focus, Absolute", 0, 100, true},
		{3, "Focus, Automatic Continuous", 0, 1, true},
	};
	(void)arg;

	if (info->id >= sizeof(all) / sizeof(all[0]))
		return -EINVAL;
	*info = all[info->id];
	return 0;
}

static int set_control(void *arg, const struct control_info *info, int32_t value)
{
	char path[512], name[CONTROLS_NAME_MAX];
	(void)arg;

	snprintf(path, sizeof(path), "%s/controls", folder());
	FILE *file = fopen(path, "a");
	controls_name(info->name, name);
	if (file) {
		fprintf(file, "%s=%d\n", name, value);
		fclose(file);
	}
	return 0;
}

static int read_mode(struct camera_mode *mode)
{
	static const char *const words[] = {"mjpeg", "yuyv", "nv12", "yu12"};
	char line[WORD_MAX], word[8];
	unsigned rate;

	read_word("video0", line);
	if (sscanf(line, "%7s %u %u %u", word, &mode->pixels.width, &mode->pixels.height, &rate) !=
		4)
		return -ENODEV;
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			mode->pixels.layout = (enum pixels_layout)i;
	mode->is_jpeg = strcmp(word, words[0]) == 0;
	mode->pixels.stride = mode->pixels.width * (mode->pixels.layout == PIXELS_YUYV ? 2u : 1u);
	mode->rate_millihertz = rate * 1000;
	snprintf(mode->name, sizeof(mode->name), "Fake");
	return 0;
}

int camera_device_open(const struct config *config, struct controls *controls,
	struct camera_device **out, struct camera_fault *fault)
{
	static const struct controls_ops controls_ops = {next_control, set_control};
	struct camera_mode mode = {0};
	(void)config;

	while (is_there("stuck"))
		usleep(STUCK_POLL_US);
	if (read_mode(&mode) < 0)
		return fail(fault, -ENODEV, STATE_NO_DEVICE, "No camera is connected");
	if (is_there("denied"))
		return fail(fault, -EACCES, STATE_NOT_ALLOWED, "The camera may not be used");
	if (is_there("busy"))
		return fail(fault, -EBUSY, STATE_BUSY, "Another program is using the camera");
	struct camera_device *device = calloc(1, sizeof(*device));
	if (!device)
		abort();
	device->mode = mode;
	set_held(true);
	refresh(device);
	controls_apply(controls, "Fake", &controls_ops, device);
	device->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	long interval_ns = 1000000000L * 1000 / (long)mode.rate_millihertz;
	struct itimerspec timer = {{interval_ns / 1000000000, interval_ns % 1000000000}, {0, 1}};
	if (device->timer_fd < 0 || timerfd_settime(device->timer_fd, 0, &timer, NULL) < 0)
		abort();
	*out = device;
	return 0;
}

void camera_device_close(struct camera_device *device)
{
	if (!device)
		return;
	set_held(false);
	fd_close(&device->timer_fd);
	for (unsigned i = 0; i < FRAMES; i++)
		free(device->frames[i].bytes);
	free(device);
}

const struct camera_mode *camera_device_mode(const struct camera_device *device)
{
	return &device->mode;
}

int camera_device_fd(const struct camera_device *device)
{
	return device->timer_fd;
}

int camera_device_take(
	struct camera_device *device, struct camera_buffer *buffer, unsigned *n_broken)
{
	uint64_t n;

	*n_broken = 0;
	if (read(device->timer_fd, &n, sizeof(n)) < 0)
		return -EAGAIN;
	if (!is_there("video0"))
		return -ENODEV;
	refresh(device);
	*n_broken = strcmp(device->kind, "marked") == 0;
	if (*n_broken || strcmp(device->kind, "silent") == 0)
		return -EAGAIN;
	buffer->index = device->next++ % FRAMES;
	buffer->bytes = device->frames[buffer->index].bytes;
	buffer->len = device->frames[buffer->index].len;
	buffer->pts_ns = clock_monotonic_ns();
	return 0;
}

int camera_device_give(struct camera_device *device, const struct camera_buffer *buffer)
{
	(void)device, (void)buffer;
	return 0;
}
