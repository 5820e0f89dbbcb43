/* SPDX-License-Identifier: MIT */
/* Files on their way, as who sends them sees and steers it: by buttons, by keys, by hand and mouse. */
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { CUT_OFF, SENT_AGAIN, Stage, slowness, unexpected, waitFor } = require('./stage');
const { Wire } = require('./wire');

const hash = (data) => crypto.createHash('sha256').update(data).digest('hex');
const PROGRESS = /^(\d+) % · [\d.]+ [KM]?B\/s · [\d.]+ (s|min|h) left$/;
const SLOW = 3e6, VERY_SLOW = 1e6; /* bytes a second; of 20 MB there is time to press a button on any machine */

class Sending {
	constructor(stage, page, wire) {
		this.stage = stage;
		this.page = page;
		this.wire = wire;
		this.shared = path.join(stage.folder, 'state', 'uploads');
	}

	source(name, data) {
		const where = path.join(this.stage.folder, name);
		fs.mkdirSync(path.dirname(where), { recursive: true });
		fs.writeFileSync(where, data);
		return where;
	}

	async choose(...files) {
		await (await this.page.$('#pick')).uploadFile(...files);
	}

	/* What the page says of a file that is sent: null if it has no row. */
	row(name) {
		return this.page.evaluate((wanted) => {
			const item = Array.from(document.querySelectorAll('#sending li')).find((li) =>
				li.style.display !== 'none' && li.querySelector('.name').textContent === wanted);
			return !item ? null : { state: item.querySelector('.about').textContent, look: item.className,
				buttons: Array.from(item.querySelectorAll('button')).map((b) => b.textContent),
				width: parseFloat(item.querySelector('.bar').style.width) || 0 };
		}, name);
	}

	state(name, pattern, deadlineMs = 20000) {
		return waitFor(async () => {
			const row = await this.row(name);
			this.last = row;
			return row && pattern.test(row.state) ? row : null;
		}, deadlineMs, () => `${name}: ${pattern}, but ${JSON.stringify(this.last)}`);
	}

	percent(row) {
		return Number(PROGRESS.exec(row.state)[1]);
	}

	/* What the row of all says: how many of each kind; and how many rows there are. */
	counts() {
		return this.page.evaluate(() => {
			const rows = Array.from(document.querySelectorAll('#sending li'));
			const total = rows.find((li) => li.querySelector('.name').textContent === 'All together');
			const texts = total ? Array.from(total.querySelectorAll('.about')).map((one) => one.textContent) : ['', ''];
			const of = (word) => Number((new RegExp(`(?:^|· )${word}: (\\d+)`).exec(texts[1]) || [0, 0])[1]);
			return { verified: of('arrived, verified'), waiting: of('waiting'), failed: of('failed'),
				different: of('arrived, but is not the same'), rows: rows.length };
		});
	}

	/* As a mouse does. */
	async press(name, word) {
		const handle = await this.page.evaluateHandle((wanted, text) => {
			const item = Array.from(document.querySelectorAll('#sending li')).find((li) =>
				li.querySelector('.name').textContent === wanted);
			return Array.from(item.querySelectorAll('button')).find((b) => b.textContent === text);
		}, name, word);
		await handle.asElement().click();
	}

	stored(name) {
		return hash(fs.readFileSync(path.join(this.shared, name)));
	}

	parts() {
		return fs.readdirSync(path.join(this.shared, '.incoming')).filter((file) => file.endsWith('.part'));
	}

	async listed(name) {
		const answer = await (await fetch(`http://127.0.0.1:${this.stage.port}/files`)).json();
		return answer.files.some((file) => file.name === name);
	}
}

const EXAMPLE = { 'code/a.c': 'a', 'code/leer': '', 'code/sub/deep/ü.txt': 'deep', 'code/sub/b.c': 'b' };

/* The browser's own drag and drop, of a folder on the disk. */
async function dropFolder(sending, folder) {
	const session = await sending.page.createCDPSession();
	const target = await sending.page.$('#send');
	await target.scrollIntoView();
	const box = await target.boundingBox();
	const data = { items: [], files: [folder], dragOperationsMask: 1 };
	for (const type of ['dragEnter', 'dragOver', 'drop']) {
		await session.send('Input.dispatchDragEvent', { type, x: box.x + 20, y: box.y + 20, data });
	}
	await session.detach();
}

/* Firefox' driver drops nothing: its own entries for files, and for folders what it would hand over. */
function dropByScript(sending, files, top = '/code') {
	return sending.page.evaluate((all, root) => {
		const transfer = new DataTransfer();
		transfer.items.add(new File(['loose'], 'loose.txt'));
		document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
		const folder = (full) => ({ isDirectory: true, fullPath: full, createReader: () => {
			const inside = new Map();
			for (const name of Object.keys(all)) {
				const rest = `/${name}`.startsWith(`${full}/`) ? `/${name}`.slice(full.length + 1) : null;
				const part = rest && `${full}/${rest.split('/')[0]}`;
				if (part) {
					inside.set(part, rest.includes('/') ? folder(part) : { isFile: true, fullPath: part,
						file: (done) => done(new File([all[name]], part.split('/').pop())) });
				}
			}
			const parts = [...inside.values()].map((one) => [one]).concat([[]]);
			return { readEntries: (done) => setTimeout(() => done(parts.shift()), 1) };
		} });
		const event = new Event('drop', { cancelable: true });
		event.dataTransfer = { files: [], items: [{ webkitGetAsEntry: () => folder(root) }] };
		document.dispatchEvent(event);
	}, files, top);
}

/* A picture is copied on one page of the browser and pasted, by the keys, on ours. */
async function pastePicture(sending) {
	const other = await sending.page.browser().newPage();
	const origin = `http://localhost:${sending.stage.port}`;
	await sending.page.browserContext().overridePermissions(origin,
		['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
	await other.goto(`${origin}/healthz`);
	await other.bringToFront();
	await waitFor(() => other.evaluate(() => document.hasFocus()), 5000, 'the focus, without which nothing is copied');
	await other.evaluate(async () => {
		const canvas = document.createElement('canvas');
		canvas.width = canvas.height = 8;
		canvas.getContext('2d').fillRect(0, 0, 8, 8);
		const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
		await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
	});
	await other.close();
	await sending.page.bringToFront();
	await waitFor(() => sending.page.evaluate(() => document.hasFocus()), 5000, 'the focus, without which nothing is pasted');
	await sending.page.focus('#first');
	await sending.page.keyboard.down('Control');
	await sending.page.keyboard.press('v', { commands: ['Paste'] });
	await sending.page.keyboard.up('Control');
}

/* Firefox' clipboard has no pictures without a window: an event as it hands files over. */
function pasteByScript(sending) {
	return sending.page.evaluate(() => {
		const event = new Event('paste', { cancelable: true, bubbles: true });
		event.clipboardData = new DataTransfer();
		event.clipboardData.items.add(new File(['?PNG'], 'image.png', { type: 'image/png' }));
		document.dispatchEvent(event);
	});
}

for (const name of ['chromium', 'firefox']) {
	test(`sending in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startRun('cursor = no\n[files]\nfree_mb = 0\nquota_mb = 120\n');
		const wire = await new Wire(stage).start();
		stage.origin = wire.origin;
		const page = await stage.openBrowser(name);
		const sending = new Sending(stage, page, wire);
		const film = crypto.randomBytes(20000000);
		await stage.visit(page, '/?lang=en');

		await t.test('progress has a part, a speed and a time, of each file and of all', async () => {
			wire.rate = VERY_SLOW;
			await sending.choose(sending.source('one.mp4', film), sending.source('two.mp4', film.subarray(1)));
			for (const file of ['one.mp4', 'two.mp4', 'All together']) {
				const row = await sending.state(file, PROGRESS);
				assert.ok(Math.abs(row.width - sending.percent(row)) <= 1, JSON.stringify(row));
			}
		});

		await t.test('paused it stands still, resumed it goes on where it was', async () => {
			await waitFor(async () => sending.percent(await sending.state('one.mp4', PROGRESS)) >= 10, 20000, 'a tenth');
			await sending.press('one.mp4', 'Pause');
			await sending.press('two.mp4', 'Pause');
			const { buttons } = await sending.state('one.mp4', /^paused$/);
			assert.deepEqual(buttons, ['Resume', 'Cancel']);
			await sending.state('two.mp4', /^paused$/);
			wire.rate = Infinity;
			await waitFor(async () => (await (await fetch(`http://127.0.0.1:${stage.port}/status`)).json())
				.files.uploading === 0, 10000, 'nothing is received any more');
			const before = wire.up;
			assert.equal((await sending.row('one.mp4')).state, 'paused');
			await sending.press('one.mp4', 'Resume');
			await sending.state('one.mp4', /^arrived, verified$/);
			assert.ok(wire.up - before < film.length, 'not all of it was sent again');
			assert.equal(sending.stored('one.mp4'), hash(film));
			assert.equal((await sending.row('two.mp4')).state, 'paused');
			assert.equal(await sending.listed('two.mp4'), false);
		});

		await t.test('cancelled, nothing is left of it', async () => {
			assert.equal(sending.parts().length, 1);
			await sending.press('two.mp4', 'Cancel');
			await waitFor(() => sending.parts().length === 0, 10000, 'nothing is left');
			assert.equal(await sending.row('two.mp4'), null);
			wire.rate = VERY_SLOW;
			await sending.choose(sending.source('three.mp4', film));
			await sending.state('three.mp4', PROGRESS);
			await sending.press('three.mp4', 'Cancel');
			wire.rate = Infinity;
			await waitFor(() => sending.parts().length === 0, 10000, 'nothing is left of what was under way');
			assert.equal(await sending.row('three.mp4'), null);
		});

		await t.test('what finds no room says so, and can be tried again', async () => {
			const ballast = path.join(sending.shared, 'ballast');
			fs.closeSync(fs.openSync(ballast, 'w'));
			fs.truncateSync(ballast, 95000000);
			await waitFor(() => sending.listed('ballast'), 5000, 'it is listed');
			page.expected.push(/ 507 .*\/tus\//); /* the browser itself reports it */
			await sending.choose(sending.source('four.mp4', film));
			const row = await sending.state('four.mp4', /quota_mb/);
			assert.match(row.look, /failed/);
			assert.deepEqual(row.buttons, ['Try again', 'Cancel']);
			fs.unlinkSync(ballast);
			await waitFor(async () => !await sending.listed('ballast'), 5000, 'it has gone');
			await sending.press('four.mp4', 'Try again');
			await sending.state('four.mp4', /^arrived, verified$/);
		});

		await t.test('what was bent on its way is not called verified', async () => {
			wire.bend = (bytes) => {
				const at = bytes.indexOf('STRAIGHT');
				return at < 0 ? bytes : Buffer.concat([bytes.subarray(0, at), Buffer.from('BENT....'), bytes.subarray(at + 8)]);
			};
			await sending.choose(sending.source('bent.txt', 'so STRAIGHT it was'));
			const row = await sending.state('bent.txt', /^arrived, /);
			wire.bend = (bytes) => bytes;
			assert.equal(row.state, 'arrived, but is not the same');
			assert.match(row.look, /failed/);
			assert.equal(fs.readFileSync(path.join(sending.shared, 'bent.txt'), 'utf8'), 'so BENT.... it was');
		});

		await t.test('whose answer was lost arrives once, and is verified, though the server was killed', async () => {
			page.expected.push(CUT_OFF, SENT_AGAIN);
			for (const [file, data, answer] of [['small.bin', film.subarray(7, 100007), / 201 Created/],
				['large.bin', film.subarray(9, 3000009), / 204 No Content/]]) {
				let lost = 0;
				wire.lose = (bytes) => {
					const is = lost === 0 && answer.test(bytes.toString('latin1', 0, 100));
					lost += is ? 1 : 0;
					if (is) {
						wire.lose = () => lost < 2; /* nothing comes down before the server has been killed */
						stage.kill('screenshare-httpd').then(() => { lost = 2; });
					}
					return is;
				};
				await sending.choose(sending.source(file, data));
				await sending.state(file, /^arrived, verified$/, 40000);
				assert.equal(lost, 2, 'the answer was lost');
				assert.equal(sending.stored(file), hash(data));
				assert.deepEqual(fs.readdirSync(sending.shared).filter((one) => one.startsWith(file.slice(0, 5))), [file]);
				wire.lose = () => false;
			}
		});

		await t.test('files that look alike from outside are sent each for itself', async () => {
			/* Of the same name, size and time, as an unpacked archive has them; and one of them twice. */
			const bodies = [film.subarray(11, 2000011), film.subarray(13, 2000013), film.subarray(17, 2000017)];
			const sources = bodies.map((body, n) => sending.source(`alike${n}/frame.raw`, body));
			sources.forEach((one) => fs.utimesSync(one, 1700000000, 1700000000));
			wire.rate = SLOW;
			for (const one of [...sources, sources[0]]) {
				await sending.choose(one);
			}
			await waitFor(() => page.evaluate(() => Array.from(document.querySelectorAll('#sending .verified .name'))
				.filter((one) => one.textContent === 'frame.raw').length === 4), 60000, 'all four are verified');
			wire.rate = Infinity;
			const names = fs.readdirSync(sending.shared).filter((one) => one.startsWith('frame'));
			assert.deepEqual(names.map((one) => sending.stored(one)).sort(), [...bodies, bodies[0]].map(hash).sort());
		});

		await t.test('a dropped folder arrives as a folder', async () => {
			if (name === 'chromium') {
				for (const [file, text] of Object.entries(EXAMPLE)) {
					sending.source(file, text);
				}
				await dropFolder(sending, path.join(stage.folder, 'code'));
			} else {
				await dropByScript(sending, EXAMPLE);
				await sending.state('loose.txt', /^arrived, verified$/);
			}
			for (const [file, text] of Object.entries(EXAMPLE)) {
				await sending.state(file, /^arrived, verified$/);
				assert.equal(fs.readFileSync(path.join(sending.shared, file), 'utf8'), text);
			}
		});

		await t.test('what cannot be read of a folder is told', async () => {
			await page.evaluate(() => {
				const event = new Event('drop', { cancelable: true });
				const entry = { isFile: true, fullPath: '/photos/gone.jpg',
					file: (done, failed) => failed(new DOMException('It has gone.', 'NotFoundError')) };
				event.dataTransfer = { files: [], items: [{ webkitGetAsEntry: () => entry }] };
				document.dispatchEvent(event);
			});
			const row = await sending.state('photos/gone.jpg', /^failed: It has gone\.$/);
			assert.deepEqual([row.buttons, / failed/.test(row.look)], [['Cancel'], true]);
			await sending.press('photos/gone.jpg', 'Cancel');
			assert.equal(await sending.row('photos/gone.jpg'), null);
		});

		/* More than a browser reads of a folder at a time (Chromium: 100). */
		await t.test('a folder of hundreds arrives whole, every file is verified, and the page stays small', async () => {
			const names = Array.from({ length: 500 }, (_, n) => `many/${n}.c`);
			const before = await sending.counts();
			if (name === 'chromium') {
				names.forEach((file) => sending.source(file, file.repeat(100)));
				await dropFolder(sending, path.join(stage.folder, 'many'));
			} else {
				await dropByScript(sending, Object.fromEntries(names.map((file) => [file, file.repeat(100)])), '/many');
			}
			let mostRows = 0, slowest = 0;
			await waitFor(async () => {
				const begun = Date.now(), counts = await sending.counts();
				slowest = Math.max(slowest, Date.now() - begun);
				mostRows = Math.max(mostRows, counts.rows);
				return counts.verified >= before.verified + names.length;
			}, 240000, async () => `all are verified: ${JSON.stringify(await sending.counts())}`);
			t.diagnostic(`${mostRows} rows at most, an answer after ${slowest} ms at most`);
			assert.ok(mostRows <= 60, `${mostRows} rows`);
			assert.ok(slowest < 2000 * slowness(), `the page answered after ${slowest} ms`);
			names.forEach((file) => assert.equal(fs.readFileSync(path.join(sending.shared, file), 'utf8'), file.repeat(100)));
			const after = await sending.counts();
			assert.deepEqual([after.waiting, after.failed, after.different], [0, 0, 1], 'the bent one alone');
		});

		await t.test('all together they are paused, resumed and cancelled', async () => {
			wire.rate = VERY_SLOW / 4;
			const before = await sending.counts();
			await sending.choose(...Array.from({ length: 30 }, (_, n) => sending.source(`batch/${n}.bin`, film.subarray(n, n + 200000))));
			await sending.state('All together', PROGRESS);
			await sending.press('All together', 'Pause');
			await waitFor(async () => (await sending.counts()).waiting === 0, 5000, 'nothing waits');
			assert.deepEqual((await sending.row('All together')).buttons, ['Resume', 'Cancel']);
			await waitFor(async () => (await (await fetch(`http://127.0.0.1:${stage.port}/status`)).json())
				.files.uploading === 0, 10000, 'nothing is received');
			const up = wire.up;
			wire.rate = VERY_SLOW / 40; /* a minute and more: that it is not done before it is cancelled */
			await sending.press('All together', 'Resume');
			await waitFor(() => wire.up > up, 5000, 'it goes on');
			page.once('dialog', (dialog) => dialog.accept());
			await sending.press('All together', 'Cancel');
			wire.rate = Infinity;
			await waitFor(() => sending.parts().length === 0, 10000, 'nothing is left');
			const after = await sending.counts();
			assert.ok(after.waiting === 0 && after.verified < before.verified + 30, JSON.stringify(after));
		});

		await t.test('what is pasted is sent', async () => {
			await (name === 'chromium' ? pastePicture(sending) : pasteByScript(sending));
			await sending.state('image.png', /^arrived, verified$/);
			assert.equal(fs.readFileSync(path.join(sending.shared, 'image.png')).subarray(0, 4).includes('PNG'), true);
		});

		await t.test('with keys alone it is paused, resumed and cancelled', async () => {
			const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
			wire.rate = VERY_SLOW;
			await sending.choose(sending.source('keys.mp4', film));
			await sending.state('keys.mp4', PROGRESS);
			await page.focus('#pick');
			await waitFor(async () => {
				await page.keyboard.press('ArrowDown');
				return await focused() === 'Pause';
			}, 5000, 'the arrows lead to Pause');
			await page.keyboard.press('Enter');
			await sending.state('keys.mp4', /^paused$/);
			assert.equal(await focused(), 'Resume');
			await page.keyboard.press('Enter');
			await sending.state('keys.mp4', PROGRESS);
			assert.equal(await focused(), 'Pause');
			await page.keyboard.press('ArrowRight');
			assert.equal(await focused(), 'Cancel');
			await page.keyboard.press('Enter');
			wire.rate = Infinity;
			await waitFor(() => sending.parts().length === 0, 10000, 'nothing is left');
			assert.equal(await focused(), 'pick');
		});

		await t.test('what has arrived is cleared by one press, with keys alone, and stays', async () => {
			const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
			const clear = async () => {
				await page.focus('#pick');
				await waitFor(async () => {
					await page.keyboard.press('ArrowDown');
					return await focused() === 'Clear';
				}, 20000, 'the arrows lead to Clear');
				await page.keyboard.press('Enter');
				assert.equal(await focused(), 'pick');
			};
			await sending.choose(sending.source('two.txt', '2'), sending.source('three.txt', '3'));
			await sending.state('two.txt', /^arrived, verified$/);
			await clear();
			await waitFor(async () => (await sending.counts()).rows === 0, 5000, 'no row is left');
			await sending.choose(sending.source('four.txt', '4'));
			assert.deepEqual((await sending.state('four.txt', /^arrived, verified$/)).buttons, ['Clear']);
			await clear();
			await waitFor(async () => (await sending.counts()).rows === 0, 5000, 'no row is left');
			assert.ok(await sending.listed('two.txt') && await sending.listed('four.txt'));
		});

		await t.test('nothing went wrong in the page', () => {
			assert.deepEqual(unexpected(page), []);
		});
	});
}
