/* SPDX-License-Identifier: MIT */
/*
 * The npm library tus-js-client, as the page uses it, against the real server: an upload survives a
 * pause, another client, and a killed server, and arrives whole.
 */
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const tus = require('tus-js-client');
const { Stage, waitFor } = require('./stage');

const SIZE = 24000000;

/* Starts an upload; `progress` sees how far the server is. */
function send(stage, data, options, progress) {
	let upload;
	const done = new Promise((resolve, reject) => {
		upload = new tus.Upload(data, {
			endpoint: `http://127.0.0.1:${stage.port}/tus/`,
			retryDelays: [0, 50, 100, 200, 400, 800, 1600],
			metadata: { filename: options.name, filetype: 'video/mp4', sender: 'Jürgen' },
			chunkSize: options.chunkSize || Infinity,
			uploadUrl: options.url || null,
			onProgress: (sent) => progress && progress(sent, upload),
			onSuccess: () => resolve(upload),
			onError: reject,
			...options.more,
		});
		upload.start();
	});
	done.catch(() => {});
	return { done, upload };
}

function hash(data) {
	return crypto.createHash('sha256').update(data).digest('hex');
}

function stored(stage, name) {
	return hash(fs.readFileSync(path.join(stage.folder, 'state', 'uploads', name)));
}

async function list(stage) {
	return (await (await fetch(`http://127.0.0.1:${stage.port}/files`)).json()).files;
}

test('tus-js-client', async (t) => {
	const stage = new Stage();
	const data = crypto.randomBytes(SIZE);
	try {
		await stage.startRun();

		await t.test('sends a file in one piece, and in many', async () => {
			await send(stage, data, { name: 'whole ü.mp4' }).done;
			await send(stage, data, { name: 'pieces.mp4', chunkSize: 1000003 }).done;
			await send(stage, data, { name: 'first.mp4', more: { uploadDataDuringCreation: true } }).done;
			await send(stage, Buffer.alloc(0), { name: 'empty' }).done;
			for (const name of ['whole ü.mp4', 'pieces.mp4', 'first.mp4']) {
				assert.strictEqual(stored(stage, name), hash(data));
			}
			const files = await list(stage);
			assert.strictEqual(files.length, 4);
			assert.ok(files.every((file) => file.sender === 'Jürgen'));
			assert.strictEqual(files.find((file) => file.name === 'pieces.mp4').sha256, hash(data));
		});

		await t.test('goes on where it was paused', async () => {
			let paused;
			const sending = send(stage, data, { name: 'paused.mp4', chunkSize: 2000000 }, (sent, upload) => {
				if (!paused && sent > SIZE / 3) {
					paused = upload.abort().then(() => upload.url);
				}
			});
			await waitFor(() => paused, 10000, 'a third of it is sent');
			const url = await paused;
			const head = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } });
			assert.ok(Number(head.headers.get('upload-offset')) > 0);
			let first;
			await send(stage, data, { name: 'paused.mp4', url }, (sent) => { first = first || sent; }).done;
			assert.ok(first > SIZE / 5, `it began at ${first}`);
			assert.strictEqual(stored(stage, 'paused.mp4'), hash(data));
			assert.ok(sending.upload);
		});

		await t.test('survives a killed server', async () => {
			let kills = 0;
			await send(stage, data, { name: 'killed.mp4', chunkSize: 3000000 }, (sent) => {
				if (kills < 3 && sent > (kills + 1) * SIZE / 4) {
					kills += 1;
					stage.kill('screenshare-httpd');
				}
			}).done;
			assert.strictEqual(kills, 3);
			assert.strictEqual(stored(stage, 'killed.mp4'), hash(data));
			const files = await list(stage);
			assert.strictEqual(files.filter((file) => file.name.startsWith('killed')).length, 1);
		});

		await t.test('ends an upload for good', async () => {
			let ended;
			send(stage, data, { name: 'ended.mp4', chunkSize: 1000000 }, (sent, upload) => {
				if (!ended && sent > SIZE / 4) {
					ended = upload.abort(true);
				}
			});
			await waitFor(() => Boolean(ended), 10000, 'a quarter of it is sent');
			await ended;
			const names = fs.readdirSync(path.join(stage.folder, 'state', 'uploads', '.incoming'));
			assert.deepStrictEqual(names.filter((name) => name.endsWith('.part')), []);
		});
	} finally {
		await stage.end();
	}
});
