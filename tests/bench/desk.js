// SPDX-License-Identifier: MIT
/*
 * A real browser as what is shown: Chromium with a window, on a display, with a long page of
 * anti-aliased text that is scrolled by 37 px again and again.
 *
 *     DISPLAY=:N node desk.js STEPS_A_SECOND
 *
 * The page paints the time code of tests/bench/timecode.h over its last rows, in the same task that
 * scrolls it.  Prints READY when it scrolls; a line on standard input stops it, and is answered by
 * PAUSED once that has been painted.
 */
'use strict';

const readline = require('readline');

const { openDesk, clockOffset, run } = require('./browser.js');

const STEP = 37, LINES = 4000;

/* In the page. */
function write(lines) {
	const vowels = 'aeiouy', consonants = 'tnshrdlcmfpgwbvk';
	let random = 1;
	function next(n) {
		random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
		return (random >>> 8) % n;
	}
	function word() {
		let text = '';
		for (let i = 1 + next(9); i > 0; i--)
			text += i % 2 ? vowels[next(vowels.length)] : consonants[next(consonants.length)];
		return text;
	}
	document.body.style.cssText = 'margin:0 auto;max-width:1300px;font:18px/1.4 "DejaVu Sans",sans-serif;' +
		'background:#fff;color:#101010;overflow-x:hidden';
	for (let i = 0; i < lines; i++) {
		const line = document.createElement(next(24) === 0 ? 'h2' : 'p');
		const words = [];
		for (let n = line.tagName === 'H2' ? 4 : 12 + next(60); n > 0; n--)
			words.push(word());
		line.textContent = words.join(' ') + '.';
		document.body.appendChild(line);
	}
	const style = document.createElement('style');
	style.textContent = '::-webkit-scrollbar{width:0} h2{color:#1a4f8b}';
	document.head.appendChild(style);
}

/* In the page.  `offset`: how far CLOCK_MONOTONIC is ahead of its clock, in ms. */
function scroll(step, rate, offset) {
	const code = document.createElement('canvas'), context = code.getContext('2d');
	const period = 1000 / rate, start = performance.now();
	let number = 0, timer = null;
	code.width = innerWidth;
	code.height = 16;
	code.style.cssText = 'position:fixed;left:0;bottom:0';
	document.body.appendChild(code);

	function bitsOf(value, n) {
		return value.toString(2).padStart(n, '0').slice(-n);
	}
	function checksum(bits) {
		let crc = 0xffff;
		for (const bit of bits) {
			const top = (crc >> 15) ^ Number(bit);
			crc = (crc << 1) & 0xffff;
			if (top) crc ^= 0x1021;
		}
		return crc;
	}
	function paint() {
		const us = Math.round((performance.now() + offset) * 1000) % 2 ** 40;
		const content = bitsOf(us, 40) + bitsOf(number & 255, 8);
		const bits = content + bitsOf(checksum(content), 16);
		for (let i = 0; i < 64; i++) {
			context.fillStyle = bits[i] === '1' ? '#fff' : '#000';
			context.fillRect(Math.floor(i * code.width / 64), 0, Math.ceil(code.width / 64), 16);
		}
	}
	function turn() {
		number++;
		window.scrollBy(0, step);
		paint();
		timer = setTimeout(turn, Math.max(0, start + (number + 1) * period - performance.now()));
	}
	turn();
	window.benchPause = () => clearTimeout(timer);
}

async function main() {
	const [page] = await (await openDesk()).pages();
	await page.evaluate(write, LINES);
	const clock = await clockOffset(page);
	await page.evaluate(scroll, STEP, Number(process.argv[2]), clock.offset);
	console.log('READY');
	for await (const line of readline.createInterface({ input: process.stdin })) {
		await page.evaluate(() => new Promise((resolve) => {
			window.benchPause();
			requestAnimationFrame(() => requestAnimationFrame(resolve));
		}));
		console.log('PAUSED', line);
	}
}

run(main);
