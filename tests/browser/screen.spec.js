/* SPDX-License-Identifier: MIT */
/* /d in real browsers, at the best tier and by <img>: the screen appears, follows, fits, and comes back. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { CUT_OFF, Stage, unexpected, waitFor, waitPagePixels, imagePixels, isNear } = require('./stage');

const RED = 0xd02020, GREEN = 0x20c040, BLUE = 0x2030e0, WHITE = 0xffffff, BLACK = 0x000000;

for (const [name, location] of [['chromium', '/d'], ['firefox', '/d'], ['chromium', '/d?tier=image'], ['firefox', '/d?tier=image']]) {
	test(`the screen in ${name}, ${location}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		/* Twice as wide as high, in a window of 16:9: bars above and below */
		await stage.startScreen(960, 480);
		await stage.startRun();
		const page = await stage.openBrowser(name);
		const centre = [480, 270];

		await t.test('the origin is as insecure as a television finds it', async () => {
			await stage.visit(page, location);
			assert.equal(await page.evaluate(() => window.isSecureContext), false);
			assert.equal(await page.evaluate(() => window.screenshare.stats().tier), location === '/d' ? 'socket' : 'image');
		});

		await t.test('the picture appears, in its aspect ratio, with the right pixels', async () => {
			await stage.painter.fill(RED);
			await stage.painter.fill(GREEN, 480, 0, 480, 240);
			await stage.painter.fill(BLUE, 0, 240, 480, 240);
			await stage.painter.fill(WHITE, 480, 240, 480, 240);
			await waitPagePixels(page, [[20, 120, RED], [940, 120, GREEN], [20, 490, BLUE],
				[940, 490, WHITE], [480, 10, BLACK], [480, 535, BLACK]], 10000, 'four quarters');
		});

		if (name === 'chromium') {
			await t.test('the decoded picture has every pixel of the screen', async () => {
				const seen = await imagePixels(page, [[0, 0], [959, 0], [0, 479], [959, 479]]);
				assert.deepEqual([seen.width, seen.height], [960, 480]);
				[RED, GREEN, BLUE, WHITE].forEach((rgb, i) =>
					assert.ok(isNear(seen.pixels[i], rgb, 6), `${seen.pixels[i]}`));
			});
		}

		await t.test('it follows the screen, though nothing else changes afterwards', async () => {
			for (const rgb of [WHITE, RED, BLUE]) {
				await stage.painter.fill(rgb);
				await waitPagePixels(page, [[...centre, rgb]], 3000, 'the new colour');
			}
		});

		await t.test('after a kill of the screen daemon it goes on', async () => {
			await stage.kill('screenshare-screen');
			await stage.painter.fill(GREEN);
			await waitPagePixels(page, [[...centre, GREEN]], 5000, 'green after the daemon died');
		});

		await t.test('after a kill of httpd it reconnects by itself, and keeps its last picture', async () => {
			for (const rgb of [RED, WHITE]) {
				const connections = () => page.evaluate(() => window.screenshare.stats().connections);
				const before = await connections();
				await stage.kill('screenshare-httpd');
				await stage.painter.fill(rgb);
				await waitFor(async () => {
					assert.ok(await page.evaluate(() => !!document.querySelector('#stage .picture:not(.coming)')),
						'there is always a picture');
					return await connections() > before;
				}, 15000, 'another connection');
				await waitPagePixels(page, [[...centre, rgb]], 5000, 'the screen of now');
				await waitFor(() => page.evaluate(() =>
					document.getElementById('notice').className === ''), 5000, 'nothing more to say');
			}
		});

		await t.test('nothing went wrong in the page', () => {
			page.expected.push(CUT_OFF); /* that a connection was lost is what these tests did to it */
			assert.deepEqual(unexpected(page), []);
		});
	});
}
