// SPDX-License-Identifier: MIT
/*
 * Chromium as the viewer: shows the stream in an <img>, and tells when a new time code was drawn.
 *
 *     node drawn.js http://127.0.0.1:PORT/
 *
 * Prints READY once a time code is seen, then for each new one a line of JSON: code_us (as painted,
 * modulo 2^40), drawn_us (CLOCK_MONOTONIC: the start of the animation frame in which a canvas drew
 * it) and how far off the page's clock may be.
 */
'use strict';

const { openBrowser, clockOffset, run } = require('./browser.js');
const timecode = require('./timecode.js');

/* In the page: the time code in the last rows of the picture. */
function watch(path) {
	const image = new Image();
	const canvas = document.createElement('canvas');
	const context = canvas.getContext('2d', { willReadFrequently: true });
	let last = null;

	function readCode() {
		const width = image.naturalWidth, height = image.naturalHeight;
		if (!width) return null;
		if (canvas.width !== width) {
			canvas.width = width;
			canvas.height = 1;
		}
		context.drawImage(image, 0, height - 4, width, 1, 0, 0, width, 1);
		const pixels = context.getImageData(0, 0, width, 1).data;
		const code = window.benchTimecode(pixels, 0, width);
		return code && code.us;
	}

	function onFrame() {
		const now = performance.now();
		const code = readCode();
		if (code !== null && code !== last) {
			last = code;
			window.benchDrawn(code, now);
		}
		requestAnimationFrame(onFrame);
	}

	image.style.width = '100%';
	document.body.textContent = '';
	document.body.appendChild(image);
	image.src = path;
	requestAnimationFrame(onFrame);
}

async function main() {
	const page = await (await openBrowser()).newPage();
	/* Any small page of the same origin, so that the canvas may be read; its policy allows no pictures. */
	await page.setBypassCSP(true);
	await page.goto(new URL('/healthz', process.argv[2]).href);
	const clock = await clockOffset(page);
	let isReady = false;
	await page.exposeFunction('benchDrawn', (code, now) => {
		if (isReady)
			console.log(JSON.stringify({
				code_us: code,
				drawn_us: Math.round((now + clock.offset) * 1000),
				clock_error_ms: clock.error,
			}));
		else
			console.log('READY');
		isReady = true;
	});
	await page.evaluate(timecode.install);
	await page.evaluate(watch, '/d_video');
}

run(main);
