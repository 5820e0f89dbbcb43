/* SPDX-License-Identifier: MIT */
/* The viewer's page in real browsers, against a server that does what the test says: order, sound,
 * both together, and every way down from the best tier to the last. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { Stage, hide, patient, slowness, waitFor, pause } = require('./stage');
const { FakeServer, BLOCK } = require('./fake_server');

/* In the page, before its own scripts: what is drawn and played is written down. */
function listenIn(block) {
	const seen = window.seen = { drawn: [], starts: [], ear: null };
	const draw = CanvasRenderingContext2D.prototype.drawImage;
	CanvasRenderingContext2D.prototype.drawImage = function (...all) {
		draw.apply(this, all);
		if (this.canvas.parentNode || seen.drawn.length === 0) {
			let n = 0;
			const row = this.getImageData(0, 90, 8 * block, 1).data;
			for (let bit = 0; bit < 8; bit++) {
				n |= (row[(bit * block + block / 2) * 4] > 128 ? 1 : 0) << bit;
			}
			seen.drawn.push({ n, at: performance.now() });
		}
	};
	if (!window.AudioContext) {
		return;
	}
	const connect = AudioNode.prototype.connect;
	AudioNode.prototype.connect = function (to, ...more) {
		if (to === this.context.destination) {
			seen.ear = this.context.createAnalyser();
			seen.ear.fftSize = 4096;
			connect.call(this, seen.ear);
		}
		return connect.call(this, to, ...more);
	};
	/* Firefox on Linux may hang for ever when it is asked (sound.js): neither page nor test does. */
	const isFirefox = /Firefox/.test(navigator.userAgent);
	const stampOf = AudioContext.prototype.getOutputTimestamp;
	seen.asked = 0;
	AudioContext.prototype.getOutputTimestamp = function () {
		seen.asked++;
		return stampOf.call(this);
	};
	const latency = Object.getOwnPropertyDescriptor(AudioContext.prototype, 'outputLatency');
	Object.defineProperty(AudioContext.prototype, 'outputLatency', { configurable: true, get() {
		seen.asked++;
		return latency.get.call(this);
	} });
	const start = AudioBufferSourceNode.prototype.start;
	AudioBufferSourceNode.prototype.start = function (when) {
		const samples = this.buffer.getChannelData(0);
		let click = -1;
		for (let i = 0; i < samples.length && click < 0; i++) {
			click = Math.abs(samples[i]) > 0.6 ? i : -1;
		}
		const stamp = isFirefox ? { performanceTime: performance.now() + 40, contextTime: this.context.currentTime } :
			stampOf.call(this.context);
		seen.starts.push({ when, duration: this.buffer.duration, rate: this.playbackRate.value, click,
			offset: stamp.performanceTime - stamp.contextTime * 1000, now: this.context.currentTime });
		return start.call(this, when);
	};
}

/* Without its hundreds of draws, which are slow to bring here. */
const stats = (page) => page.evaluate(() => {
	const { draws, ...others } = window.screenshare.stats();
	return others;
});
const draws = (page) => page.evaluate(() => window.screenshare.stats().draws);
const drawn = (page) => page.evaluate(() => window.seen.drawn);
/* What these tests do to it: connections are lost, packets are broken. */
const EXPECTED = /WebSocket|ERR_|NetworkError|404|can’t establish|was interrupted|OPUS_INVALID_PACKET/;
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/* The loudest of the frequencies that the page plays, and how loud all of it is. */
const heard = (page) => page.evaluate(() => {
	const ear = window.seen.ear, bins = new Float32Array(ear.frequencyBinCount), wave = new Float32Array(ear.fftSize);
	ear.getFloatFrequencyData(bins);
	ear.getFloatTimeDomainData(wave);
	let best = 0;
	bins.forEach((value, i) => { best = value > bins[best] ? i : best; });
	return { hz: best * ear.context.sampleRate / ear.fftSize, rms: Math.sqrt(wave.reduce((a, b) => a + b * b, 0) / wave.length) };
});

/* Numbers of pictures count up, modulo 256: after a pause of 4 s nobody knows how far. */
function assertInOrder(all) {
	for (let i = 1; i < all.length; i++) {
		const step = (all[i].n - all[i - 1].n + 256) % 256;
		assert.ok((step > 0 && step < 128) || all[i].at - all[i - 1].at > 4000,
			`${all[i - 1].n} then ${all[i].n}, at ${i} of ${all.length}`);
	}
}

function testViewer(name) {
	test(`the viewer in ${name}`, async (t) => {
		const stage = new Stage();
		let fake = null;
		t.after(() => stage.end());
		await stage.startRun();
		stage.browserSound = await stage.startSound();
		fake = await new FakeServer(stage).start();
		stage.ends.push(() => fake.stop());
		const first = await stage.openBrowser(name);
		const errors = [], pages = [];

		/* A page of its own for each test; `without`: what this browser has never heard of. */
		async function open(location, without = [], before = null, isBeside = false) {
			for (const old of isBeside ? [] : pages.splice(0)) {
				await old.close();
			}
			const page = patient(await first.browser().newPage());
			pages.push(page);
			await page.setViewport({ width: 960, height: 540 });
			page.on('pageerror', (error) => {
				if (!EXPECTED.test(String(error))) {
					errors.push(String(error));
				}
			});
			page.on('console', (message) => {
				if (message.type() === 'error' && !EXPECTED.test(message.text())) {
					errors.push(message.text());
				}
			});
			await page.evaluateOnNewDocument((names) => {
				for (const one of names) {
					delete window[one];
					if (window[one]) {
						Object.defineProperty(window, one, { value: undefined });
					}
				}
			}, without);
			await page.evaluateOnNewDocument(listenIn, BLOCK);
			if (before) {
				await page.evaluateOnNewDocument(before);
			}
			fake.said = [];
			fake.sockets = [];
			fake.requests = [];
			fake.mostUnderWay = 0;
			await page.goto(fake.origin + location, { waitUntil: 'domcontentloaded' });
			await page.bringToFront();
			return page;
		}

		async function turnSoundOn(page) {
			assert.equal(await page.evaluate(() => document.activeElement.id), 'first');
			await page.keyboard.press('Enter');
		}

		/* By a remote's arrows: the buttons lie in a row. */
		async function focus(page, id) {
			const focused = () => page.evaluate(() => document.activeElement.id);
			for (let n = 0; n < 5 && await focused() !== id; n++) {
				await page.keyboard.press('ArrowRight');
			}
			assert.equal(await focused(), id);
		}

		async function waitSound(page, kind) {
			await waitFor(async () => {
				const { sound } = await stats(page);
				return sound.kind === kind && sound.isRunning && sound.pieces > 30;
			}, 15000, `sound as ${kind}`);
		}

		/* Not at each moment: a seam, where the machine was late, is heard as any frequency. */
		async function waitTone(page, least = 0, most = 1) {
			await waitFor(async () => {
				const { hz, rms } = await heard(page);
				return rms > least && rms < most && Math.abs(hz - 440) < 15;
			}, 3000, 'the tone');
		}

		const sets = () => fake.said.filter((message) => message.type === 'set');

		await t.test('pictures are drawn in the order in which they came, whatever decodes first', async () => {
			const page = await open('/d', [], () => {
				const real = window.createImageBitmap;
				let n = 0;
				window.createImageBitmap = (blob) => real(blob).then((bitmap) =>
					new Promise((resolve) => setTimeout(() => resolve(bitmap), n++ % 2 ? 0 : 45)));
			});
			await waitFor(async () => (await stats(page)).framesDrawn > 60, 15000, '60 pictures');
			const all = await drawn(page), { tier, mode, decoder, framesDrawn, framesBad } = await stats(page);
			assertInOrder(all);
			assert.deepEqual({ tier, mode, decoder, framesBad }, { tier: 'socket', mode: 'live', decoder: 'bitmap', framesBad: 0 });
			assert.ok(fake.mostUnderWay === 2, `${fake.mostUnderWay} under way`);
			const words = fake.said.filter((message) => message.type === 'drawn');
			assert.ok(Math.abs(words.length - framesDrawn) < 20 && words.every((one) => one.took_ms >= 0));
		});

		await t.test('where decoding is slow, what is drawn is new', async () => {
			const page = await open('/d', [], () => {
				const real = window.createImageBitmap;
				let last = Promise.resolve();
				window.createImageBitmap = (blob) => {
					last = last.then(() => new Promise((resolve) => setTimeout(resolve, 120)));
					return last.then(() => real(blob));
				};
			});
			await waitFor(async () => (await stats(page)).framesDrawn > 15 && (await stats(page)).clock, 15000, '15 pictures');
			const ages = (await draws(page)).slice(5).map((one) => one.latencyMs);
			assert.ok(middle(ages) < 230 * slowness(), `${middle(ages)} ms old`);
			assertInOrder(await drawn(page));
		});

		await t.test('OK on the focused button turns the sound on; it is Opus, whole, and no older than it need be', async () => {
			const page = await open('/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			assert.ok(!fake.requests.some((url) => url.includes('opus-decoder')), 'loaded before it is wanted');
			assert.match(fake.sockets[0], /sound=none/);
			await turnSoundOn(page);
			await waitSound(page, 'opus');
			assert.ok(fake.requests.some((url) => /^\/static\/opus-decoder\.js\?v=/.test(url)));
			await pause(1500);
			await waitTone(page, 0.1, 0.25);
			const starts = await page.evaluate(() => window.seen.starts);
			let seams = 0;
			for (let i = 1; i < starts.length; i++) {
				const end = starts[i - 1].when + starts[i - 1].duration / starts[i - 1].rate;
				seams += Math.abs(starts[i].when - end) > 1e-6 ? 1 : 0;
			}
			const { sound } = await stats(page);
			t.diagnostic(`${name}: level ${sound.levelMs.toFixed(0)}, heard after ${sound.latencyMs.toFixed(0)} ms, ${sound.underRuns} under-runs, ${sound.jumps} jumps`);
			assert.ok(seams <= sound.underRuns + sound.jumps, `${seams} seams`);
			assert.ok(sound.underRuns <= 3 * slowness(), `${sound.underRuns} under-runs`);
			assert.ok(sound.latencyMs > 60 && sound.latencyMs < 500 * slowness(), `${sound.latencyMs}`);

			/* The small button mutes, and again. */
			await focus(page, 'sound');
			await page.keyboard.press('Enter');
			await waitFor(() => sets().some((one) => one.sound === 'none'), 3000, 'muted');
			await waitFor(async () => (await stats(page)).sound.context === 'suspended', 3000, 'silence');
			await page.keyboard.press('m');
			await waitFor(() => sets().length >= 3, 3000, 'sound is asked for again');
			await waitSound(page, 'opus');
			assert.deepEqual(sets().map((one) => one.sound), ['opus', 'none', 'opus']);
		});

		await t.test('a sound card that is 0.2 % slow, a busy page: the sound stays whole and near', async () => {
			fake.skew = 0.002;
			const page = await open('/d', ['WebAssembly'], () => {
				setInterval(() => {
					const end = performance.now() + 40;
					while (performance.now() < end) { /* busy */ }
				}, 250);
			});
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitSound(page, 'pcm');
			await pause(3000);
			const levels = []; /* at one moment the page may just have been busy */
			for (let i = 0; i < 11; i++) {
				await pause(100);
				const { kind, levelMs, targetMs } = (await stats(page)).sound;
				assert.equal(kind, 'pcm');
				levels.push({ levelMs, targetMs });
			}
			fake.skew = 0;
			const level = middle(levels.map((one) => one.levelMs)), target = middle(levels.map((one) => one.targetMs));
			assert.ok(level > 20 && level < target + 170, JSON.stringify(levels));
			await waitTone(page);
		});

		await t.test('where the network holds sound back, under-runs are counted and the target is raised', async () => {
			const page = await open('/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitSound(page, 'opus');
			const before = (await stats(page)).sound;
			const from = fake.now() / 1e6;
			fake.hold = (i, made) => (made > from && made < from + 0.3 ? (from + 0.3 - made) * 1000 : 0);
			await waitFor(async () => (await stats(page)).sound.underRuns > before.underRuns, 5000, 'an under-run');
			fake.hold = 0;
			assert.ok((await stats(page)).sound.targetMs > before.targetMs);
			const jumps = (await stats(page)).sound.jumps;
			/* so much at once as 400 ms of network in a moment: it is left out */
			await waitFor(async () => {
				const { sound } = await stats(page);
				return sound.levelMs < sound.targetMs + 160 && sound.jumps >= jumps;
			}, 5000, 'the level is back');
		});

		await t.test('Smooth shows what is heard', async () => {
			const page = await open('/c');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			assert.equal((await stats(page)).mode, 'smooth');
			assert.equal((await stats(page)).avOffsetMs, null); /* at once, without sound */
			await turnSoundOn(page);
			await waitSound(page, 'opus');
			await pause(5500);
			const { sound, framesSkipped, waiting } = await stats(page), shown = await draws(page);
			const offsets = shown.slice(-90).map((one) => one.avOffsetMs);
			t.diagnostic(`${name}: smooth, picture after sound by ${middle(offsets).toFixed(0)} ms (p50), level ${sound.levelMs.toFixed(0)} of ${sound.targetMs.toFixed(0)}, ${waiting} wait, ${framesSkipped} skipped`);
			assert.ok(Math.abs(middle(offsets)) < 25, `${offsets}`);
			/* Without what the page makes of it: when each click is heard, and when the picture of that moment was drawn. */
			const clicks = async () => {
				const starts = await page.evaluate(() => window.seen.starts), all = await draws(page), found = [];
				for (const one of starts.filter((start) => start.click >= 0)) {
					const offset = middle(starts.filter((other) => Math.abs(other.when - one.when) < 1).map((other) => other.offset));
					const clickAt = (one.when + one.click / 48000 / one.rate) * 1000 + offset;
					const picture = all.find((draw) => draw.at > clickAt - 500 && draw.pts % 1e6 < 1e6 / 30 && Math.abs(draw.at - clickAt) < 500);
					if (picture) {
						found.push(picture.at - clickAt - picture.pts % 1e6 / 1000);
					}
				}
				return found;
			};
			let apart; /* a slow page is not shown every picture, nor that of each click */
			await waitFor(async () => (apart = await clicks()).length >= 5, 10000, () => `five clicks, not ${apart.length}`);
			const asked = await page.evaluate(() => window.seen.asked);
			assert.ok(name === 'firefox' ? asked === 0 : asked > 0, `the output's latency was asked for ${asked} times`);
			t.diagnostic(`${name}: picture after click by ${apart.map((ms) => ms.toFixed(0)).join(', ')} ms`);
			assert.ok(Math.abs(middle(apart)) < 45, `${apart}`);

			/* The other mode, by a remote's keys, and it is remembered. */
			await focus(page, 'mode');
			await page.keyboard.press('Enter');
			await waitFor(async () => (await stats(page)).mode === 'live', 3000, 'live');
			await waitFor(async () => (await stats(page)).avOffsetMs === null, 3000, 'at once');
			await page.reload({ waitUntil: 'domcontentloaded' });
			assert.equal((await stats(page)).mode, 'live');
			await page.evaluate(() => localStorage.clear());
		});

		await t.test('a server that is killed and comes back: the last picture stays, sound and pictures go on', async () => {
			const page = await open('/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitSound(page, 'opus');
			await fake.stop();
			await waitFor(() => page.evaluate(() => document.getElementById('notice').className === 'on'), 5000, 'a word of it');
			/* Both in one look: what had arrived may still be decoded and drawn. */
			const { last, kept } = await page.evaluate(() => {
				const canvas = document.querySelector('#stage canvas.picture');
				return { last: window.seen.drawn.slice(-1)[0].n,
					kept: Array.from(canvas.getContext('2d').getImageData(20, 90, 1, 1).data) };
			});
			assert.ok(Math.abs(kept[0] - (last & 1) * 255) < 20, `${kept}`);
			await pause(1500); /* some attempts meet nobody: no reason to fall back */
			const { framesDrawn } = await stats(page);
			await fake.start();
			await waitFor(async () => (await stats(page)).framesDrawn > framesDrawn + 20, 10000, 'pictures again');
			const pieces = (await stats(page)).sound.pieces;
			await waitFor(async () => (await stats(page)).sound.pieces > pieces + 20, 5000, 'sound again');
			assert.equal((await stats(page)).tier, 'socket');
			assert.equal((await stats(page)).connections, 2);
			assert.equal(await page.evaluate(() => document.getElementById('notice').className), '');
		});

		await t.test('what nobody knows is skipped', async () => {
			fake.strange = true;
			const page = await open('/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 30, 10000, 'pictures');
			assertInOrder(await drawn(page));
			assert.equal((await stats(page)).connections, 1);
			fake.strange = false;
		});

		await t.test('what the sound is doing is said, in the language of the page, while it is on', async () => {
			const shown = (page) => page.evaluate(() => {
				const words = document.getElementById('words');
				return words.offsetWidth > 0 ? words.textContent : '';
			});
			fake.soundState = ['muted', 'Muted, says the server'];
			let page = await open('/d?lang=zh');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			assert.equal(await shown(page), '');
			await turnSoundOn(page);
			await waitFor(async () => await shown(page) === '电脑端已静音', 5000, 'the words');
			await page.keyboard.press('m');
			await waitFor(async () => await shown(page) === '', 5000, 'no more words');
			fake.soundState = ['of-a-later-version', 'Something new'];
			page = await open('/d?lang=zh');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitFor(async () => await shown(page) === 'Something new', 5000, "the server's words");
			fake.soundState = ['live', 'Sound flows'];
		});

		await t.test('Opus that does not decode is left for PCM', async () => {
			fake.packets = 'broken';
			const page = await open('/d');
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitSound(page, 'pcm');
			assert.deepEqual(sets().map((one) => one.sound), ['opus', 'pcm']);
			fake.packets = 'work';
		});

		await t.test('without createImageBitmap pictures are decoded by <img>, in order', async () => {
			const page = await open('/d', ['createImageBitmap']);
			await waitFor(async () => (await stats(page)).framesDrawn > 40, 10000, 'pictures');
			assertInOrder(await drawn(page));
			assert.equal((await stats(page)).decoder, 'image');
		});

		await t.test('without Web Audio the sound comes by <audio>', async () => {
			const page = await open('/d', ['AudioContext', 'webkitAudioContext']);
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			assert.equal(await page.evaluate(() => document.getElementById('mode').className), 'hidden');
			await turnSoundOn(page);
			await waitFor(async () => (await stats(page)).sound.playedS > 0.5, 15000, 'sound');
			assert.equal((await stats(page)).tier, 'socket');
		});

		await t.test('without WebSocket: <img> and <audio>, and both come back by themselves', async () => {
			const page = await open('/c', ['WebSocket']);
			await waitFor(async () => (await stats(page)).connections > 0, 10000, 'a picture');
			assert.equal((await stats(page)).tier, 'image');
			assert.ok(fake.requests.some((url) => url.startsWith('/c_video?id=')));
			assert.equal(fake.sockets.length, 0);
			await turnSoundOn(page);
			await waitFor(async () => (await stats(page)).sound.playedS > 0.5, 15000, 'sound');
			for (const flow of fake.byId.values()) {
				flow.response.destroy();
			}
			await waitFor(async () => (await stats(page)).connections > 1, 15000, 'pictures again');
			/* Chromium asks again by itself, Firefox's <audio> is made anew. */
			await waitFor(() => fake.requests.filter((url) => url.startsWith('/audio_feed')).length > 1, 15000, 'another connection');
			const { playedS, starts } = (await stats(page)).sound;
			await waitFor(async () => {
				const { sound } = await stats(page);
				return sound.playedS > (sound.starts === starts ? playedS : 0) + 0.5;
			}, 15000, 'sound again');
		});

		await t.test('a socket that fails twice, though the server is there: <img>', async () => {
			for (const how of ['refused', 'deaf']) {
				fake.socket = how;
				const page = await open('/d');
				await waitFor(async () => (await stats(page)).tier === 'image' && (await stats(page)).connections > 0, 10000, `the next tier (${how})`);
				assert.equal(fake.sockets.length, 2);
			}
			fake.socket = 'works';
		});

		await t.test('where no picture can be decoded it goes down to the polled JPEG', async () => {
			fake.picture = 'broken';
			fake.video = 'broken';
			/* The last one that is tried takes long: the next is under way as this way is given up. */
			const page = await open('/d', [], () => {
				const real = window.createImageBitmap;
				let n = 0;
				window.createImageBitmap = (blob) =>
					new Promise((resolve) => setTimeout(resolve, ++n === 5 ? 150 : 0)).then(() => real(blob));
			});
			await waitFor(async () => (await stats(page)).tier === 'still' && (await stats(page)).framesDrawn > 2, 40000, 'the last tier');
			assert.equal((await stats(page)).fallBacks, 2);
			fake.picture = fake.video = 'works';
		});

		await t.test('?tier= forces one', async () => {
			for (const tier of ['socket', 'image', 'still']) {
				const page = await open(`/d?tier=${tier}`);
				await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
				assert.equal((await stats(page)).tier, tier);
				assert.equal(fake.sockets.length, tier === 'socket' ? 1 : 0);
			}
			fake.socket = 'refused';
			const page = await open('/d?tier=socket');
			await waitFor(() => fake.sockets.length >= 3, 15000, 'it goes on trying');
			assert.equal((await stats(page)).tier, 'socket');
			fake.socket = 'works';
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 15000, 'until it works');
		});

		await t.test('a page that nobody sees gives its pictures back, and its sound goes on', async () => {
			const quiet = await open('/d');
			await waitFor(async () => (await stats(quiet)).framesDrawn > 0, 10000, 'a picture');
			await hide(quiet, true);
			const page = await open('/d', [], null, true);
			await waitFor(async () => (await stats(page)).framesDrawn > 0, 10000, 'a picture');
			await turnSoundOn(page);
			await waitSound(page, 'opus');
			await hide(page, true);
			await waitFor(() => fake.viewers.size === 1, 15000, 'the connection without sound is gone');
			await hide(quiet, false);
			await waitFor(async () => (await stats(quiet)).connections === 2, 10000, 'it is back');
			await waitFor(() => sets().some((one) => one.picture === 'none'), 15000, 'no pictures');
			const { sound } = await stats(page);
			await waitFor(async () => (await stats(page)).sound.pieces > sound.pieces + 20, 5000, 'sound');
			const before = (await stats(page)).framesDrawn;
			await hide(page, false);
			await waitFor(async () => (await stats(page)).framesDrawn > before + 5, 5000, 'pictures');
		});

		await t.test('nothing went wrong in the pages', () => {
			assert.deepEqual(errors, []);
		});
	});
}

module.exports = { testViewer };
