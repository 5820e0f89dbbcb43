/* SPDX-License-Identifier: MIT */
/* The delta stream in real browsers: the canvas is read back, and is what it ought to be in every
 * pixel; what does not apply is not painted; the pointer lies above it. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { Stage, hide, patient, slowness, waitFor, waitPagePixels, pause } = require('./stage');
const { FakeServer } = require('./fake_server');
const { Desk, KINDS, FLAGS, comparePage, pointerAt, shapeOf, makeJpeg } = require('./fake_desk');

const { STEP, CATCH_UP, PICTURE } = KINDS;
const WIDTH = 211, HEIGHT = 131; /* odd, as windows are */

/* In the page, before its own scripts: decodes end out of order, all but the last of them late. */
function decodeOutOfOrder() {
	const real = window.createImageBitmap;
	let n = 0;
	window.createImageBitmap = (blob) => {
		const wait = [30, 3, 18, 0, 9][n++ % 5];
		return new Promise((resolve) => setTimeout(resolve, wait)).then(() => real(blob));
	};
}

/* Here `hold` keeps every decode until it is called off. */
function decodeWhenTold() {
	const real = window.createImageBitmap;
	window.isHeld = false;
	window.createImageBitmap = (blob) => new Promise((resolve) => {
		const timer = setInterval(() => {
			if (!window.isHeld) {
				clearInterval(timer);
				resolve(real(blob));
			}
		}, 1);
	});
}

/* The second image of all never comes out. */
function decodeAllButOne() {
	const real = window.createImageBitmap;
	let n = 0;
	window.createImageBitmap = (blob) => (++n === 2 ? new Promise(() => null) : real(blob));
}

const stats = (page) => page.evaluate(() => {
	const { draws, ...others } = window.screenshare.stats();
	return others;
});
const draws = (page) => page.evaluate(() => window.screenshare.stats().draws);
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function testDelta(name) {
	test(`the delta stream in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startRun();
		stage.browserSound = await stage.startSound();
		const fake = await new FakeServer(stage).start();
		fake.delta = 'told';
		stage.ends.push(() => fake.stop());
		const first = await stage.openBrowser(name);
		const errors = [], pages = [];
		let desk, viewer;

		const drawnOnes = () => fake.said.filter((one) => one.type === 'drawn');
		const sets = () => fake.said.filter((one) => one.type === 'set' && one.picture).map((one) => one.picture);
		const connected = (n = 1) => waitFor(() => {
			viewer = [...fake.viewers][0];
			return fake.sockets.length >= n && viewer;
		}, 10000, 'a connection');

		async function open(before = null, without = [], location = '/d') {
			for (const old of pages.splice(0)) {
				await old.close();
			}
			const page = patient(await first.browser().newPage());
			pages.push(page);
			await page.setViewport({ width: 844, height: 524 });
			page.on('pageerror', (error) => errors.push(String(error)));
			await page.evaluateOnNewDocument((names) => {
				names.forEach((one) => Object.defineProperty(window, one, { value: undefined }));
			}, without);
			if (before) {
				await page.evaluateOnNewDocument(before);
			}
			await waitFor(() => fake.viewers.size === 0, 10000, 'nobody');
			fake.said = [];
			fake.sockets = [];
			desk = new Desk(WIDTH, HEIGHT, 20 + pages.length);
			await page.goto(fake.origin + location, { waitUntil: 'domcontentloaded' });
			await page.bringToFront();
			await connected();
			return page;
		}

		/* Messages: what they say is at once the desk's own. */
		const send = (kind, flags, base, payload, pts = fake.now()) =>
			viewer.send(kind, desk.sequence, pts, payload, desk.width, desk.height, flags, base);
		function step(payload, flags = 0, pts = fake.now()) {
			desk.sequence++;
			send(STEP, flags, desk.sequence - 1, payload, pts);
		}
		function whole(more = Buffer.alloc(0)) {
			desk.sequence++;
			send(CATCH_UP, FLAGS.WHOLE, 0, Buffer.concat([desk.whole(), more]));
		}
		/* All that was sent has been acknowledged. */
		async function allDrawn(n) {
			await waitFor(() => drawnOnes().length >= n, 15000, () => `${drawnOnes().length} of ${n} acknowledged`);
			assert.equal(drawnOnes().length, n);
			assert.ok(drawnOnes().every((one) => one.took_ms >= 0));
		}
		async function isExact(page) {
			const { wrong, first: which } = await page.evaluate(comparePage, desk.expected());
			assert.equal(wrong, 0, `${wrong} pixels, ${which}`);
		}
		const noise = () => desk.png(0, 0, WIDTH, HEIGHT, 'rgb');

		await t.test('it is asked for, for the screen', async () => {
			const page = await open();
			assert.match(fake.sockets[0], /^\/ws\?source=screen&picture=delta&/);
			assert.equal((await stats(page)).picture, 'delta');
			await open(null, [], '/c');
			assert.match(fake.sockets[0], /^\/ws\?source=camera&picture=jpeg&/);
		});

		await t.test('copies whose two rectangles overlap, in all directions', async () => {
			const page = await open();
			noise();
			whole();
			let n = 1;
			for (const [dx, dy] of [[0, 1], [0, -1], [1, 0], [-1, 0], [0, 37], [0, -37], [37, 0], [-37, 0],
				[5, 7], [-5, 7], [5, -7], [-5, -7], [0, 0]]) {
				step(desk.copy(50, 40, 50 + dx, 40 + dy, 100, 50));
				await allDrawn(++n);
				await isExact(page);
			}
		});

		await t.test('fills, down to one pixel, in order with what else paints', async () => {
			const page = await open();
			noise();
			whole();
			let n = 1;
			for (const [x, y, width, height, rgb] of [[0, 0, 1, 1, 0], [13, 17, 2, 21, 0x101010],
				[40, 30, 61, 1, 0xd02020], [0, 0, WIDTH, HEIGHT, 0x00ff01], [5, 5, 90, 40, 0xffffff]]) {
				step(Buffer.concat([desk.fill(x, y, width, height, rgb),
					desk.copy(x, y, WIDTH - width, HEIGHT - height, width, height)]));
				await allDrawn(++n);
				await isExact(page);
			}
			step(Buffer.concat([desk.fill(10, 10, 60, 40, 0x123456), desk.png(20, 20, 30, 20, 'grey'),
				desk.fill(25, 25, 10, 5, 0xfedcba)]));
			await allDrawn(++n);
			await isExact(page);
		});

		await t.test('glyphs from elsewhere, also from where others go, and what lies between them', async () => {
			const page = await open();
			noise();
			whole();
			let n = 1;
			step(desk.glyphs(10, 70, 100, 12, [[50, 5, 0, 9], [60, 6, 3, 1], [0, 20, 20, 30]]));
			await allDrawn(++n);
			await isExact(page);
			/* each is read before any is written */
			step(desk.glyphs(10, 70, 60, 12, [[12, 70, 0, 8], [10, 72, 0, 20], [15, 65, 1, 7]]));
			await allDrawn(++n);
			await isExact(page);
			step(Buffer.concat([desk.fill(0, 0, 90, 20, 0xffffff), desk.png(80, 0, 10, 20, 9, true),
				desk.glyphs(0, 0, 90, 20, [[40, 40, 0, 5], [50, 40, 2, 70]])]));
			await allDrawn(++n);
			await isExact(page);
		});

		await t.test('images of every kind, turned or not', async () => {
			const page = await open();
			whole();
			let n = 1;
			for (const how of ['grey', 'rgb', 1, 2, 4, 5, 16, 17, 256]) {
				for (const isTurned of [false, true]) {
					step(desk.png(13, 17, 61, 23, how, isTurned));
					await allDrawn(++n);
					await isExact(page);
				}
			}
			step(desk.jpeg(101, 3));
			await allDrawn(++n);
			await isExact(page);
			/* What was a JPEG is made exact. */
			step(desk.png(95, 0, 60, 40, 'rgb'), FLAGS.REFINEMENT);
			await allDrawn(++n);
			await isExact(page);
		});

		for (const [how, before, without] of [['as they come', null, []], ['decoded in any order', decodeOutOfOrder, []],
			['without createImageBitmap', null, ['createImageBitmap']]]) {
			await t.test(`random steps, ${how}`, async () => {
				const page = await open(before, without);
				noise();
				whole();
				let n = 1;
				for (let round = 0; round < 6; round++) {
					for (let i = 0; i < 30; i++) {
						step(desk.randomStep());
					}
					n += 30;
					await allDrawn(n);
					await isExact(page);
				}
				const { steps, catchUps, misfits, framesDrawn, framesBad, sequence, bytes, decoder } = await stats(page);
				assert.deepEqual({ steps, catchUps, misfits, framesDrawn, framesBad, sequence },
					{ steps: 180, catchUps: 1, misfits: 0, framesDrawn: 181, framesBad: 0, sequence: 181 });
				assert.ok(bytes > 100000);
				assert.equal(decoder, without.length ? 'image' : 'bitmap');
				assert.deepEqual(drawnOnes().map((one) => one.sequence), Array.from({ length: 181 }, (_, i) => i + 1));
				t.diagnostic(`${name}, ${how}: taken after ${middle(drawnOnes().map((one) => one.took_ms))} ms (p50)`);
			});
		}

		await t.test('a message is seen whole or not at all, and waits for nothing but what came before', async () => {
			const page = await open(decodeWhenTold);
			noise();
			whole();
			await allDrawn(1);
			await page.evaluate(() => { window.isHeld = true; });
			const before = desk.expected();
			step(Buffer.concat([desk.copy(0, 0, 10, 10, 90, 90), desk.png(3, 3, 20, 20, 4)]));
			step(desk.copy(0, 0, 20, 5, 100, 100));
			await pause(150);
			assert.deepEqual(await page.evaluate(comparePage, before), { wrong: 0, first: '' });
			assert.equal(drawnOnes().length, 1);
			await page.evaluate(() => { window.isHeld = false; });
			await allDrawn(3);
			await isExact(page);
			/* With nothing before them, copies and the pointer do not wait for a decoder. */
			await page.evaluate(() => { window.isHeld = true; });
			step(Buffer.concat([desk.copy(0, 0, 20, 5, 100, 100), pointerAt(0, 5, 5)]));
			await allDrawn(4);
			await isExact(page);
			await page.evaluate(() => { window.isHeld = false; });
		});

		await t.test('catch-ups: whole, partial, exact', async () => {
			const page = await open();
			noise();
			whole();
			step(desk.jpeg(7, 9));
			/* What two viewers miss is one message: it applies to whoever holds 1 to 4. */
			desk.sequence = 5;
			send(CATCH_UP, 0, 1, Buffer.concat([desk.png(0, 0, 30, 30, 9), desk.jpeg(60, 60)]));
			await allDrawn(3);
			await isExact(page);
			send(CATCH_UP, FLAGS.EXACT, 5, desk.png(60, 60, 40, 24, 'rgb'));
			send(CATCH_UP, FLAGS.EXACT | FLAGS.LAST, 5, pointerAt(0, 0, 0));
			await allDrawn(5);
			await isExact(page);
			step(desk.copy(0, 0, 3, 3, 50, 50));
			whole();
			step(desk.png(0, 0, 30, 30, 9));
			await allDrawn(8);
			await isExact(page);
			const { steps, catchUps, misfits, sequence } = await stats(page);
			assert.deepEqual({ steps, catchUps, misfits, sequence }, { steps: 3, catchUps: 5, misfits: 0, sequence: 8 });
			assert.deepEqual(drawnOnes().map((one) => one.sequence), [1, 2, 5, 5, 5, 6, 7, 8]);
		});

		await t.test('what does not apply is acknowledged and not painted, and a whole picture is asked for', async () => {
			const page = await open();
			const payload = new Desk(WIDTH, HEIGHT, 6).png(0, 0, WIDTH, HEIGHT, 4);
			noise();
			const picture = desk.whole();
			viewer.send(STEP, 1, fake.now(), payload, WIDTH, HEIGHT, 0, 0); /* on nothing */
			desk.sequence = 11;
			send(CATCH_UP, FLAGS.WHOLE, 0, picture);
			await allDrawn(2);
			await isExact(page);
			let asked = sets().length; /* 0, or what it had doubts about because that picture took long */
			const lie = (kind, flags, sequence, base, width = WIDTH) =>
				viewer.send(kind, sequence, fake.now(), payload, width, HEIGHT, flags, base);
			const unfit = [[STEP, 0, 13, 12], [STEP, 0, 11, 10], [STEP, FLAGS.REFINEMENT, 13, 12], [CATCH_UP, 0, 11, 9],
				[CATCH_UP, 0, 20, 12], [CATCH_UP, FLAGS.EXACT, 12, 12], [CATCH_UP, 0, 12, 5, WIDTH + 1]];
			const begin = Date.now();
			for (const one of unfit) {
				lie(...one);
			}
			await allDrawn(2 + unfit.length);
			await isExact(page);
			assert.equal((await stats(page)).misfits, 1 + unfit.length);
			assert.equal((await stats(page)).sequence, 11);
			await waitFor(() => sets().length >= asked + 2, 3000, 'asked anew');
			const times = sets().slice(asked).filter((one) => one === 'delta').length, seconds = (Date.now() - begin) / 1000;
			assert.ok(times <= 1 + seconds, `asked ${times} times in ${seconds} s`); /* once a second, though there were many */
			whole();
			await allDrawn(3 + unfit.length);
			asked = sets().length;
			await pause(1200);
			assert.equal(sets().length, asked); /* all is well again */
			/* A single one, and then nothing: the picture would be old for ever. */
			lie(STEP, 0, 40, 39);
			await waitFor(() => sets().length === asked + 2, 3000, 'asked anew');
			assert.deepEqual(sets().slice(-2), ['none', 'delta']);
			whole();
			await allDrawn(5 + unfit.length);
			await isExact(page);
		});

		await t.test('a broken image, a broken list: not a pixel of them, and a whole picture is asked for', async () => {
			const page = await open();
			noise();
			whole();
			await allDrawn(1);
			const broken = new Desk(WIDTH, HEIGHT, 9);
			const good = broken.png(0, 0, 60, 60, 'rgb'), bad = broken.png(70, 0, 60, 60, 'rgb');
			bad.fill(0x55, 40);
			viewer.send(STEP, 2, fake.now(), Buffer.concat([good, bad]), WIDTH, HEIGHT, 0, 1);
			await allDrawn(2);
			await isExact(page);
			await waitFor(() => sets().length === 2, 3000, 'asked anew');
			whole();
			await allDrawn(3);
			const size = broken.png(0, 0, 60, 60, 'rgb');
			size.writeUInt16LE(61, 12); /* its rectangle is another */
			viewer.send(STEP, 3, fake.now(), size, WIDTH, HEIGHT, 0, 2);
			viewer.send(STEP, 3, fake.now(), size.subarray(0, 30), WIDTH, HEIGHT, 0, 2);
			await allDrawn(5);
			await isExact(page);
			assert.equal((await stats(page)).framesBad, 3);
			await waitFor(() => sets().length === 4, 3000, 'asked anew');
			whole();
			await allDrawn(6);
			await isExact(page);
			/* Where nothing can be decoded: JPEGs, and still by the socket. */
			for (let i = 0; i < 5; i++) {
				viewer.send(CATCH_UP, 10 + i, fake.now(), bad, WIDTH, HEIGHT, FLAGS.WHOLE, 0);
			}
			await waitFor(() => sets().includes('jpeg'), 3000, 'JPEGs');
			await waitFor(async () => (await draws(page)).filter((one) => one.kind === PICTURE).length > 5, 5000, 'pictures');
			assert.equal((await stats(page)).tier, 'socket');
		});

		await t.test('an image that never comes out holds up nothing for ever', async () => {
			const page = await open(decodeAllButOne);
			noise();
			whole();
			step(desk.png(0, 0, 30, 30, 9)); /* nothing else comes: it is not acknowledged */
			await waitFor(() => sets().length === 2, 9000, 'asked anew');
			assert.deepEqual(drawnOnes().map((one) => one.sequence), [1, 2]);
			whole();
			await allDrawn(3);
			await isExact(page);
		});

		await t.test('another size, and a picture of a state in between', async () => {
			const page = await open();
			noise();
			whole();
			step(desk.randomStep());
			desk = new Desk(160, 90, 7); /* its sequences begin with 1 */
			desk.png(0, 0, 160, 90, 'rgb');
			whole();
			step(desk.png(100, 50, 60, 40, 9, true));
			await allDrawn(4);
			await isExact(page);
			viewer.send(PICTURE, 1, fake.now(), makeJpeg(320, 180, 0x4080c0), 0, 0, 1 | FLAGS.STATE);
			await waitPagePixels(page, [[422, 262, 0x4080c0]], 3000, 'the state');
			await waitFor(() => page.evaluate(() => document.querySelector('#stage canvas.picture').width === 320), 3000, 'its size');
			step(desk.randomStep()); /* it does not apply to that */
			await allDrawn(6);
			assert.equal((await stats(page)).misfits, 1);
			whole();
			step(desk.png(0, 0, 60, 40, 9));
			await allDrawn(8);
			await isExact(page);
		});

		await t.test('the pointer: above the canvas, where it belongs, at every size of the stage', async () => {
			const page = await open();
			desk.png(0, 0, WIDTH, HEIGHT, 1);
			const back = desk.pixels[0] << 16 | desk.pixels[1] << 8 | desk.pixels[2];
			const RED = 0xff0000, BLUE = 0x0000ff;
			whole(Buffer.concat([shapeOf(3, 20, 20, RED), pointerAt(3, 100, 50)]));
			/* 844 x 524 is 4 times the picture: x 4, no bars. */
			await waitPagePixels(page, [[404, 204, RED], [436, 276, RED], [396, 204, back], [404, 196, back],
				[446, 240, back]], 3000, 'the pointer');
			await isExact(page);
			step(pointerAt(3, -4, 120));
			await waitPagePixels(page, [[2, 500, RED], [16, 500, RED], [32, 500, back], [404, 204, back]], 3000, 'it moves');
			step(Buffer.concat([shapeOf(15, 10, 10, BLUE), pointerAt(15, 30, 30)]));
			await waitPagePixels(page, [[124, 124, BLUE], [2, 500, back]], 3000, 'another shape');
			step(pointerAt(3, 50, 50)); /* the old one is still known */
			await waitPagePixels(page, [[204, 204, RED], [124, 124, back]], 3000, 'the first shape');
			await page.setViewport({ width: 422, height: 462 }); /* twice, with bars of 100 */
			await waitPagePixels(page, [[104, 204, RED], [96, 204, back], [104, 196, back], [10, 90, 0]], 3000, 'a smaller stage');
			step(pointerAt(3, 5, 125)); /* cut off where the picture ends */
			await waitPagePixels(page, [[16, 356, RED], [16, 366, 0]], 3000, 'at the edge');
			step(pointerAt(3, 50, 50, false));
			await waitPagePixels(page, [[104, 204, back]], 3000, 'hidden');
			await page.setViewport({ width: 844, height: 524 });
			step(Buffer.concat([shapeOf(3, 10, 10, BLUE), pointerAt(3, 50, 50)])); /* that number is another shape now */
			await waitPagePixels(page, [[204, 204, BLUE], [250, 204, back]], 3000, 'a new shape of an old number');
			/* A whole picture without one has none. */
			whole();
			await allDrawn(desk.sequence); /* one for each that was sent */
			await waitPagePixels(page, [[204, 204, back]], 3000, 'no pointer');
			await isExact(page);
		});

		await t.test('after a loss nothing applies but a whole picture, and a step as small as typing is quick', async () => {
			const page = await open();
			noise();
			whole();
			step(desk.randomStep());
			await allDrawn(2);
			viewer.end();
			await connected(2);
			assert.match(fake.sockets[1], /picture=delta/);
			const kept = desk.expected(), { misfits } = await stats(page);
			viewer.send(STEP, 3, fake.now(), new Desk(WIDTH, HEIGHT, 3).png(0, 0, 90, 90, 4), WIDTH, HEIGHT, 0, 2);
			await waitFor(async () => (await stats(page)).misfits === misfits + 1, 3000, 'it is refused');
			assert.deepEqual(await page.evaluate(comparePage, kept), { wrong: 0, first: '' });
			await allDrawn(3);
			fake.said = [];
			whole();
			for (let i = 0; i < 40; i++) {
				await pause(20);
				step(desk.png(20 + i, 40, 12, 18, 9));
			}
			await allDrawn(41);
			await isExact(page);
			const took = drawnOnes().slice(1).map((one) => one.took_ms).sort((a, b) => a - b);
			t.diagnostic(`${name}: a step of typing is painted ${took[20]} ms (p50), ${took[38]} ms (p95) after it came`);
			assert.ok(took[20] < 15 * slowness(), `${took}`);
		});

		await t.test('a page that comes back shows the picture of now at once', async () => {
			const page = await open();
			noise();
			whole();
			await allDrawn(1);
			assert.deepEqual(await hide(page, true), [10000]);
			await waitFor(() => fake.viewers.size === 0, 15000, 'it gives its stream back');
			noise();
			const { connections } = await stats(page);
			const begin = Date.now();
			await hide(page, false);
			await connected(2);
			whole();
			await waitFor(async () => (await stats(page)).connections === connections + 1, 3000, 'the picture');
			t.diagnostic(`${name}: back after ${Date.now() - begin} ms`);
			await isExact(page);
			/* With sound on, it is the same connection. */
			await page.keyboard.press('Enter');
			await waitFor(async () => (await stats(page)).sound.isRunning, 15000, 'sound');
			await hide(page, true);
			await waitFor(() => sets().includes('none'), 15000, 'no pictures');
			step(noise()); /* was under way */
			await hide(page, false);
			await waitFor(() => sets().slice(-1)[0] === 'delta', 3000, 'pictures');
			whole();
			await waitFor(async () => (await stats(page)).sequence === desk.sequence, 3000, 'it is drawn');
			await isExact(page);
		});

		await t.test('Smooth: every step when its sound is heard, in order', async () => {
			const page = await open();
			noise();
			whole();
			await allDrawn(1);
			await page.keyboard.press('Enter');
			await waitFor(async () => {
				const { sound } = await stats(page);
				return sound.isRunning && sound.pieces > 20;
			}, 15000, 'sound');
			await page.evaluate(() => document.getElementById('mode').click());
			assert.equal((await stats(page)).mode, 'smooth');
			assert.equal((await stats(page)).picture, 'delta');
			fake.said = [];
			await pause(1500); /* the sound's level settles */
			for (let i = 0; i < 100; i++) {
				await pause(30);
				step(i % 10 === 9 ? desk.jpeg(60, 60) : Buffer.concat([desk.copy(0, 0, 1, 2, 150, 100), desk.png(3, 3, 20, 20, 9)]));
				if (i % 25 === 20) {
					/* What makes exact is dated long ago: it waits for what is before it, and moves nothing. */
					step(desk.png(60, 60, 40, 24, 'rgb'), FLAGS.REFINEMENT, fake.now() - 3e6);
				}
			}
			await waitFor(() => drawnOnes().length === 104, 5000, () => `${drawnOnes().length} acknowledged`);
			await waitFor(async () => (await stats(page)).waiting === 0, 5000, 'nothing waits');
			await isExact(page);
			const shown = (await draws(page)).slice(-60), offsets = shown.map((one) => one.avOffsetMs).filter((one) => one !== null);
			const { sound, framesSkipped, misfits } = await stats(page);
			t.diagnostic(`${name}: smooth, step after sound by ${middle(offsets).toFixed(0)} ms (p50), shown ${middle(shown.map((one) => one.at - one.arrived)).toFixed(0)} ms after they came, sound level ${sound.levelMs.toFixed(0)} of ${sound.targetMs.toFixed(0)} ms`);
			assert.ok(offsets.length >= 50 && Math.abs(middle(offsets)) < 25, `${offsets}`);
			assert.ok(middle(shown.map((one) => one.at - one.arrived)) > 40, 'they waited');
			assert.deepEqual({ framesSkipped, misfits }, { framesSkipped: 0, misfits: 0 });
			/* Out of Smooth all that waits is painted at once. */
			for (let i = 0; i < 5; i++) {
				step(desk.randomStep());
			}
			await page.evaluate(() => document.getElementById('mode').click());
			step(desk.randomStep());
			await waitFor(async () => (await stats(page)).sequence === desk.sequence, 1000, 'all of it');
			await isExact(page);
		});

		await t.test('a server that does not know it gives JPEGs, and is asked again after a loss', async () => {
			fake.delta = 'refused';
			const page = await open();
			await waitFor(async () => (await stats(page)).framesDrawn > 5, 10000, 'pictures');
			assert.deepEqual(fake.sockets.map((url) => /picture=(\w+)/.exec(url)[1]), ['delta', 'jpeg']);
			assert.equal((await stats(page)).tier, 'socket');
			assert.equal((await stats(page)).picture, 'jpeg');
			fake.delta = 'told';
			viewer.end();
			await connected(3);
			assert.match(fake.sockets[2], /picture=delta/);
			noise();
			whole();
			await waitFor(async () => (await stats(page)).catchUps === 1, 3000, 'the picture');
			await isExact(page);
		});

		await t.test('nothing went wrong in the pages', () => {
			/* A handshake was refused. */
			assert.deepEqual(errors.filter((text) => !/can’t establish|was interrupted/.test(text)), []);
		});
	});
}

module.exports = { testDelta };
