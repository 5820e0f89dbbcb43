/* SPDX-License-Identifier: MIT */
/* Files on the start page, as people use them: chosen, dropped, paused, killed; and without scripts. */
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { CUT_OFF, SENT_AGAIN, Stage, unexpected, waitFor, waitPagePixels } = require('./stage');

/* One red page; offsets are left to the reader, as many programs that make PDFs do. */
const RED = '1 0 0 rg 0 0 600 800 re f';
const PDF = ['%PDF-1.4', '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj', '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
	'3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>endobj',
	`4 0 obj<</Length ${RED.length}>>stream`, RED, 'endstream endobj', 'trailer<</Root 1 0 R>>', '%%EOF'].join('\n');

const hash = (data) => crypto.createHash('sha256').update(data).digest('hex');

for (const name of ['chromium', 'firefox']) {
	test(`files in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startRun();
		const page = await stage.openBrowser(name);
		const shared = path.join(stage.folder, 'state', 'uploads');
		const source = (file, data) => {
			const where = path.join(stage.folder, file);
			fs.writeFileSync(where, data);
			return where;
		};
		const stored = (file) => hash(fs.readFileSync(path.join(shared, file)));
		const text = (id) => page.evaluate((it) => document.getElementById(it).innerText, id);
		const press = (words, row) => page.evaluate((all, of) => {
			const item = Array.from(document.querySelectorAll('#list li.file')).find((li) => li.innerText.includes(of));
			Array.from(item.querySelectorAll('button')).find((b) => all.includes(b.innerText)).click();
		}, words, row);
		const choose = async (...files) => (await page.$('#pick')).uploadFile(...files);
		const some = crypto.randomBytes(3000000);

		await t.test('what is chosen arrives, is verified and listed', async () => {
			await stage.visit(page, '/?lang=en');
			await page.type('#sender', 'Ann');
			await choose(source('photo ü.png', some), source('two.txt', 'two'));
			await waitFor(async () => (await text('sending')).split('arrived, verified').length === 3, 20000,
				'both are verified');
			await waitFor(async () => /photo ü\.png[^]*3\.0 MB[^]*Ann/.test(await text('list')), 5000, 'it is listed');
			assert.equal(stored('photo ü.png'), hash(some));
		});

		await t.test('what others send appears by itself', async () => {
			await fetch(`http://127.0.0.1:${stage.port}/uploads/other.txt`, { method: 'PUT', body: 'x' });
			await waitFor(async () => /other\.txt/.test(await text('list')), 5000, 'the other file');
		});

		await t.test('both of its own may be renamed and deleted, the other not', async () => {
			const buttons = () => page.evaluate(() => Array.from(document.querySelectorAll('#list li.file'))
				.map((li) => [li.querySelector('.name').innerText, li.querySelectorAll('button').length]));
			assert.deepEqual(Object.fromEntries(await buttons()), { 'photo ü.png': 2, 'two.txt': 2, 'other.txt': 0 });
			page.once('dialog', (dialog) => dialog.accept('three.txt'));
			await press(['Rename'], 'two.txt');
			await waitFor(() => fs.existsSync(path.join(shared, 'three.txt')), 5000, 'renamed');
			await waitFor(async () => /three\.txt/.test(await text('list')), 5000, 'the new name');
			page.once('dialog', (dialog) => dialog.accept());
			await press(['Delete'], 'three.txt');
			await waitFor(() => !fs.existsSync(path.join(shared, 'three.txt')), 5000, 'deleted');
		});

		await t.test('an upload survives a killed server', async () => {
			const large = crypto.randomBytes(60000000);
			await choose(source('film.mp4', large));
			await waitFor(async () => /film\.mp4\n/.test(await text('sending')), 5000, 'it has begun');
			page.expected.push(CUT_OFF, SENT_AGAIN);
			await stage.kill('screenshare-httpd');
			await waitFor(async () => /film\.mp4\s+arrived, verified/.test(await text('sending')), 40000,
				async () => `film.mp4 arrives: ${await text('sending')}`);
			assert.equal(stored('film.mp4'), hash(large));
		});

		await t.test('an uploaded page runs no script, and a picture is shown', async () => {
			const other = await stage.openBeside(page);
			await fetch(`http://127.0.0.1:${stage.port}/uploads/evil.html`, { method: 'PUT',
				body: '<title>still</title><script>document.title="ran"</script>' });
			await stage.visit(other, '/uploads/evil.html');
			assert.equal(await other.title(), 'still');
			await fetch(`http://127.0.0.1:${stage.port}/uploads/evil.svg`, { method: 'PUT',
				body: '<svg xmlns="http://www.w3.org/2000/svg"><title>still</title><script>document.documentElement.setAttribute("id","ran")</script></svg>' });
			await stage.visit(other, '/uploads/evil.svg');
			assert.notEqual(await other.evaluate(() => document.documentElement.id), 'ran');
			await other.close();
		});

		await t.test('an uploaded PDF opens', async () => {
			const other = await stage.openBeside(page);
			await fetch(`http://127.0.0.1:${stage.port}/uploads/paper.pdf`, { method: 'PUT', body: PDF });
			await stage.visit(other, '/uploads/paper.pdf');
			await waitPagePixels(other, [[600, 400, 0xff0000]], 15000, 'its page');
			await other.close();
			await page.bringToFront();
		});

		/* Firefox's driver cannot switch them off. */
		if (name === 'chromium') await t.test('without scripts the same page sends, lists and gives', async () => {
			await page.setJavaScriptEnabled(false);
			await stage.visit(page, '/?lang=en');
			await choose(source('plain.txt', 'plain form'));
			await Promise.all([page.waitForNavigation(), (await page.$('#submit')).click()]);
			await page.setJavaScriptEnabled(true);
			assert.equal(fs.readFileSync(path.join(shared, 'plain.txt'), 'utf8'), 'plain form');
			assert.match(await (await fetch(`http://127.0.0.1:${stage.port}/`)).text(),
				/href="\/uploads\/plain\.txt">plain\.txt<\/a>[^]*href="\/download\/plain\.txt"/);
		});

		await t.test('nothing went wrong in the page', () => {
			assert.deepEqual(unexpected(page), []);
		});
	});
}
