/* SPDX-License-Identifier: MIT */
/*
 * Video4Linux, through libv4l2 (capd/camera/device.h).
 *
 *     /dev/video* ──► a node that captures, of that name ──► its own JPEG, else YU12, NV12, YUYV,
 *     else what libv4l2 converts to YU12 ──► size, rate ──► controls ──► buffers ──► stream on
 *
 * What the driver says is bounded before it is used: names are made printable, a frame is never
 * longer than its buffer, sizes are those that JPEG and we can have.  The device is opened without
 * blocking, so that taking a frame never waits.
 */
#include "capd/camera/device.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "capd/picture.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"

#define BUFFERS     4u
#define FORMATS_MAX 64u
#define PATH_SIZE   256
/* A frame's own time counts if it lies in the past, and not far. */
#define AGE_MAX_NS (1000 * NS_PER_MS)

struct camera_device {
	int fd;
	bool is_wrapped; /* the fd is libv4l2's */
	bool is_streaming;
	char card[33]; /* its whole name, as the driver says it */
	struct camera_mode mode;
	struct {
		void *bytes; /* MAP_FAILED: not mapped */
		size_t len;
	} buffers[BUFFERS];
	unsigned n_buffers;
};

const char *camera_device_folder(void)
{
	return "/dev";
}

const char *camera_device_prefix(void)
{
	return "video";
}

/* ioctl() that a signal does not end.  0 or -errno. */
static int ask(const struct camera_device *device, unsigned long request, void *arg)
{
	int r;

	do {
		r = device->is_wrapped ? v4l2_ioctl(device->fd, request, arg)
				       : ioctl(device->fd, request, arg);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* --- faults --- */

static int fault_set(struct camera_fault *fault, int error, const char *name)
{
	switch (-error) {
	case EBUSY:
		fault->state = STATE_BUSY;
		snprintf(fault->words, sizeof(fault->words),
			"Another program is using the camera %s", name);
		break;
	case EACCES:
	case EPERM:
		fault->state = STATE_NOT_ALLOWED;
		snprintf(fault->words, sizeof(fault->words),
			"This computer's camera may not be used by this program");
		break;
	case ENODEV:
	case ENXIO:
	case ENOENT:
		fault->state = STATE_NO_DEVICE;
		snprintf(fault->words, sizeof(fault->words),
			"No camera is connected to this computer");
		break;
	case ENOMEM:
		fault->state = STATE_NO_MEMORY;
		snprintf(fault->words, sizeof(fault->words),
			"This computer has no memory left for the camera %s", name);
		break;
	case EINVAL:
	case ENOTTY:
		fault->state = STATE_UNSUPPORTED;
		snprintf(fault->words, sizeof(fault->words),
			"The camera %s sends no pictures that can be shared", name);
		break;
	default:
		fault->state = STATE_NOT_ANSWERING;
		snprintf(fault->words, sizeof(fault->words), "The camera %s does not work (%s)",
			name, strerror(-error));
		break;
	}
	return error;
}

/* Of several cameras that cannot be had, the one that is nearest to it is told of. */
static unsigned fault_rank(const struct camera_fault *fault)
{
	switch (fault->state) {
	case STATE_BUSY:
		return 3;
	case STATE_NO_DEVICE:
		return 0;
	case STATE_NOT_ALLOWED:
		return 1;
	default:
		return 2;
	}
}

/* --- format, size, rate --- */

/* A device's own text, printable and short; "HD Webcam: HD Webcam" once. */
static void set_name(struct camera_mode *mode, const uint8_t *card, size_t card_len)
{
	size_t len = 0;

	for (; len < card_len && len + 1 < sizeof(mode->name) && card[len] && card[len] != ':';
		len++)
		mode->name[len] = (char)(card[len] >= ' ' && card[len] < 0x7f ? card[len] : '?');
	while (len > 0 && mode->name[len - 1] == ' ')
		len--;
	mode->name[len] = '\0';
	if (len == 0)
		snprintf(mode->name, sizeof(mode->name), "without a name");
}

static const struct format_choice {
	uint32_t fourcc;
	enum config_camera_format format;
	bool is_jpeg;
	enum pixels_layout layout;
} choices[] = {
	/* In the order in which they are preferred: the less there is to do, the earlier. */
	{V4L2_PIX_FMT_MJPEG, CONFIG_CAMERA_MJPEG, true, PIXELS_BGRX},
	{V4L2_PIX_FMT_JPEG, CONFIG_CAMERA_MJPEG, true, PIXELS_BGRX},
	{V4L2_PIX_FMT_YUV420, CONFIG_CAMERA_YU12, false, PIXELS_YU12},
	{V4L2_PIX_FMT_NV12, CONFIG_CAMERA_NV12, false, PIXELS_NV12},
	{V4L2_PIX_FMT_YUYV, CONFIG_CAMERA_YUYV, false, PIXELS_YUYV},
};
#define CHOICES_COUNT (sizeof(choices) / sizeof(choices[0]))

static bool has_format(const struct camera_device *device, uint32_t fourcc)
{
	for (uint32_t i = 0; i < FORMATS_MAX; i++) {
		struct v4l2_fmtdesc description = {.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

		if (ask(device, VIDIOC_ENUM_FMT, &description) < 0)
			return false;
		if (description.pixelformat == fourcc)
			return true;
	}
	return false;
}

/* The configured one, else the first; NULL: the camera has none of them. */
static const struct format_choice *choose_format(
	const struct camera_device *device, enum config_camera_format wanted)
{
	const struct format_choice *first = NULL;

	for (size_t i = 0; i < CHOICES_COUNT; i++) {
		if (!has_format(device, choices[i].fourcc))
			continue;
		if (choices[i].format == wanted)
			return &choices[i];
		if (!first)
			first = &choices[i];
	}
	if (first && wanted != CONFIG_CAMERA_AUTO)
		log_debug("The camera %s has not the configured format", device->mode.name);
	return first;
}

static int set_format(struct camera_device *device, const struct format_choice *choice,
	const struct config *config)
{
	struct camera_mode *mode = &device->mode;
	struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_pix_format *pix = &format.fmt.pix;
	int r;

	pix->width = config->camera.width;
	pix->height = config->camera.height;
	pix->pixelformat = choice->fourcc;
	pix->field = V4L2_FIELD_ANY;
	pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
	r = ask(device, VIDIOC_S_FMT, &format);
	if (r < 0)
		return r;
	if (pix->pixelformat != choice->fourcc || pix->width == 0 || pix->height == 0 ||
		pix->width > PICTURE_SIDE_MAX || pix->height > PICTURE_SIDE_MAX)
		return -EINVAL;
	mode->is_jpeg = choice->is_jpeg;
	mode->pixels = (struct pixels_format){
		.layout = choice->layout,
		.width = pix->width,
		.height = pix->height,
		.stride = pix->bytesperline,
	};
	if (choice->is_jpeg)
		return 0;
	enum v4l2_quantization range = (enum v4l2_quantization)pix->quantization;
	if (range == V4L2_QUANTIZATION_DEFAULT)
		range = V4L2_MAP_QUANTIZATION_DEFAULT(0, pix->colorspace, pix->ycbcr_enc);
	mode->pixels.is_limited = range == V4L2_QUANTIZATION_LIM_RANGE;
	return pixels_len(&mode->pixels) > 0 ? 0 : -EINVAL;
}

/* Asks for the rate: some drivers begin at 5.  Those that cannot be asked keep their own. */
static void set_rate(struct camera_device *device, unsigned rate)
{
	struct v4l2_streamparm parameters = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_fract *interval = &parameters.parm.capture.timeperframe;

	if (ask(device, VIDIOC_G_PARM, &parameters) < 0)
		return;
	if (parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
		*interval = (struct v4l2_fract){1, rate};
		if (ask(device, VIDIOC_S_PARM, &parameters) < 0)
			return;
	}
	if (interval->numerator > 0) {
		uint64_t millihertz = 1000ull * interval->denominator / interval->numerator;

		device->mode.rate_millihertz =
			millihertz < UINT32_MAX ? (uint32_t)millihertz : UINT32_MAX;
	}
}

/* --- controls --- */

static int next_control(void *arg, struct control_info *info)
{
	struct v4l2_query_ext_ctrl query = {.id = info->id | V4L2_CTRL_FLAG_NEXT_CTRL};
	int r = ask(arg, VIDIOC_QUERY_EXT_CTRL, &query);

	/* A driver that goes round in a circle would keep us for ever. */
	if (r == 0 && query.id <= info->id)
		r = -EINVAL;
	if (r < 0)
		return r;
	bool is_number =
		query.type == V4L2_CTRL_TYPE_INTEGER || query.type == V4L2_CTRL_TYPE_BOOLEAN ||
		query.type == V4L2_CTRL_TYPE_MENU || query.type == V4L2_CTRL_TYPE_INTEGER_MENU;
	*info = (struct control_info){
		.id = query.id,
		.minimum = query.minimum,
		.maximum = query.maximum,
		.is_settable =
			is_number && query.nr_of_dims == 0 &&
			!(query.flags & (V4L2_CTRL_FLAG_DISABLED | V4L2_CTRL_FLAG_READ_ONLY)),
	};
	snprintf(info->name, sizeof(info->name), "%.*s", (int)sizeof(query.name), query.name);
	return 0;
}

static int set_control(void *arg, const struct control_info *info, int32_t value)
{
	struct v4l2_control control = {.id = info->id, .value = value};

	return ask(arg, VIDIOC_S_CTRL, &control);
}

/* --- buffers --- */

static int map_buffers(struct camera_device *device)
{
	struct v4l2_requestbuffers request = {
		.count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int r = ask(device, VIDIOC_REQBUFS, &request);

	if (r < 0)
		return r;
	if (request.count < 2)
		return -ENOMEM;
	for (uint32_t i = 0; i < request.count && i < BUFFERS; i++) {
		struct v4l2_buffer buffer = {.index = i,
			.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
			.memory = V4L2_MEMORY_MMAP};

		r = ask(device, VIDIOC_QUERYBUF, &buffer);
		if (r < 0)
			return r;
		device->buffers[i].bytes = v4l2_mmap(NULL, buffer.length, PROT_READ | PROT_WRITE,
			MAP_SHARED, device->fd, buffer.m.offset);
		if (device->buffers[i].bytes == MAP_FAILED)
			return -errno;
		device->buffers[i].len = buffer.length;
		device->n_buffers = i + 1;
		r = ask(device, VIDIOC_QBUF, &buffer);
		if (r < 0)
			return r;
	}
	return 0;
}

static int stream_on(struct camera_device *device)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	int r = map_buffers(device);

	if (r == 0)
		r = ask(device, VIDIOC_STREAMON, &type);
	device->is_streaming = r == 0;
	return r;
}

/* --- opening --- */

/* -ENODEV: it is a node that gives no pictures (metadata, output, an encoder). */
static int query(struct camera_device *device)
{
	struct v4l2_capability capability = {0};
	int r = ask(device, VIDIOC_QUERYCAP, &capability);

	if (r < 0)
		return r == -ENOTTY ? -ENODEV : r;
	uint32_t has = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
								      : capability.capabilities;
	if (!(has & V4L2_CAP_VIDEO_CAPTURE) || !(has & V4L2_CAP_STREAMING) ||
		has & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_OUTPUT))
		return -ENODEV;
	snprintf(device->card, sizeof(device->card), "%.*s", (int)sizeof(capability.card),
		(const char *)capability.card);
	set_name(&device->mode, capability.card, sizeof(capability.card));
	return 0;
}

static int set_up(
	struct camera_device *device, const struct config *config, struct controls *controls)
{
	static const struct format_choice converted = {
		V4L2_PIX_FMT_YUV420, CONFIG_CAMERA_YU12, false, PIXELS_YU12};
	static const struct controls_ops controls_ops = {next_control, set_control};
	const struct format_choice *choice = choose_format(device, config->camera.format);
	int r;

	if (v4l2_fd_open(device->fd, choice ? V4L2_DISABLE_CONVERSION : 0) < 0)
		return errno ? -errno : -EINVAL;
	device->is_wrapped = true;
	r = set_format(device, choice ? choice : &converted, config);
	if (r < 0)
		return r;
	set_rate(device, config->camera.rate);
	controls_apply(controls, device->mode.name, &controls_ops, device);
	return stream_on(device);
}

/* Does its name match?  Only known once it is open. */
static bool is_wanted(const struct camera_device *device, const char *name)
{
	return !name || strcasestr(device->card, name);
}

/* -ENOENT: it is not the one that is looked for. */
static int open_node(const char *path, const char *name, const struct config *config,
	struct controls *controls, struct camera_device **out, struct camera_fault *fault)
{
	struct camera_device *device = calloc(1, sizeof(*device));
	int r;

	if (!device)
		return fault_set(fault, -ENOMEM, path);
	snprintf(device->mode.name, sizeof(device->mode.name), "%s", path);
	device->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	r = device->fd < 0 ? -errno : query(device);
	if (r == 0 && !is_wanted(device, name))
		r = -ENOENT;
	if (r == 0)
		r = set_up(device, config, controls);
	if (r == 0) {
		*out = device;
		return 0;
	}
	fault_set(fault, r, device->mode.name);
	camera_device_close(device);
	return r;
}

/* video2 comes before video10. */
static int compare_nodes(const void *a, const void *b)
{
	const char *one = *(char *const *)a, *other = *(char *const *)b;
	size_t one_len = strlen(one), other_len = strlen(other);

	return one_len == other_len ? strcmp(one, other) : one_len < other_len ? -1 : 1;
}

/* The first that can be had, of all whose name contains `name` (NULL: of all). */
static int open_any(const char *name, const struct config *config, struct controls *controls,
	struct camera_device **out, struct camera_fault *fault)
{
	glob_t nodes;
	int r = -ENOENT;

	fault_set(fault, -ENOENT, "");
	if (name)
		snprintf(fault->words, sizeof(fault->words),
			"No camera called %.64s is connected to this computer", name);
	if (glob("/dev/video[0-9]*", GLOB_NOSORT, NULL, &nodes) != 0)
		return r;
	qsort(nodes.gl_pathv, nodes.gl_pathc, sizeof(*nodes.gl_pathv), compare_nodes);
	for (size_t i = 0; r < 0 && i < nodes.gl_pathc; i++) {
		struct camera_fault one;

		r = open_node(nodes.gl_pathv[i], name, config, controls, out, &one);
		if (r < 0 && fault_rank(&one) > fault_rank(fault))
			*fault = one;
	}
	globfree(&nodes);
	return r;
}

/* libv4l2 prints each error, and even that there is no frame yet.  We say once what comes of it. */
static void silence_library(void)
{
	if (!v4l2_log_file)
		v4l2_log_file = fopen("/dev/null", "we");
}

int camera_device_open(const struct config *config, struct controls *controls,
	struct camera_device **out, struct camera_fault *fault)
{
	const char *wanted = config->camera.device;
	int r;

	silence_library();
	if (strcmp(wanted, "auto") == 0)
		return open_any(NULL, config, controls, out, fault);
	if (*wanted != '/')
		return open_any(wanted, config, controls, out, fault);
	r = open_node(wanted, NULL, config, controls, out, fault);
	if (r < 0 && fault->state == STATE_NO_DEVICE)
		snprintf(fault->words, sizeof(fault->words),
			"No camera is connected to this computer at %.64s", wanted);
	return r;
}

void camera_device_close(struct camera_device *device)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	if (!device)
		return;
	if (device->is_streaming)
		ask(device, VIDIOC_STREAMOFF, &type); /* a camera that is gone refuses: no matter */
	for (unsigned i = 0; i < device->n_buffers; i++)
		v4l2_munmap(device->buffers[i].bytes, device->buffers[i].len);
	if (device->is_wrapped)
		v4l2_close(device->fd);
	else
		fd_close(&device->fd);
	free(device);
}

/* --- frames --- */

const struct camera_mode *camera_device_mode(const struct camera_device *device)
{
	return &device->mode;
}

int camera_device_fd(const struct camera_device *device)
{
	return device->fd;
}

static uint64_t capture_ns(const struct v4l2_buffer *buffer)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t then = (uint64_t)buffer->timestamp.tv_sec * NS_PER_S +
			(uint64_t)buffer->timestamp.tv_usec * NS_PER_US;
	bool is_monotonic =
		(buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;

	return is_monotonic && then <= now && now - then <= AGE_MAX_NS ? then : now;
}

static int dequeue(struct camera_device *device, struct v4l2_buffer *buffer)
{
	*buffer = (struct v4l2_buffer){
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int r = ask(device, VIDIOC_DQBUF, buffer);

	return r == 0 && buffer->index >= device->n_buffers ? -EIO : r;
}

static int enqueue(struct camera_device *device, uint32_t index)
{
	struct v4l2_buffer buffer = {
		.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};

	return ask(device, VIDIOC_QBUF, &buffer);
}

int camera_device_take(struct camera_device *device, struct camera_buffer *out, unsigned *n_broken)
{
	struct v4l2_buffer buffer, newest = {0};
	bool has_one = false;
	int r = 0;

	*n_broken = 0;
	/* As many as there are buffers: a camera faster than us cannot keep us here. */
	for (unsigned i = 0; i < device->n_buffers; i++) {
		bool is_good;

		r = dequeue(device, &buffer);
		if (r < 0)
			break;
		is_good = !(buffer.flags & V4L2_BUF_FLAG_ERROR);
		*n_broken += !is_good;
		if (is_good && has_one)
			r = enqueue(device, newest.index);
		else if (!is_good)
			r = enqueue(device, buffer.index);
		if (r < 0)
			break;
		if (is_good)
			newest = buffer;
		has_one |= is_good;
	}
	if (r < 0 && r != -EAGAIN)
		return r;
	if (!has_one)
		return -EAGAIN;
	size_t len = device->buffers[newest.index].len;
	*out = (struct camera_buffer){
		.bytes = device->buffers[newest.index].bytes,
		.len = newest.bytesused < len ? newest.bytesused : len,
		.pts_ns = capture_ns(&newest),
		.index = newest.index,
	};
	return 0;
}

int camera_device_give(struct camera_device *device, const struct camera_buffer *buffer)
{
	return enqueue(device, buffer->index);
}
