/* SPDX-License-Identifier: MIT */
/*
 * A desk is what a canvas ought to show, and the operations of the delta stream that bring it there
 * (doc/protocol.md): each of its methods changes its own pixels in the plainest way, and returns the
 * operation that does the same to a canvas.
 */
'use strict';

const { spawnSync } = require('node:child_process');
const zlib = require('node:zlib');

const KINDS = { PICTURE: 1, STEP: 4, CATCH_UP: 5 };
const FLAGS = { WHOLE: 1, STATE: 2, REFINEMENT: 4, EXACT: 8, LAST: 16 };
const COPY = 1, PNG = 2, JPEG = 3, SHAPE = 4, POINTER = 5, FILL = 6, GLYPHS = 7;

/* --- operations --- */

function operation(kind, flags, shape, fields, data = Buffer.alloc(0)) {
	const len = 8 + 2 * fields.length + data.length, out = Buffer.alloc(Math.ceil(len / 4) * 4);
	out[0] = kind;
	out[1] = flags;
	out.writeUInt16LE(shape, 2);
	out.writeUInt32LE(len, 4);
	fields.forEach((value, i) => out.writeUInt16LE(value & 0xffff, 8 + 2 * i));
	data.copy(out, 8 + 2 * fields.length);
	return out;
}

const jpegOf = (jpeg, x, y, width, height) => operation(JPEG, 0, 0, [x, y, width, height], jpeg);
const pointerAt = (shape, x, y, isVisible = true) => operation(POINTER, isVisible ? 1 : 0, shape, [x, y]);

/* --- PNG (RFC 2083) --- */

function chunk(name, data) {
	const out = Buffer.alloc(12 + data.length);
	out.writeUInt32BE(data.length, 0);
	out.write(name, 4, 'latin1');
	data.copy(out, 8);
	out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
	return out;
}

const CRC = Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let k = 0; k < 8; k++) {
		c = c & 1 ? 0xedb88320 ^ c >>> 1 : c >>> 1;
	}
	return c >>> 0;
});

function crc32(data) {
	let c = 0xffffffff;
	for (const byte of data) {
		c = CRC[(c ^ byte) & 255] ^ c >>> 8;
	}
	return (c ^ 0xffffffff) >>> 0;
}

/* `samples` of `depth` bits, `channels` of them a pixel. */
function png(width, height, type, depth, channels, samples, palette = null) {
	const head = Buffer.alloc(13), rowLen = Math.ceil(width * channels * depth / 8);
	const raw = Buffer.alloc((rowLen + 1) * height);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head[8] = depth;
	head[9] = type;
	for (let y = 0; y < height; y++) {
		for (let i = 0; i < width * channels; i++) {
			const bit = i * depth, at = y * (rowLen + 1) + 1 + (bit >> 3);
			raw[at] |= samples[y * width * channels + i] << (8 - depth - (bit & 7));
		}
	}
	return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', head),
		...(palette ? [chunk('PLTE', palette)] : []), chunk('IDAT', zlib.deflateSync(raw, { level: 1 })),
		chunk('IEND', Buffer.alloc(0))]);
}

/* Of one shape a pointer: a square of one colour (0xRRGGBB), half of it seen through. */
function shapeOf(number, width, height, rgb) {
	const samples = [];
	for (let i = 0; i < width * height; i++) {
		samples.push(rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255, i % width < width / 2 ? 255 : 0);
	}
	return operation(SHAPE, 0, number, [width, height], png(width, height, 6, 8, 4, samples));
}

/* --- JPEG: one colour each, so that any decoder gives the same, nearly --- */

function makeJpeg(width, height, rgb) {
	const raw = Buffer.alloc(width * height * 3);
	for (let i = 0; i < raw.length; i++) {
		raw[i] = rgb >> (16 - 8 * (i % 3)) & 255;
	}
	return spawnSync('ffmpeg', ['-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`,
		'-i', 'pipe:0', '-c:v', 'mjpeg', '-q:v', '2', '-f', 'image2pipe', 'pipe:1'], { input: raw }).stdout;
}

/* --- the desk --- */

class Desk {
	constructor(width, height, seed = 1) {
		this.width = width;
		this.height = height;
		this.seed = seed;
		this.sequence = 0;
		this.pixels = new Uint8Array(width * height * 3);
		this.isRough = new Uint8Array(width * height); /* a JPEG's, about right */
		this.jpegs = [0x4080c0, 0xc04020].map((rgb) => ({ rgb, width: 40, height: 24, bytes: makeJpeg(40, 24, rgb) }));
	}

	/* 0 … n - 1, the same each time (a generator of Lehmer's) */
	random(n) {
		this.seed = this.seed * 48271 % 2147483647;
		return this.seed % n;
	}

	put(x, y, width, height, colourAt, isRough = 0) {
		for (let k = 0; k < height; k++) {
			for (let i = 0; i < width; i++) {
				const at = (y + k) * this.width + x + i;
				this.pixels.set(colourAt(i, k), at * 3);
				this.isRough[at] = isRough;
			}
		}
	}

	copy(fromX, fromY, x, y, width, height) {
		const before = this.pixels.slice(), rough = this.isRough.slice();
		for (let k = 0; k < height; k++) {
			for (let i = 0; i < width; i++) {
				const from = (fromY + k) * this.width + fromX + i, to = (y + k) * this.width + x + i;
				this.pixels.set(before.subarray(from * 3, from * 3 + 3), to * 3);
				this.isRough[to] = rough[from];
			}
		}
		return operation(COPY, 0, 0, [fromX, fromY, x, y, width, height]);
	}

	fill(x, y, width, height, rgb) {
		this.put(x, y, width, height, () => [rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255]);
		return operation(FILL, 0, 0, [x, y, width, height, rgb & 0xffff, rgb >> 16]);
	}

	/* `all`: [src x, src y, gap, width] of each. */
	glyphs(x, y, width, height, all) {
		const before = this.pixels.slice(), rough = this.isRough.slice();
		const data = Buffer.alloc(all.length * 6);
		let at = x;
		all.forEach(([fromX, fromY, gap, n], i) => {
			at += gap;
			for (let k = 0; k < height; k++) {
				const from = (fromY + k) * this.width + fromX, to = (y + k) * this.width + at;
				this.pixels.set(before.subarray(from * 3, (from + n) * 3), to * 3);
				this.isRough.set(rough.subarray(from, from + n), to);
			}
			at += n;
			data.writeUInt16LE(fromX, i * 6);
			data.writeUInt16LE(fromY, i * 6 + 2);
			data[i * 6 + 4] = gap;
			data[i * 6 + 5] = n;
		});
		return operation(GLYPHS, 0, 0, [x, y, width, height], data);
	}

	/* Noise; `how` is grey, rgb or the number of colours in a palette. */
	png(x, y, width, height, how, isTurned = false) {
		const [w, h] = isTurned ? [height, width] : [width, height];
		let type = 2, depth = 8, channels = 3, palette = null, samples = [], colour;
		if (how === 'rgb') {
			samples = Array.from({ length: w * h * 3 }, () => this.random(256));
			colour = (at) => samples.slice(at * 3, at * 3 + 3);
		} else if (how === 'grey') {
			type = 0;
			channels = 1;
			samples = Array.from({ length: w * h }, () => this.random(256));
			colour = (at) => [samples[at], samples[at], samples[at]];
		} else {
			type = 3;
			channels = 1;
			depth = how <= 2 ? 1 : how <= 4 ? 2 : how <= 16 ? 4 : 8;
			palette = Buffer.from(Array.from({ length: how * 3 }, () => this.random(256)));
			samples = Array.from({ length: w * h }, () => this.random(how));
			colour = (at) => palette.subarray(samples[at] * 3, samples[at] * 3 + 3);
		}
		this.put(x, y, width, height, (i, k) => colour(isTurned ? i * w + k : k * w + i));
		return operation(PNG, isTurned ? 1 : 0, 0, [x, y, width, height], png(w, h, type, depth, channels, samples, palette));
	}

	jpeg(x, y, one = this.jpegs[this.random(this.jpegs.length)]) {
		this.put(x, y, one.width, one.height, () => [one.rgb >> 16, one.rgb >> 8 & 255, one.rgb & 255], 1);
		return jpegOf(one.bytes, x, y, one.width, one.height);
	}

	/* The whole of it, as it is. */
	whole() {
		const data = png(this.width, this.height, 2, 8, 3, this.pixels);
		this.isRough.fill(0);
		return operation(PNG, 0, 0, [0, 0, this.width, this.height], data);
	}

	/* Somewhere inside, of any size. */
	somewhere(widthMax, heightMax) {
		const width = 1 + this.random(widthMax), height = 1 + this.random(heightMax);
		return [this.random(this.width - width + 1), this.random(this.height - height + 1), width, height];
	}

	randomOperation() {
		const kind = this.random(10);
		if (kind < 4) {
			const [fromX, fromY, width, height] = this.somewhere(this.width, this.height);
			/* Mostly near, as what scrolls is: the two overlap. */
			const near = (from, max) => Math.min(max, Math.max(0, from - 20 + this.random(41)));
			return this.copy(fromX, fromY, near(fromX, this.width - width), near(fromY, this.height - height), width, height);
		}
		if (kind === 9) {
			return this.jpeg(this.random(this.width - 39), this.random(this.height - 23));
		}
		const how = ['grey', 'rgb', 1, 2, 3, 9, 100, 256][this.random(8)];
		return this.png(...this.somewhere(50, 40), how, this.random(3) === 0);
	}

	/* One to five operations. */
	randomStep() {
		return Buffer.concat(Array.from({ length: 1 + this.random(5) }, () => this.randomOperation()));
	}

	expected() {
		return { width: this.width, height: this.height, pixels: Buffer.from(this.pixels).toString('base64'),
			isRough: Buffer.from(this.isRough).toString('base64') };
	}
}

/* In the page: how many pixels of the canvas are not as expected; the first of them in words. */
function comparePage(expected) {
	const canvas = document.querySelector('#stage canvas.picture');
	if (!canvas || canvas.width !== expected.width || canvas.height !== expected.height) {
		return { wrong: -1, first: canvas ? `${canvas.width} x ${canvas.height}` : 'no canvas' };
	}
	const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
	const wanted = bytes(expected.pixels), isRough = bytes(expected.isRough);
	const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
	let wrong = 0, first = '';
	for (let i = 0; i < canvas.width * canvas.height; i++) {
		const limit = isRough[i] ? 12 : 0;
		for (let c = 0; c < 3; c++) {
			if (Math.abs(seen[i * 4 + c] - wanted[i * 3 + c]) > limit) {
				wrong++;
				first = first || `at ${i % canvas.width}, ${Math.floor(i / canvas.width)}: ${seen.slice(i * 4, i * 4 + 3)}, not ${wanted.slice(i * 3, i * 3 + 3)}`;
				break;
			}
		}
	}
	return { wrong, first };
}

module.exports = { Desk, KINDS, FLAGS, comparePage, jpegOf, makeJpeg, pointerAt, shapeOf };
