/* SPDX-License-Identifier: MIT */
/* The start page: two languages, and everything by the keys of a remote control. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { Stage, unexpected, waitFor, waitPagePixels } = require('./stage');

for (const name of ['chromium', 'firefox']) {
	test(`the start page in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startScreen(640, 360);
		await stage.startRun();
		const page = await stage.openBrowser(name);
		const text = () => page.evaluate(() => document.body.innerText);
		const language = () => page.evaluate(() => document.documentElement.lang);
		const focused = () => page.evaluate(() => document.activeElement.getAttribute('href'));

		await t.test('it is in English, and has a way to Chinese', async () => {
			await stage.visit(page, '/?lang=en');
			assert.match(await language(), /^en/);
			assert.match(await text(), /Everyone on this network can watch/);
			assert.match(await text(), /中文/);
			assert.ok(await page.title());
		});

		await t.test('it is in Chinese, and has a way to English', async () => {
			await stage.visit(page, '/?lang=zh');
			assert.match(await language(), /^zh/);
			assert.match(await text(), /本网络中的任何人都可以观看/);
			assert.match(await text(), /English/);
			/* Not boxes: the sheet, the page and its charset agree */
			assert.equal(await page.evaluate(() => document.characterSet), 'UTF-8');
		});

		await t.test('nothing is asked of another computer', async () => {
			const asked = await page.evaluate(() =>
				performance.getEntriesByType('resource').map((entry) => entry.name));
			for (const url of asked) {
				assert.ok(url.startsWith(stage.origin), url);
			}
		});

		await t.test('the first link has the focus, arrows move it, nothing is out of reach', async () => {
			await stage.visit(page, '/?lang=en');
			assert.equal(await focused(), '/d?lang=en');
			await waitFor(() => page.evaluate(() => document.querySelector('#list .none') !== null), 5000, 'the list');
			const links = await page.evaluate(() =>
				Array.from(document.querySelectorAll('a[href], button')).filter((a) => a.offsetWidth > 0)
					.map((a) => a.getAttribute('href')));
			const reached = new Set([await focused()]);
			for (const key of [...Array(3).fill('ArrowUp'), ...Array(12).fill('ArrowDown'), ...Array(12).fill('ArrowUp'),
				'ArrowDown', 'ArrowRight', 'ArrowLeft']) {
				await page.keyboard.press(key);
				reached.add(await focused());
			}
			reached.delete(null); /* fields */
			assert.deepEqual([...reached].sort(), [...new Set(links)].sort());
		});

		await t.test('OK on the first link shows the screen, Back leads back', async () => {
			page.expected.push(/NS_BINDING_ABORTED/); /* Firefox: what the page that is left was still loading */
			await stage.painter.fill(0x30a060);
			await stage.visit(page, '/?lang=zh');
			await page.keyboard.press('Enter');
			await waitFor(async () => page.url() === `${stage.origin}/d?lang=zh`, 5000, 'the page /d');
			await waitPagePixels(page, [[480, 270, 0x30a060]], 10000, 'the screen');
			assert.match(await language(), /^zh/);
			const back = await page.evaluate(() => document.getElementById('back').getAttribute('href'));
			assert.equal(back, '/?lang=zh');
			await page.evaluate(() => document.getElementById('back').click());
			await waitFor(async () => page.url() === `${stage.origin}/?lang=zh`, 5000, 'the start page');
		});

		await t.test('a wrong address is an answer in words', async () => {
			/* The browser itself reports it; and Firefox, perhaps later, the icon that such a page may not have. */
			page.expected.push(/ 404 .*\/nothing-here/, /Content-Security-Policy.*\/favicon\.ico/);
			await stage.visit(page, '/nothing-here');
			assert.match(await text(), /404/);
		});

		await t.test('nothing went wrong in the pages', () => {
			assert.deepEqual(unexpected(page), []);
		});
	});
}

test('without JavaScript the screen is seen all the same', async (t) => {
	const stage = new Stage();
	t.after(() => stage.end());
	await stage.startScreen(640, 360);
	await stage.startRun();
	await stage.painter.fill(0xa03060);
	const page = await stage.openBrowser('chromium');
	await page.setJavaScriptEnabled(false);
	await stage.visit(page, '/d');
	await waitPagePixels(page, [[480, 270, 0xa03060]], 10000, 'the screen');
});
