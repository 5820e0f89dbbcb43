/* SPDX-License-Identifier: MIT */
/* The list of the shared files: long, searched, sorted, steered by keys, and without scripts. */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Stage, slowness, unexpected, waitFor } = require('./stage');

const MANY = 10000, USABLE_MS = 2000;

const names = (page) => page.evaluate(() =>
	Array.from(document.querySelectorAll('#list li[data-name]')).map((li) => li.getAttribute('data-name')));
const focused = (page) => page.evaluate(() => {
	const here = document.activeElement, item = here.closest('#list li');
	return `${item ? item.getAttribute('data-name') : here.id}: ${here.textContent}`;
});

/* A file that somebody else has sent. */
async function put(stage, name, body) {
	const answer = await fetch(`http://127.0.0.1:${stage.port}/uploads/${name}`,
		{ method: 'PUT', body, headers: { 'X-Sender': 'Zoe' } });
	assert.equal(answer.status, 201);
}

/* What of the page comes when, in ms since it was asked for: by the browser's own clock. */
function watchList(page) {
	return page.evaluateOnNewDocument(() => {
		window.seen = {};
		new MutationObserver(() => {
			const rows = document.querySelectorAll('#list li.file'), drawn = document.querySelectorAll('#list li[data-name]');
			window.seen.row = window.seen.row || (rows.length > 0 && performance.now());
			window.seen.list = window.seen.list || (drawn.length > 0 && performance.now());
		}).observe(document, { childList: true, subtree: true });
	});
}

/* Types into the search, and says after how many ms the list is another one. */
function search(page, text) {
	return page.evaluate((wanted) => new Promise((resolve) => {
		const field = document.querySelector('#tools input'), begun = performance.now();
		const observer = new MutationObserver(() => {
			observer.disconnect();
			resolve(performance.now() - begun);
		});
		observer.observe(document.getElementById('list'), { childList: true });
		field.value = wanted;
		field.dispatchEvent(new Event('input'));
	}), text);
}

for (const name of ['chromium', 'firefox']) {
	test(`the list in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startRun('cursor = no\n[files]\nfree_mb = 0\n');
		const page = await stage.openBrowser(name);
		const shared = path.join(stage.folder, 'state', 'uploads');
		const choose = async (word) => {
			await page.select('#tools select', word);
			return names(page);
		};
		/* At once, in the page: a list that others change is drawn anew, and what lay there has gone. */
		const press = (file, word) => page.evaluate((wanted, text) => {
			const item = Array.from(document.querySelectorAll('#list li')).find((li) => li.getAttribute('data-name') === wanted);
			Array.from(item.querySelectorAll('button')).find((b) => b.textContent === text).click();
		}, file, word);
		/* What the page asks is answered in this order; what it has asked so far. */
		const asked = [];
		let answers = [];
		page.on('dialog', (dialog) => {
			const answer = answers.shift();
			asked.push(dialog.message());
			return answer === false ? dialog.dismiss() : dialog.accept(answer);
		});

		await t.test('it can be sorted and searched', async () => {
			await put(stage, 'b.txt', '22');
			await put(stage, 'a.txt', '333');
			await stage.visit(page, '/?lang=en');
			await (await page.$('#pick')).uploadFile(((file) => {
				fs.writeFileSync(file, '1');
				return file;
			})(path.join(stage.folder, 'mine.txt')));
			await waitFor(async () => (await names(page)).length === 3, 10000, 'three files');
			assert.deepEqual(await names(page), ['mine.txt', 'a.txt', 'b.txt']);
			assert.deepEqual(await choose('by-name'), ['a.txt', 'b.txt', 'mine.txt']);
			assert.deepEqual(await choose('by-size'), ['a.txt', 'b.txt', 'mine.txt']);
			assert.deepEqual(await choose('by-sender'), ['mine.txt', 'a.txt', 'b.txt']);
			await choose('newest');
			await search(page, 'ZOE');
			assert.deepEqual(await names(page), ['a.txt', 'b.txt']);
			await search(page, 'b.t');
			assert.deepEqual(await names(page), ['b.txt']);
			await search(page, 'nothing like it');
			assert.match(await page.evaluate(() => document.getElementById('list').textContent), /There is nothing here yet/);
			await search(page, '');
			assert.equal((await names(page)).length, 3);
			const composed = '\u00fcbung.txt', inTwo = 'u\u0308bung.txt'; /* as a Mac writes it */
			await put(stage, encodeURIComponent(inTwo), 'x');
			await waitFor(async () => (await names(page)).length === 4, 5000, 'the fourth');
			await search(page, composed.toUpperCase());
			assert.deepEqual(await names(page), [inTwo]);
			await search(page, '');
			fs.unlinkSync(path.join(shared, inTwo));
			await waitFor(async () => (await names(page)).length === 3, 5000, 'it has gone');
		});

		await t.test('one\'s own is renamed and deleted, what is not is refused', async () => {
			answers = ['folder/mine too.txt'];
			await press('mine.txt', 'Rename');
			await waitFor(async () => (await names(page)).includes('folder/mine too.txt'), 5000, 'the new name');
			const ask = (method, url) => page.evaluate((how, where) =>
				fetch(where, { method: how }).then((answer) => answer.status), method, url);
			page.expected.push(/ 403 .*\/uploads\/a\.txt/, / 409 .*\/uploads\/folder\/mine%20too\.txt/); /* the browser itself reports them */
			assert.equal(await ask('DELETE', '/uploads/a.txt'), 403);
			assert.equal(await ask('POST', '/uploads/a.txt?rename=c.txt'), 403);
			answers = ['a.txt', undefined];
			await press('folder/mine too.txt', 'Rename');
			await waitFor(() => asked.length === 3, 5000, 'it is refused');
			assert.match(asked[2], /There is a file of that name/);
			answers = [false];
			await press('folder/mine too.txt', 'Delete');
			await waitFor(() => asked.length === 4, 5000, 'it asks');
			assert.ok(fs.existsSync(path.join(shared, 'folder', 'mine too.txt')), 'who says no keeps it');
			answers = [undefined];
			await press('folder/mine too.txt', 'Delete');
			await waitFor(async () => (await names(page)).join() === 'a.txt,b.txt', 5000, 'it has gone');
			await waitFor(() => !fs.existsSync(path.join(shared, 'folder')), 5000, 'and its folder');
		});

		await t.test('the focus stays where it is while others send', async () => {
			await page.focus('#list li[data-name="b.txt"] .get');
			await put(stage, 'c.txt', 'c');
			await waitFor(async () => (await names(page)).length === 3, 5000, 'the new file');
			assert.equal(await focused(page), 'b.txt: Download');
			fs.unlinkSync(path.join(shared, 'b.txt'));
			await waitFor(async () => (await names(page)).length === 2, 5000, 'it has gone');
			assert.equal(await focused(page), 'a.txt: Download');
		});

		await t.test('ten thousand files are listed and searched at once, and the keys lead on', async (t2) => {
			for (let n = 0; n < MANY; n++) {
				fs.closeSync(fs.openSync(path.join(shared, `picture number ${n}.txt`), 'w'));
			}
			await waitFor(async () => (await (await fetch(`http://127.0.0.1:${stage.port}/files`)).json()).count === MANY + 2,
				30000, 'all are listed');
			await watchList(page);
			await stage.visit(page, '/?lang=en');
			await waitFor(() => page.evaluate(() => window.seen.list), 20000, 'the list');
			const seen = await page.evaluate(() => window.seen);
			const took = await search(page, `number ${MANY - 1}`);
			assert.deepEqual(await names(page), [`picture number ${MANY - 1}.txt`]);
			t2.diagnostic(`first row ${Math.round(seen.row)} ms, live list ${Math.round(seen.list)} ms, search ${Math.round(took)} ms`);
			assert.ok(Math.max(seen.row, seen.list, took) < USABLE_MS * slowness(), JSON.stringify([seen, took]));
			await search(page, '');
			assert.equal((await names(page)).length, 100);
			await page.focus('#list .more button');
			await page.keyboard.press('Enter');
			const all = await names(page);
			assert.equal(all.length, 200);
			assert.equal(await focused(page), `${all[100]}: ${all[100]}`);
		});

		await t.test('without scripts every file is reached by links', async () => {
			const got = new Set();
			let next = '/?lang=en', pages = 0;
			if (name === 'chromium') { /* Firefox' driver cannot switch them off */
				await page.setJavaScriptEnabled(false);
				await stage.visit(page, next);
				await Promise.all([page.waitForNavigation(), page.click('#pages a:last-child')]);
				await page.setJavaScriptEnabled(true);
				assert.match(page.url(), /page=2/);
			}
			while (next) {
				const html = await (await fetch(`http://127.0.0.1:${stage.port}${next}`)).text();
				for (const [, file] of html.matchAll(/class="get" href="\/download\/([^"]*)"/g)) {
					got.add(file);
				}
				const link = /<a class="small " href="([^"]*)">Older<\/a>/.exec(html);
				next = link && link[1].replace('&amp;', '&').replace(/#.*/, '');
				pages++;
			}
			assert.equal(got.size, MANY + 2);
			assert.equal(pages, Math.ceil((MANY + 2) / 200));
			for (const wrong of ['0', 'x', '-1', '99999999999']) {
				assert.equal((await fetch(`http://127.0.0.1:${stage.port}/?page=${wrong}`)).status, 200);
			}
		});

		await t.test('nothing went wrong in the page', () => {
			assert.deepEqual(unexpected(page), []);
		});
	});
}
