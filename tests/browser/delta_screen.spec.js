/* SPDX-License-Identifier: MIT */
/* The screen in real browsers through the real programs: a canvas that equals it in every pixel. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Stage, hide, slowness, waitFor, waitPagePixels, pause } = require('./stage');
const { comparePage } = require('./fake_desk');

const WIDTH = 800, HEIGHT = 450; /* 1.2 times as large in the page of 960 x 540 */
const RED = 0xd02020, GREEN = 0x20c040, GREY = 0x808080;

const stats = (page) => page.evaluate(() => {
	const { draws, ...others } = window.screenshare.stats();
	return others;
});

for (const name of ['chromium', 'firefox']) {
	test(`the screen, exactly, in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startScreen(WIDTH, HEIGHT);
		await stage.painter.fill(GREY);
		await stage.startRun('cursor = yes\n');
		const page = await stage.openBrowser(name);

		/* What the X server has, as the page is to have it. */
		async function screen() {
			const file = path.join(stage.folder, 'grab');
			const [, width, height] = /^ok (\d+) (\d+)/.exec(await stage.painter.ask('size')).map(Number);
			await stage.painter.ask(`grab ${file} 0 0 ${width} ${height}`);
			const raw = fs.readFileSync(file), pixels = Buffer.alloc(width * height * 3);
			assert.equal(raw.length, width * height * 4);
			for (let i = 0; i < width * height; i++) {
				pixels[i * 3] = raw[i * 4 + 2];
				pixels[i * 3 + 1] = raw[i * 4 + 1];
				pixels[i * 3 + 2] = raw[i * 4];
			}
			return { width, height, pixels: pixels.toString('base64'),
				isRough: Buffer.alloc(width * height).toString('base64') };
		}
		async function waitExact(deadlineMs, what) {
			const expected = await screen(), begin = Date.now();
			let last;
			await waitFor(async () => {
				last = await page.evaluate(comparePage, expected);
				return last.wrong === 0;
			}, deadlineMs, () => `${what}: ${last.wrong} pixels, ${last.first}`);
			return Date.now() - begin;
		}

		await t.test('a page that has just come', async () => {
			await stage.painter.ask('page 1');
			await stage.visit(page, '/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			const { tier, picture } = await stats(page);
			assert.deepEqual({ tier, picture }, { tier: 'socket', picture: 'delta' });
			await waitExact(5000, 'the page');
		});

		await t.test('whatever is painted', async () => {
			for (const what of ['page 2', 'noise 3', 'page 4', 'fill 0 0 800 450 102030', 'fill 13 17 301 99 c0d0e0']) {
				await stage.painter.ask(what);
				const ms = await waitExact(5000, what);
				t.diagnostic(`${name}: exact ${ms} ms after "${what}"`);
			}
			for (let i = 0; i < 60; i++) {
				await stage.painter.fill(0x010305 * i, 7 * i % 700, 5 * i % 400, 31, 17);
			}
			await waitExact(5000, 'many rectangles');
			const { misfits, framesBad, steps } = await stats(page);
			assert.deepEqual({ misfits, framesBad }, { misfits: 0, framesBad: 0 });
			assert.ok(steps > 3, `${steps} steps`);
		});

		await t.test('typing is there at once, for a few bytes', async () => {
			await waitFor(async () => (await stats(page)).clock, 5000, 'a clock');
			const painted = [], before = await stats(page);
			for (let i = 0; i < 60; i++) {
				await pause(42);
				const rgb = (0x101010 + i * 0x030201).toString(16);
				const [, ns] = /^ok (\d+)/.exec(await stage.painter.ask(`fill ${40 + 9 * i} 200 8 15 ${rgb}`));
				painted.push(Number(ns) / 1e6);
			}
			await waitExact(3000, 'what was typed');
			const { draws, offset } = await page.evaluate(() => {
				const all = window.screenshare.stats();
				return { draws: all.draws.map((one) => one.at), offset: all.clock.offsetMs };
			});
			const after = await stats(page);
			const delays = painted.map((ms) => Math.min(...draws.map((at) => at - ms - offset).filter((delay) => delay > 0)))
				.sort((a, b) => a - b);
			t.diagnostic(`${name}: painted to drawn ${delays[30].toFixed(1)} ms (p50), ${delays[57].toFixed(1)} ms (p95); ${Math.round((after.bytes - before.bytes) / 60)} bytes a key, ${after.framesArrived - before.framesArrived} messages`);
			assert.ok(delays[30] < 60 * slowness(), `${delays}`);
			assert.ok(after.bytes - before.bytes < 60 * 1500, `${after.bytes - before.bytes} bytes`);
		});

		await t.test('the pointer lies above it', async () => {
			await stage.painter.fill(GREY);
			await stage.painter.ask(`cursor ${RED.toString(16)}`);
			await stage.painter.ask('warp 200 100');
			await waitPagePixels(page, [[244, 124, RED], [256, 136, RED], [236, 124, GREY], [244, 116, GREY]], 5000, 'the pointer');
			await waitExact(3000, 'no pointer in the canvas');
			const before = (await stats(page)).bytes;
			for (let i = 1; i <= 20; i++) {
				await stage.painter.ask(`warp ${200 + i} ${100 + 2 * i}`);
				await pause(40);
			}
			await waitPagePixels(page, [[268, 172, RED], [244, 124, GREY]], 3000, 'it has moved');
			const { bytes, pointer } = await stats(page);
			assert.deepEqual({ x: pointer.x, y: pointer.y, isVisible: pointer.isVisible }, { x: 220, y: 140, isVisible: true });
			t.diagnostic(`${name}: ${Math.round((bytes - before) / 20)} bytes a move`);
			assert.ok(bytes - before <= 21 * 40, `${bytes - before}`);
			await waitExact(3000, 'no pointer in the canvas');
		});

		await t.test('screens of other sizes', async () => {
			for (const [width, height] of [[640, 360], [413, 307], [WIDTH, HEIGHT]]) {
				await stage.resize(width, height);
				await stage.painter.ask(`page ${width}`);
				await waitExact(5000, `${width} x ${height}`);
				await stage.painter.fill(GREEN, 40, 50, 99, 77);
				await waitExact(5000, 'a change of it');
			}
			assert.equal((await stats(page)).misfits, 0);
		});

		await t.test('after the daemon or the server is killed', async () => {
			for (const program of ['screenshare-screen', 'screenshare-httpd']) {
				await stage.kill(program);
				await stage.painter.ask('page 5');
				await stage.painter.fill(GREEN, 100, 100, 50, 50);
				await waitExact(15000, program);
				await stage.painter.fill(RED, 120, 120, 50, 50);
				await waitExact(5000, `a change after ${program}`);
			}
			assert.equal((await stats(page)).picture, 'delta');
			assert.equal((await stats(page)).framesBad, 0);
		});

		await t.test('a page that comes back shows the picture of now', async () => {
			const { connections } = await stats(page);
			await hide(page, true);
			await waitFor(async () => !(await page.evaluate(() => window.screenshare.stats().isOpen)), 15000, 'rest');
			await stage.painter.fill(GREEN, 10, 10, 300, 300);
			const begin = Date.now();
			await hide(page, false);
			await waitFor(async () => (await stats(page)).connections > connections, 5000, 'a picture');
			const ms = Date.now() - begin;
			t.diagnostic(`${name}: back after ${ms} ms`);
			assert.ok(ms < 500 * slowness(), `${ms}`);
			await waitExact(3000, 'the picture of now');
		});
	});
}
