// SPDX-License-Identifier: MIT
/* Chromium as make bench uses it, and how its pages' clock relates to CLOCK_MONOTONIC. */
'use strict';

const puppeteer = require('puppeteer-core');

/* No secure context, as every television's origin is none: the server has to know this name. */
const HOST = 'tv.test';

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--window-size=1920,1080', '--no-first-run',
	'--disable-background-networking', '--disable-component-update'];

let isEnding = false;

/* Closed by SIGTERM. */
async function open(options) {
	const browser = await puppeteer.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		...options,
	});
	process.once('SIGTERM', () => {
		isEnding = true;
		browser.close().finally(() => process.exit(0));
	});
	return browser;
}

/* As a viewer, without a window. */
function openBrowser() {
	return open({
		args: [...ARGUMENTS, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`],
		ignoreDefaultArgs: ['--mute-audio'],
		defaultViewport: { width: 1920, height: 1080 },
	});
}

/* With a window over all of $DISPLAY, as what is shown. */
function openDesk() {
	return open({
		headless: false,
		args: [...ARGUMENTS, '--kiosk', '--window-position=0,0'],
		ignoreDefaultArgs: ['--enable-automation'],
		defaultViewport: null,
	});
}

/* How far CLOCK_MONOTONIC (hrtime) is ahead of the page's clock, in ms, from the quickest of many asks. */
async function clockOffset(page) {
	let best = { offset: 0, error: Infinity };
	for (let i = 0; i < 50; i++) {
		const before = Number(process.hrtime.bigint()) / 1e6;
		const theirs = await page.evaluate(() => performance.now());
		const after = Number(process.hrtime.bigint()) / 1e6;
		if ((after - before) / 2 < best.error)
			best = { offset: (before + after) / 2 - theirs, error: (after - before) / 2 };
	}
	return best;
}

function run(main) {
	main().catch((error) => {
		if (isEnding)
			return;
		console.error(error);
		process.exit(1);
	});
}

module.exports = { HOST, openBrowser, openDesk, clockOffset, run };
