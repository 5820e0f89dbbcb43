/* SPDX-License-Identifier: MIT */
/* A pause in real browsers: every way of watching shows it, and goes on by itself; the start page says it. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Stage, waitFor, waitPagePixels, pagePixels } = require('./stage');

const BIN = path.resolve(process.env.SCREENSHARE_BIN ||
	path.join(process.env.SCREENSHARE_BUILD || path.join(__dirname, '..', '..', 'build'), 'bin'));
const RED = 0xd02020, GREEN = 0x20c040;
const PLACES = [[100, 250], [860, 250], [100, 350]]; /* away from buttons */

function command(stage, ...words) {
	const { status, stdout, stderr } = spawnSync(path.join(BIN, 'screenshare'), [...words, '--port', String(stage.port)], {
		env: { PATH: process.env.PATH, HOME: stage.folder, XDG_RUNTIME_DIR: path.join(stage.folder, 'runtime') },
		encoding: 'utf8' });
	assert.equal(status, 0, stderr);
	return stdout;
}

/* The picture that says so is dark and calm. */
async function waitPause(page) {
	await waitFor(async () => (await pagePixels(page, PLACES)).every((colour) => colour.every((c) => c < 60)),
		5000, 'the picture of the pause');
}

for (const [name, location] of [['chromium', '/d'], ['firefox', '/d'], ['chromium', '/d?tier=image'],
	['firefox', '/d?tier=image'], ['chromium', '/d?tier=still']]) {
	test(`a pause in ${name}, ${location}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startScreen(960, 540);
		await stage.startRun();
		await stage.painter.fill(RED);
		const page = await stage.openBrowser(name);
		await stage.visit(page, `${location}${location.includes('?') ? '&' : '?'}name=${encodeURIComponent('Salon – TV')}`);
		await waitPagePixels(page, PLACES.map((at) => [...at, RED]), 10000, 'the screen');
		if (!location.includes('still')) {
			const viewers = JSON.parse(command(stage, 'viewers', '--json')).viewers;
			assert.deepEqual(viewers.map((viewer) => viewer.name), ['Salon – TV']);
		}

		command(stage, 'pause');
		await stage.painter.fill(GREEN);
		await waitPause(page);
		const loaded = await page.evaluate(() => window.performance.timing.navigationStart);
		command(stage, 'resume');
		await waitPagePixels(page, PLACES.map((at) => [...at, GREEN]), 5000, 'the screen as it is now');
		assert.equal(await page.evaluate(() => window.performance.timing.navigationStart), loaded, 'without a reload');
		await waitFor(() => page.evaluate(() => document.getElementById('notice').className === ''), 5000, 'nothing more to say');
		assert.deepEqual(page.errors, []);
	});
}

test('the start page says it, in both languages', async (t) => {
	const stage = new Stage();
	t.after(() => stage.end());
	await stage.startScreen(320, 240);
	await stage.startRun();
	const page = await stage.openBrowser('chromium');
	const line = () => page.evaluate(() => {
		const element = document.querySelector('.paused');
		return [element.textContent, window.getComputedStyle(element).display];
	});
	await stage.visit(page, '/');
	assert.deepEqual(await line(), ['', 'none']);
	command(stage, 'pause');
	await stage.visit(page, '/?lang=en');
	assert.match((await line())[0], /^Sharing is paused/);
	if (process.env.SCREENSHARE_SHOT) {
		await page.screenshot({ path: process.env.SCREENSHARE_SHOT });
	}
	await stage.visit(page, '/?lang=zh');
	assert.match((await line())[0], /暂停/);
});
