/* SPDX-License-Identifier: MIT */
#include "capd/camera/v4l2_node.h"

#include <errno.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "capd/picture.h"
#include "common/log.h"

#define FORMATS_MAX 64u

int v4l2_node_ask(const struct v4l2_node *node, unsigned long request, void *arg)
{
	int r;

	do {
		r = node->is_wrapped ? v4l2_ioctl(node->fd, request, arg)
				     : ioctl(node->fd, request, arg);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

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

int v4l2_node_query(struct v4l2_node *node)
{
	struct v4l2_capability capability = {0};
	int r = v4l2_node_ask(node, VIDIOC_QUERYCAP, &capability);

	if (r < 0)
		return r == -ENOTTY ? -ENODEV : r;
	uint32_t has = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
								      : capability.capabilities;
	if (!(has & V4L2_CAP_VIDEO_CAPTURE) || !(has & V4L2_CAP_STREAMING) ||
		has & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_OUTPUT))
		return -ENODEV;
	snprintf(node->card, sizeof(node->card), "%.*s", (int)sizeof(capability.card),
		(const char *)capability.card);
	set_name(&node->mode, capability.card, sizeof(capability.card));
	return 0;
}

/* --- format, size, rate --- */

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

static bool has_format(const struct v4l2_node *node, uint32_t fourcc)
{
	for (uint32_t i = 0; i < FORMATS_MAX; i++) {
		struct v4l2_fmtdesc description = {.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

		if (v4l2_node_ask(node, VIDIOC_ENUM_FMT, &description) < 0)
			return false;
		if (description.pixelformat == fourcc)
			return true;
	}
	return false;
}

/* The configured one, else the first; NULL: the camera has none of them. */
static const struct format_choice *choose_format(
	const struct v4l2_node *node, enum config_camera_format wanted)
{
	const struct format_choice *first = NULL;

	for (size_t i = 0; i < CHOICES_COUNT; i++) {
		if (!has_format(node, choices[i].fourcc))
			continue;
		if (choices[i].format == wanted)
			return &choices[i];
		if (!first)
			first = &choices[i];
	}
	if (first && wanted != CONFIG_CAMERA_AUTO)
		log_debug("The camera %s has not the configured format", node->mode.name);
	return first;
}

static int set_format(
	struct v4l2_node *node, const struct format_choice *choice, const struct config *config)
{
	struct camera_mode *mode = &node->mode;
	struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_pix_format *pix = &format.fmt.pix;
	int r;

	pix->width = config->camera.width;
	pix->height = config->camera.height;
	pix->pixelformat = choice->fourcc;
	pix->field = V4L2_FIELD_ANY;
	pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
	r = v4l2_node_ask(node, VIDIOC_S_FMT, &format);
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
static void set_rate(struct v4l2_node *node, unsigned rate)
{
	struct v4l2_streamparm parameters = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_fract *interval = &parameters.parm.capture.timeperframe;

	if (v4l2_node_ask(node, VIDIOC_G_PARM, &parameters) < 0)
		return;
	if (parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
		*interval = (struct v4l2_fract){1, rate};
		if (v4l2_node_ask(node, VIDIOC_S_PARM, &parameters) < 0)
			return;
	}
	if (interval->numerator > 0) {
		uint64_t millihertz = 1000ull * interval->denominator / interval->numerator;

		node->mode.rate_millihertz =
			millihertz < UINT32_MAX ? (uint32_t)millihertz : UINT32_MAX;
	}
}

/* --- controls --- */

static int next_control(void *arg, struct control_info *info)
{
	struct v4l2_query_ext_ctrl query = {.id = info->id | V4L2_CTRL_FLAG_NEXT_CTRL};
	int r = v4l2_node_ask(arg, VIDIOC_QUERY_EXT_CTRL, &query);

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

	return v4l2_node_ask(arg, VIDIOC_S_CTRL, &control);
}

int v4l2_node_agree(struct v4l2_node *node, const struct config *config, struct controls *controls)
{
	static const struct format_choice converted = {
		V4L2_PIX_FMT_YUV420, CONFIG_CAMERA_YU12, false, PIXELS_YU12};
	static const struct controls_ops controls_ops = {next_control, set_control};
	const struct format_choice *choice = choose_format(node, config->camera.format);
	int r;

	if (v4l2_fd_open(node->fd, choice ? V4L2_DISABLE_CONVERSION : 0) < 0)
		return errno ? -errno : -EINVAL;
	node->is_wrapped = true;
	r = set_format(node, choice ? choice : &converted, config);
	if (r < 0)
		return r;
	set_rate(node, config->camera.rate);
	controls_apply(controls, node->mode.name, &controls_ops, node);
	return 0;
}
