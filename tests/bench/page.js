// SPDX-License-Identifier: MIT
/*
 * Chromium as the viewer, on the product's own page with its WebSocket: what its canvas shows and when,
 * and what the page itself says of its pictures and its sound.
 *
 *     node page.js http://127.0.0.1:PORT/ [--sound] [--smooth]
 *     node page.js http://127.0.0.1:PORT/path --other
 *
 *     page's canvas ──each frame──► last rows: time code; one pixel: black or white ──► seen ──► lines
 *     screenshare.stats() ──► draws, sound ──► lines
 *
 * --sound presses "Turn sound on", as a remote's OK does; --smooth the button of the modes; --other is the
 * page of another system, of which only the largest canvas is looked at.  Prints READY
 * once a picture is drawn (and heard, with --sound), then a line of JSON four times a second:
 *     codes    [[code_us, drawn_us, is_whole], …]   each time code that is new, and the animation frame that
 *              drew it; whole: the first rows carry the same frame's number
 *     flashes  [[is_white, drawn_us], …]   each change of the picture from black to white or back
 *     draws    [[pts_us, at_us, av_offset_ms], …]   as the page tells
 *     sound    as the page tells
 *     clock_error_ms
 * All _us are CLOCK_MONOTONIC, a code modulo 2^40, pts by the server.
 */
'use strict';

const { HOST, openBrowser, clockOffset, run } = require('./browser.js');
const timecode = require('./timecode.js');

const PERIOD_MS = 250;

/* In the page: the time codes in the first and the last rows of the canvas. */
function watch(isOther) {
	const probe = document.createElement('canvas');
	const context = probe.getContext('2d', { willReadFrequently: true });
	const seen = { codes: [], flashes: [] };
	let lastCode = null, wasWhole = false, wasWhite = null, lastSequence = null;

	/* One row with the code, and one pixel that no pointer hides below it. */
	function look(canvas) {
		const width = canvas.width, height = canvas.height;
		if (probe.width !== width) {
			probe.width = width;
			probe.height = 3;
		}
		context.drawImage(canvas, 0, height - 4, width, 1, 0, 0, width, 1);
		context.drawImage(canvas, width >> 2, height >> 2, 1, 1, 0, 1, 1, 1);
		context.drawImage(canvas, 0, 4, width, 1, 0, 2, width, 1);
		const pixels = context.getImageData(0, 0, width, 3).data;
		const last = window.benchTimecode(pixels, 0, width);
		const first = window.benchTimecode(pixels, width * 8, width);
		return {
			code: last && last.us,
			isWhole: last !== null && first !== null && first.frame === last.frame,
			isWhite: pixels[width * 4 + 1] >= 128,
		};
	}

	/* Of another system's page: the largest. */
	function find() {
		let best = null;
		for (const canvas of document.querySelectorAll(isOther ? 'canvas' : '#stage canvas'))
			if (canvas.isConnected && (!best || canvas.width * canvas.height > best.width * best.height))
				best = canvas;
		return best;
	}

	function onFrame() {
		const now = performance.now(), canvas = find();
		requestAnimationFrame(onFrame);
		if (!canvas || !canvas.width)
			return;
		const { code, isWhole, isWhite } = look(canvas);
		/* A torn picture may become whole without another code. */
		if (code !== null && (code !== lastCode || (isWhole && !wasWhole)))
			seen.codes.push([code, now, isWhole]);
		if (wasWhite !== null && isWhite !== wasWhite)
			seen.flashes.push([isWhite, now]);
		if (code !== null) {
			lastCode = code;
			wasWhole = isWhole;
		}
		wasWhite = isWhite;
	}

	/* What came since the last time. */
	window.benchTake = () => {
		const stats = isOther ? {} : window.screenshare.stats();
		const draws = stats.draws || [];
		const fresh = draws.filter((d) => !d.isState && (lastSequence === null || d.sequence > lastSequence));
		if (fresh.length)
			lastSequence = fresh[fresh.length - 1].sequence;
		delete stats.draws;
		return {
			now: performance.now(), codes: seen.codes.splice(0), flashes: seen.flashes.splice(0),
			draws: fresh.map((d) => [d.pts, d.at, d.avOffsetMs]), stats,
		};
	};
	requestAnimationFrame(onFrame);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, condition) {
	for (let i = 0; i < 300; i++) {
		if (await condition())
			return;
		await pause(50);
	}
	throw new Error(`${what} did not happen within 15 s`);
}

async function main() {
	const options = process.argv.slice(3);
	const address = new URL(process.argv[2]);
	address.hostname = HOST;
	const page = await (await openBrowser()).newPage();
	page.on('pageerror', (error) => console.error(String(error)));
	const isOther = options.includes('--other');
	await page.goto(isOther ? address.href : new URL('/d?tier=socket', address).href,
		{ waitUntil: 'domcontentloaded' });
	const stats = () => page.evaluate(() => window.screenshare.stats());
	if (isOther)
		await until('A canvas of the screen', () => page.evaluate(() =>
			[...document.querySelectorAll('canvas')].some((canvas) => canvas.width >= 1024)));
	else
		await until('A first picture', async () => (await stats()).framesDrawn > 0);
	if (options.includes('--smooth'))
		await page.click('#mode');
	if (options.includes('--sound')) {
		await page.click('#first');
		await until('Sound', async () => (await stats()).sound.pieces > 50);
	}
	const clock = await clockOffset(page);
	if (isOther)
		page.on('dialog', (dialog) => dialog.dismiss());
	const us = (ms) => Math.round((ms + clock.offset) * 1000);
	await page.evaluate(timecode.install);
	await page.evaluate(watch, isOther);
	console.log('READY');
	for (;;) {
		await pause(PERIOD_MS);
		const taken = await page.evaluate(() => window.benchTake());
		console.log(JSON.stringify({
			at_us: us(taken.now),
			codes: taken.codes.map(([code, at, isWhole]) => [code, us(at), isWhole]),
			flashes: taken.flashes.map(([isWhite, at]) => [isWhite, us(at)]),
			draws: taken.draws.map(([pts, at, offset]) => [pts, us(at), offset]),
			sound: taken.stats.sound,
			mode: taken.stats.mode,
			picture: taken.stats.picture,
			bytes: taken.stats.bytes,
			misfits: taken.stats.misfits,
			clock_error_ms: clock.error,
		}));
	}
}

run(main);
