/* SPDX-License-Identifier: MIT */
/* What this computer plays is heard in real browsers, through the real programs, at every tier. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { Stage, patient, slowness, waitFor } = require('./stage');

const HZ = 880;

/* In the page, before its own scripts: an ear at the loudspeaker. */
function listenIn() {
	const connect = AudioNode.prototype.connect;
	AudioNode.prototype.connect = function (to, ...more) {
		if (to === this.context.destination) {
			window.ear = this.context.createAnalyser();
			window.ear.fftSize = 4096;
			connect.call(this, window.ear);
		}
		return connect.call(this, to, ...more);
	};
}

/* The loudest frequency; 0 in silence. */
const heard = (page) => page.evaluate(() => {
	const bins = new Float32Array(window.ear ? window.ear.frequencyBinCount : 1);
	let best = 0;
	if (window.ear) {
		window.ear.getFloatFrequencyData(bins);
		bins.forEach((value, i) => { best = value > bins[best] ? i : best; });
	}
	return window.ear && bins[best] > -60 ? best * window.ear.context.sampleRate / window.ear.fftSize : 0;
});

for (const name of ['chromium', 'firefox']) {
	test(`the sound of the computer in ${name}`, async (t) => {
		const stage = new Stage();
		t.after(() => stage.end());
		await stage.startScreen(640, 360);
		stage.computerSound = await stage.startSound();
		stage.browserSound = await stage.startSound(); /* or it would hear itself */
		await stage.startRun();
		stage.start('ffmpeg', ['-v', 'error', '-re', '-f', 'lavfi', '-i', `sine=frequency=${HZ}:sample_rate=48000`,
			'-ac', '2', '-f', 'pulse', 'tone'], { env: { ...process.env, ...stage.computerSound } });
		/* A second page, brought to the front once it is there: else Firefox gives it no keys. */
		const page = patient(await (await stage.openBrowser(name)).browser().newPage());
		const stats = () => page.evaluate(() => {
			const { draws, ...others } = window.screenshare.stats();
			return others;
		});
		await page.evaluateOnNewDocument(listenIn);

		for (const kind of ['opus', 'pcm']) {
			await t.test(`as ${kind}, after one OK`, async () => {
				if (kind === 'pcm') {
					await page.evaluateOnNewDocument(() => Object.defineProperty(window, 'WebAssembly', { value: undefined }));
				}
				await stage.visit(page, '/d');
				await page.bringToFront();
				await waitFor(async () => (await stats()).framesDrawn > 0, 10000, 'a picture');
				assert.equal(await page.evaluate(() => document.activeElement.id), 'first');
				await page.keyboard.press('Enter');
				await waitFor(async () => Math.abs(await heard(page) - HZ) < 15, 15000, 'the tone');
				await waitFor(async () => (await stats()).sound.pieces > 100, 10000, 'more of it');
				const { tier, sound } = await stats();
				assert.equal(tier, 'socket');
				assert.equal(sound.kind, kind);
				assert.equal(sound.state, 'live');
				t.diagnostic(`${name}, ${kind}: heard ${sound.latencyMs.toFixed(0)} ms after it was played, level ${sound.levelMs.toFixed(0)} of ${sound.targetMs.toFixed(0)} ms, ${sound.underRuns} under-runs, ${sound.jumps} jumps`);
				assert.ok(sound.latencyMs > 50 && sound.latencyMs < 600 * slowness(), `${sound.latencyMs}`);
			});
		}

		await t.test('after a kill of the sound daemon, and of the server, it is heard again', async () => {
			for (const program of ['screenshare-audio', 'screenshare-httpd']) {
				await stage.kill(program);
				const { pieces } = (await stats()).sound;
				await waitFor(async () => (await stats()).sound.pieces > pieces + 50, 15000, `sound after ${program}`);
				await waitFor(async () => Math.abs(await heard(page) - HZ) < 15, 10000, 'the tone');
			}
		});

		await t.test('by <audio>, beside <img>', async () => {
			await stage.visit(page, '/d?tier=image');
			await page.bringToFront();
			await waitFor(async () => (await stats()).connections > 0, 10000, 'a picture');
			await page.keyboard.press('Enter');
			await waitFor(async () => (await stats()).sound.playedS > 1, 15000, 'sound');
		});
	});
}
