/* SPDX-License-Identifier: MIT */
/*
 * Video4Linux, through libv4l2 (capd/camera/device.h).
 *
 *     /dev/video* ──► a node that captures, of that name ──► what it agrees to (v4l2_node.h)
 *                 ──► buffers ──► stream on ──► frames
 *
 * A frame is never longer than its buffer, whatever the driver says.  The device is opened without
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
#include <sys/mman.h>

#include "capd/camera/v4l2_node.h"
#include "common/clock.h"
#include "common/fd.h"

#define BUFFERS 4u
/* A frame's own time counts if it lies in the past, and not far. */
#define AGE_MAX_NS (1000 * NS_PER_MS)

struct camera_device {
	struct v4l2_node node;
	bool is_streaming;
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

/* --- buffers --- */

static int map_buffers(struct camera_device *device)
{
	struct v4l2_requestbuffers request = {
		.count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int r = v4l2_node_ask(&device->node, VIDIOC_REQBUFS, &request);

	if (r < 0)
		return r;
	if (request.count < 2)
		return -ENOMEM;
	for (uint32_t i = 0; i < request.count && i < BUFFERS; i++) {
		struct v4l2_buffer buffer = {.index = i,
			.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
			.memory = V4L2_MEMORY_MMAP};

		r = v4l2_node_ask(&device->node, VIDIOC_QUERYBUF, &buffer);
		if (r < 0)
			return r;
		device->buffers[i].bytes = v4l2_mmap(NULL, buffer.length, PROT_READ | PROT_WRITE,
			MAP_SHARED, device->node.fd, buffer.m.offset);
		if (device->buffers[i].bytes == MAP_FAILED)
			return -errno;
		device->buffers[i].len = buffer.length;
		device->n_buffers = i + 1;
		r = v4l2_node_ask(&device->node, VIDIOC_QBUF, &buffer);
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
		r = v4l2_node_ask(&device->node, VIDIOC_STREAMON, &type);
	device->is_streaming = r == 0;
	return r;
}

/* --- opening --- */

/* Does its name match?  Only known once it is open. */
static bool is_wanted(const struct camera_device *device, const char *name)
{
	return !name || strcasestr(device->node.card, name);
}

/* -ENOENT: it is not the one that is looked for. */
static int open_node(const char *path, const char *name, const struct config *config,
	struct controls *controls, struct camera_device **out, struct camera_fault *fault)
{
	struct camera_device *device = calloc(1, sizeof(*device));
	int r;

	if (!device)
		return fault_set(fault, -ENOMEM, path);
	snprintf(device->node.mode.name, sizeof(device->node.mode.name), "%s", path);
	device->node.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	r = device->node.fd < 0 ? -errno : v4l2_node_query(&device->node);
	if (r == 0 && !is_wanted(device, name))
		r = -ENOENT;
	if (r == 0)
		r = v4l2_node_agree(&device->node, config, controls);
	if (r == 0)
		r = stream_on(device);
	if (r == 0) {
		*out = device;
		return 0;
	}
	fault_set(fault, r, device->node.mode.name);
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
		v4l2_node_ask(&device->node, VIDIOC_STREAMOFF,
			&type); /* a camera that is gone refuses: no matter */
	for (unsigned i = 0; i < device->n_buffers; i++)
		v4l2_munmap(device->buffers[i].bytes, device->buffers[i].len);
	if (device->node.is_wrapped)
		v4l2_close(device->node.fd);
	else
		fd_close(&device->node.fd);
	free(device);
}

/* --- frames --- */

const struct camera_mode *camera_device_mode(const struct camera_device *device)
{
	return &device->node.mode;
}

int camera_device_fd(const struct camera_device *device)
{
	return device->node.fd;
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
	int r = v4l2_node_ask(&device->node, VIDIOC_DQBUF, buffer);

	return r == 0 && buffer->index >= device->n_buffers ? -EIO : r;
}

static int enqueue(struct camera_device *device, uint32_t index)
{
	struct v4l2_buffer buffer = {
		.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};

	return v4l2_node_ask(&device->node, VIDIOC_QBUF, &buffer);
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
