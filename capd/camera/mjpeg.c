/* SPDX-License-Identifier: MIT */
#include "capd/camera/mjpeg.h"

#include <errno.h>
#include <string.h>

#include "capd/camera/mjpeg_scan.h"

enum {
	MARKER_SOF0 = 0xc0,
	MARKER_DHT = 0xc4,
	MARKER_SOF15 = 0xcf,
	MARKER_RST0 = 0xd0,
	MARKER_RST7 = 0xd7,
	MARKER_SOI = 0xd8,
	MARKER_EOI = 0xd9,
	MARKER_SOS = 0xda,
	MARKER_DQT = 0xdb,
	MARKER_DRI = 0xdd,
	MARKER_APP0 = 0xe0,
	MARKER_APP15 = 0xef,
	MARKER_COM = 0xfe,
};

#define COMPONENTS_MAX 3u
#define DCT_SIDE       8u
#define CODES          2u /* baseline knows tables 0 and 1 in a scan */

/* clang-format off */
/* ITU T.81, K.3.3: the tables of luminance (0) and chrominance (1), DC and AC, as one segment. */
static const uint8_t standard_tables[] = {
	0xff, 0xc4, 0x01, 0xa2,
	0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x10, 0x00, 0x02, 0x01, 0x03, 0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00, 0x01, 0x7d,
	0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
	0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
	0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
	0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
	0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
	0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
	0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
	0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
	0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
	0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
	0xf9, 0xfa,
	0x01, 0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x11, 0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00, 0x01, 0x02, 0x77,
	0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
	0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
	0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
	0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
	0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
	0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
	0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
	0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
	0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
	0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
	0xf9, 0xfa,
};
/* clang-format on */

enum {
	DC,
	AC,
};

/* What has been read so far of one frame. */
struct walk {
	const uint8_t *bytes;
	size_t len, at;
	const char *why;
	struct mjpeg out;

	unsigned quantizers;              /* bit n: table n is there */
	const uint8_t *huffman[2][CODES]; /* DC, AC: table n, as scan_code_read() wants it */
	unsigned restart_blocks;          /* MCUs between two restart markers; 0: there are none */
	unsigned n_components, h_max, v_max;
	struct {
		uint8_t id, h, v, quantizer;
		uint8_t huffman[2]; /* DC, AC: the tables' numbers */
	} components[COMPONENTS_MAX];
};

/* A segment's body: behind the length, up to the segment's end. */
struct body {
	const uint8_t *bytes;
	size_t len;
};

static int broken(struct walk *walk, const char *why)
{
	walk->why = why;
	return -EBADMSG;
}

static unsigned be16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

/* --- segments --- */

static int read_quantizers(struct walk *walk, struct body body)
{
	while (body.len > 0) {
		unsigned precision = body.bytes[0] >> 4, id = body.bytes[0] & 15;
		size_t table = 1 + 64 * (size_t)(precision + 1);

		if (precision > 1 || id > 3 || table > body.len)
			return broken(walk, "a quantization table is wrong");
		walk->quantizers |= 1u << id;
		body.bytes += table;
		body.len -= table;
	}
	return 0;
}

/*
 * The 16 counts must describe a code: of each length no more codes than are left over by the
 * shorter ones, and never the one that is all ones (T.81, C.2).  Decoders refuse others.
 */
static bool is_code(const uint8_t *counts, size_t *n_symbols)
{
	uint32_t left = 1;
	size_t n = 0;

	for (unsigned i = 0; i < 16; i++) {
		left *= 2;
		if (counts[i] > left)
			return false;
		left -= counts[i];
		n += counts[i];
	}
	*n_symbols = n;
	return n > 0 && n <= 256 && left > 0;
}

static int read_huffman(struct walk *walk, struct body body)
{
	while (body.len > 0) {
		unsigned class = body.bytes[0] >> 4, id = body.bytes[0] & 15;
		size_t n_symbols;

		if (class > 1 || id > 3 || body.len < 17 || !is_code(body.bytes + 1, &n_symbols) ||
			17 + n_symbols > body.len)
			return broken(walk, "a Huffman table is wrong");
		/* DC symbols are bit counts; a larger one stops every decoder. */
		for (size_t i = 0; class == 0 && i < n_symbols; i++)
			if (body.bytes[17 + i] > 15)
				return broken(walk, "a Huffman table is wrong");
		if (id < CODES) /* no scan of ours may name another */
			walk->huffman[class][id] = body.bytes + 1;
		body.bytes += 17 + n_symbols;
		body.len -= 17 + n_symbols;
	}
	return 0;
}

/* Each of them divides the largest, as in 4:2:2 and 4:2:0: decoders know no other. */
static bool is_sampling(const struct walk *walk)
{
	unsigned n_blocks = 0;

	for (unsigned i = 0; i < walk->n_components; i++) {
		unsigned h = walk->components[i].h, v = walk->components[i].v;

		if (h == 0 || v == 0 || walk->h_max % h != 0 || walk->v_max % v != 0)
			return false;
		n_blocks += h * v;
	}
	return walk->h_max <= 4 && walk->v_max <= 4 &&
	       (walk->n_components == 1 || n_blocks <= SCAN_BLOCKS_MAX);
}

static bool read_component(struct walk *walk, const uint8_t *component)
{
	unsigned n = walk->n_components++;
	uint8_t h = component[1] >> 4, v = component[1] & 15;

	for (unsigned i = 0; i < n; i++)
		if (walk->components[i].id == component[0])
			return false;
	walk->components[n].id = component[0];
	walk->components[n].h = h;
	walk->components[n].v = v;
	walk->components[n].quantizer = component[2];
	walk->h_max = h > walk->h_max ? h : walk->h_max;
	walk->v_max = v > walk->v_max ? v : walk->v_max;
	return component[2] <= 3;
}

static int read_frame_header(struct walk *walk, struct body body)
{
	static const char wrong[] = "its frame header is wrong";
	unsigned n;

	if (walk->n_components > 0)
		return broken(walk, "it has two frame headers");
	if (body.len < 6 || body.bytes[0] != 8)
		return broken(walk, wrong);
	walk->out.height = be16(body.bytes + 1);
	walk->out.width = be16(body.bytes + 3);
	n = body.bytes[5];
	if (walk->out.width == 0 || walk->out.height == 0 || (n != 1 && n != 3) ||
		body.len != 6 + 3 * (size_t)n)
		return broken(walk, wrong);
	for (unsigned i = 0; i < n; i++)
		if (!read_component(walk, body.bytes + 6 + 3 * (size_t)i))
			return broken(walk, wrong);
	return is_sampling(walk) ? 0 : broken(walk, wrong);
}

static int read_restart_interval(struct walk *walk, struct body body)
{
	if (body.len != 2)
		return broken(walk, "its restart interval is wrong");
	walk->restart_blocks = be16(body.bytes);
	return 0;
}

/* One scan with all components in their order, whose tables are all there. */
static int read_scan_header(struct walk *walk, struct body body)
{
	unsigned n = walk->n_components;

	if (n == 0)
		return broken(walk, "it has no frame header");
	if (body.len != 4 + 2 * (size_t)n || body.bytes[0] != n)
		return broken(walk, "its scan header is wrong");
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *component = body.bytes + 1 + 2 * (size_t)i;

		if (component[0] != walk->components[i].id || component[1] >> 4 >= CODES ||
			(component[1] & 15) >= CODES)
			return broken(walk, "its scan header is wrong");
		walk->components[i].huffman[DC] = component[1] >> 4;
		walk->components[i].huffman[AC] = component[1] & 15;
		if (!(walk->quantizers & 1u << walk->components[i].quantizer))
			return broken(walk, "a quantization table is missing");
	}
	const uint8_t *end = body.bytes + 1 + 2 * (size_t)n;
	if (end[0] != 0 || end[1] != 63 || end[2] != 0)
		return broken(walk, "its scan header is wrong");
	return 0;
}

/* --- entropy-coded data --- */

/* The tables of the scan: the frame's own, or, where it has none at all, the standard ones. */
static int find_tables(struct walk *walk)
{
	static const struct body standard = {standard_tables + 4, sizeof(standard_tables) - 4};

	walk->out.has_tables = walk->huffman[DC][0] || walk->huffman[DC][1] ||
			       walk->huffman[AC][0] || walk->huffman[AC][1];
	if (!walk->out.has_tables)
		return read_huffman(walk, standard);
	for (unsigned i = 0; i < walk->n_components; i++)
		for (unsigned kind = DC; kind <= AC; kind++)
			if (!walk->huffman[kind][walk->components[i].huffman[kind]])
				return broken(walk, "a Huffman table is missing");
	return 0;
}

/* What an MCU consists of, and how many of them the picture has. */
static size_t read_mcu(
	const struct walk *walk, const struct scan_code codes[2][CODES], struct scan *scan)
{
	/* A scan of one component is not interleaved: its sampling does not count. */
	bool is_grey = walk->n_components == 1;
	size_t h = DCT_SIDE * (is_grey ? 1 : walk->h_max),
	       v = DCT_SIDE * (is_grey ? 1 : walk->v_max);

	scan->n_blocks = 0;
	for (unsigned i = 0; i < walk->n_components; i++) {
		unsigned n = is_grey ? 1 : walk->components[i].h * walk->components[i].v;
		const uint8_t *huffman = walk->components[i].huffman;

		for (unsigned k = 0; k < n; k++, scan->n_blocks++) {
			scan->blocks[scan->n_blocks].dc = &codes[DC][huffman[DC]];
			scan->blocks[scan->n_blocks].ac = &codes[AC][huffman[AC]];
		}
	}
	return (walk->out.width + h - 1) / h * ((walk->out.height + v - 1) / v);
}

/* The next marker of the scan, *from its first byte on; walk->at is behind it.  Negative: none. */
static int find_marker(struct walk *walk, size_t *from)
{
	for (;;) {
		const uint8_t *found = memchr(walk->bytes + walk->at, 0xff, walk->len - walk->at);

		if (!found)
			return -1;
		*from = walk->at = (size_t)(found - walk->bytes);
		while (walk->at < walk->len && walk->bytes[walk->at] == 0xff)
			walk->at++; /* fill bytes may stand before a marker */
		if (walk->at == walk->len)
			return -1;
		if (walk->bytes[walk->at++] != 0) /* else a byte of data that is ff */
			return walk->bytes[walk->at - 1];
	}
}

/* From behind SOS to EOI: between each two markers as many MCUs as belong there. */
static int read_intervals(struct walk *walk, const struct scan *scan, size_t n_mcus)
{
	static const char missing[] = "parts of it are missing";
	unsigned n_restarts = 0;

	for (;;) {
		size_t begin = walk->at, end;
		size_t n = walk->restart_blocks > 0 && walk->restart_blocks < n_mcus
				   ? walk->restart_blocks
				   : n_mcus;
		int marker = find_marker(walk, &end);

		if (marker < 0)
			return broken(walk, "it is cut off");
		if (!scan_is_whole(scan, walk->bytes + begin, end - begin, n))
			return broken(walk, missing);
		n_mcus -= n;
		if (marker == MARKER_EOI)
			break;
		if (marker < MARKER_RST0 || marker > MARKER_RST7 || walk->restart_blocks == 0 ||
			(unsigned)marker - MARKER_RST0 != n_restarts++ % 8)
			return broken(walk, missing);
	}
	walk->out.end = walk->at;
	return n_mcus == 0 ? 0 : broken(walk, missing);
}

static int read_entropy(struct walk *walk)
{
	struct scan_code codes[2][CODES];
	struct scan scan;
	int r = find_tables(walk);

	if (r < 0)
		return r;
	for (unsigned kind = DC; kind <= AC; kind++)
		for (unsigned id = 0; id < CODES; id++)
			if (walk->huffman[kind][id])
				scan_code_read(
					walk->huffman[kind][id], kind == DC, &codes[kind][id]);
	return read_intervals(walk, &scan, read_mcu(walk, codes, &scan));
}

/* --- the frame --- */

static int read_segment(struct walk *walk, unsigned marker, struct body body)
{
	switch (marker) {
	case MARKER_SOF0:
		return read_frame_header(walk, body);
	case MARKER_DQT:
		return read_quantizers(walk, body);
	case MARKER_DHT:
		return read_huffman(walk, body);
	case MARKER_DRI:
		return read_restart_interval(walk, body);
	case MARKER_SOS:
		return read_scan_header(walk, body);
	case MARKER_COM:
		return 0;
	default:
		if (marker >= MARKER_APP0 && marker <= MARKER_APP15)
			return 0;
		if (marker == MARKER_SOI)
			return broken(walk, "it begins twice");
		return broken(walk, marker > MARKER_SOF0 && marker <= MARKER_SOF15
					    ? "it is not baseline"
					    : "a segment is unknown");
	}
}

static int read_head(struct walk *walk)
{
	const uint8_t *bytes = walk->bytes;
	unsigned marker;

	if (walk->len < 2 || bytes[0] != 0xff || bytes[1] != MARKER_SOI)
		return broken(walk, "it does not begin as a JPEG picture does");
	walk->at = 2;
	do {
		size_t begin = walk->at;
		struct body body;
		int r;

		if (walk->at < walk->len && bytes[walk->at] != 0xff)
			return broken(walk, "a segment has a wrong length");
		while (walk->at < walk->len && bytes[walk->at] == 0xff)
			walk->at++;
		if (walk->len - walk->at < 3)
			return broken(walk, "it is cut off");
		marker = bytes[walk->at];
		if (marker == MARKER_SOI || marker == MARKER_EOI)
			return broken(walk,
				marker == MARKER_SOI ? "it begins twice" : "it has no picture");
		size_t len = be16(bytes + walk->at + 1);
		if (len < 2)
			return broken(walk, "a segment has a wrong length");
		if (len > walk->len - walk->at - 1)
			return broken(walk, "it is cut off");
		body.bytes = bytes + walk->at + 3;
		body.len = len - 2;
		if (marker == MARKER_SOF0)
			walk->out.sof = begin;
		if (marker == MARKER_SOS)
			walk->out.sos = begin;
		r = read_segment(walk, marker, body);
		if (r < 0)
			return r;
		walk->at += 1 + len;
	} while (marker != MARKER_SOS);
	return 0;
}

int mjpeg_read(const uint8_t *bytes, size_t len, struct mjpeg *out, const char **why)
{
	struct walk walk = {.bytes = bytes, .len = len};
	int r = read_head(&walk);

	if (r == 0)
		r = read_entropy(&walk);
	if (r < 0)
		*why = walk.why;
	else
		*out = walk.out;
	return r;
}

static void add_piece(struct iovec *pieces, size_t *n, const uint8_t *bytes, size_t len)
{
	pieces[(*n)++] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
}

size_t mjpeg_pieces(const struct mjpeg *mjpeg, const uint8_t *bytes, const uint8_t *stamp,
	size_t stamp_len, struct iovec pieces[MJPEG_PIECES_MAX])
{
	size_t n = 0, from = mjpeg->sof;

	add_piece(pieces, &n, bytes, mjpeg->sof);
	add_piece(pieces, &n, stamp, stamp_len);
	if (!mjpeg->has_tables) {
		add_piece(pieces, &n, bytes + from, mjpeg->sos - from);
		add_piece(pieces, &n, standard_tables, sizeof(standard_tables));
		from = mjpeg->sos;
	}
	add_piece(pieces, &n, bytes + from, mjpeg->end - from);
	return n;
}
