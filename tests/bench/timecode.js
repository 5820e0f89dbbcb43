// SPDX-License-Identifier: MIT
/*
 * The 64 blocks of tests/bench/timecode.h, read in a page off a row of pixels.
 *
 *     await page.evaluate(timecode.install);
 *     in the page: window.benchTimecode(pixels, at, width)
 */
'use strict';

/* In the page. */
function install() {
	function checksum(bits) {
		let crc = 0xffff;
		for (let i = 0; i < 48; i++) {
			const top = (crc >> 15) ^ bits[i];
			crc = (crc << 1) & 0xffff;
			if (top) crc ^= 0x1021;
		}
		return crc;
	}

	function value(bits, from, to) {
		let sum = 0;
		for (let i = from; i < to; i++) sum = sum * 2 + bits[i];
		return sum;
	}

	/* Of the row of `width` RGBA pixels from byte `at` on; null: there is no code in it. */
	window.benchTimecode = (pixels, at, width) => {
		const bits = [];
		for (let i = 0; i < 64; i++)
			bits.push(pixels[at + Math.floor((i + 0.5) * width / 64) * 4 + 1] >= 128 ? 1 : 0);
		return value(bits, 48, 64) === checksum(bits) ?
			{ us: value(bits, 0, 40), frame: value(bits, 40, 48) } : null;
	};
}

module.exports = { install };
