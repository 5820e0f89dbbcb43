/* SPDX-License-Identifier: MIT */
/* When sound is played (httpd/www/playout.js, sync.js, clock.js): minutes of it, on a simulated clock. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { ROOT } = require('./stage');

function load(...names) {
	const window = { performance };
	for (const name of names) {
		const text = fs.readFileSync(path.join(ROOT, 'httpd', 'www', name), 'utf8');
		vm.runInNewContext(text, { window, Math, DataView, Uint8Array, Infinity });
	}
	return window.screenshare;
}

/* Always the same "random" numbers, 0 to 1. */
function dice(seed) {
	let x = seed;
	return () => {
		x = (x * 1103515245 + 12345) % 2147483648;
		return x / 2147483648;
	};
}

/*
 * Pieces of `pieceS` made by a clock that runs `skew` fast, each arriving `delay(i, t)` later, into a
 * playout whose clock may stand still: `stopped(t)` seconds so far.  Checks that what is scheduled
 * is one seamless line but for seams, and returns what was heard.
 */
function simulate(playout, { seconds, pieceS = 0.02, skew = 0, delay = () => 0, lost = () => false, stopped = () => 0 }) {
	const step = pieceS / (1 + skew);
	const arrivals = [];
	for (let i = 0; i * step < seconds; i++) {
		const made = (i + 1) * step; /* a piece is sent when it is whole */
		arrivals.push({ i, at: made + delay(i, made) });
	}
	/* One connection: nothing overtakes. */
	for (let k = 1; k < arrivals.length; k++) {
		arrivals[k].at = Math.max(arrivals[k].at, arrivals[k - 1].at);
	}
	let end = null;
	const levels = [], latencies = [], rates = [];
	for (const { i, at } of arrivals) {
		if (lost(i)) {
			continue;
		}
		const now = 100 + at - stopped(at);
		const piece = playout.add(i >>> 0, i * pieceS * 1e6, pieceS, now);
		if (!piece) {
			continue;
		}
		assert.ok(piece.when > now, `piece ${i} is scheduled in the past`);
		if (end !== null && !piece.isSeam) {
			assert.ok(Math.abs(piece.when - end) < 1e-9, `piece ${i} leaves a gap or overlaps`);
		} else if (end !== null) {
			assert.ok(piece.when > end - 1e-9, `piece ${i} overlaps what is played`);
		}
		assert.ok(Math.abs(piece.rate - 1) <= 0.005 + 1e-9);
		end = piece.when + pieceS / piece.rate;
		levels.push({ t: at, level: piece.when - now });
		rates.push(piece.rate);
		latencies.push({ t: at, latency: piece.when + stopped(at) - 100 - i * step });
	}
	return { levels, latencies, rates };
}

const after = (list, t, key) => list.filter((one) => one.t > t).map((one) => one[key]);
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

for (const skew of [0.002, -0.002, 0.004]) {
	for (const pieceS of [0.01, 0.02]) {
		test(`ten minutes, the clocks ${skew * 100} % apart, pieces of ${pieceS * 1000} ms`, (t) => {
			const { Playout } = load('protocol.js', 'playout.js');
			const playout = new Playout();
			const roll = dice(7);
			const { levels, rates } = simulate(playout, { seconds: 600, pieceS, skew, delay: () => roll() * 0.01 });
			const level = after(levels, 5, 'level');
			assert.equal(playout.figures.underRuns, 0);
			assert.equal(playout.figures.jumps, 0);
			assert.equal(playout.figures.dropped, 0);
			assert.ok(Math.max(...level) < playout.target + 0.025, `${Math.max(...level)}`);
			assert.ok(Math.min(...level) > playout.target - 0.035, `${Math.min(...level)}`);
			const rate = mean(rates.slice(rates.length / 2));
			assert.ok(Math.abs(rate - (1 + skew)) < 0.0002, `${rate}`);
			t.diagnostic(`level ${(Math.min(...level) * 1000).toFixed(1)} to ${(Math.max(...level) * 1000).toFixed(1)} ms, mean rate ${rate.toFixed(5)}`);
		});
	}
}

test('a network that jitters more than the target is learned, and forgotten slowly', () => {
	const { Playout } = load('protocol.js', 'playout.js');
	const playout = new Playout();
	const roll = dice(3);
	simulate(playout, { seconds: 60, delay: () => (roll() < 0.05 ? 0.14 : 0) });
	const learned = playout.target, underRuns = playout.figures.underRuns;
	assert.ok(underRuns >= 1 && underRuns <= 8, `${underRuns}`);
	assert.ok(learned > 0.08 && learned <= 0.25, `${learned}`);
	playout.reset();
	simulate(playout, { seconds: 1200, delay: () => 0 });
	assert.equal(playout.figures.underRuns, underRuns);
	assert.ok(playout.target < 0.0701, `${playout.target}`);
});

test('after the network stood for 400 ms the sound is soon as young as before', () => {
	const { Playout } = load('protocol.js', 'playout.js');
	const playout = new Playout();
	const { latencies } = simulate(playout, { seconds: 60,
		delay: (i, t) => (t > 20 && t < 20.4 ? 20.4 - t : 0) });
	assert.equal(playout.figures.underRuns, 1);
	assert.equal(playout.figures.jumps, 1);
	const before = after(latencies, 15, 'latency')[0];
	const later = after(latencies, 45, 'latency');
	assert.ok(Math.max(...later) < before + 0.02 + 0.02, `${before} ${Math.max(...later)}`);
});

test('an output that starves (its clock stands still) is caught up with by a jump', () => {
	const { Playout } = load('protocol.js', 'playout.js');
	const playout = new Playout();
	const { latencies } = simulate(playout, { seconds: 40, stopped: (t) => (t < 10 ? 0 : Math.min(t - 10, 0.3)) });
	assert.equal(playout.figures.jumps, 1);
	assert.equal(playout.figures.underRuns, 0);
	const later = after(latencies, 20, 'latency');
	assert.ok(Math.max(...later) < 0.07 + 0.02 + 0.03, `${Math.max(...later)}`);
});

test('an output that starves for less than a jump leaves nothing behind for long, either', () => {
	const sound = new (load('protocol.js', 'playout.js').Playout)();
	/* 100 ms too much after ten seconds; working them off at 0.5 % would take twenty more. */
	const { levels } = simulate(sound, { seconds: 30, stopped: (t) => (t > 10 ? 0.1 : 0) });
	const late = levels.filter(({ t }) => t > 19);
	assert.ok(late.every(({ level }) => level < 0.07 + 0.03), `${Math.max(...late.map(({ level }) => level))}`);
	assert.equal(sound.figures.jumps, 1);
	assert.equal(sound.figures.underRuns, 0);
});

test('lost pieces leave their room, and what follows keeps its time', () => {
	const { Playout } = load('protocol.js', 'playout.js');
	const playout = new Playout();
	playout.add(4294967294, 0, 0.02, 1);
	const before = playout.add(4294967295, 20000, 0.02, 1.02);
	const behind = playout.add(2, 80000, 0.02, 1.08); /* modulo 2^32: 0 and 1 are missing */
	assert.ok(Math.abs(behind.when - before.when - 0.06) < 0.001);
	assert.equal(playout.figures.gaps, 1);
});

test('the time of a moment is that of its piece, between the pieces too', () => {
	const { Playout } = load('protocol.js', 'playout.js');
	const playout = new Playout();
	assert.equal(playout.whenOf(0), null);
	const pieces = [];
	for (let i = 0; i < 10; i++) {
		pieces.push(playout.add(i, 1e6 + i * 20000, 0.02, 5 + i * 0.02));
	}
	assert.ok(Math.abs(playout.whenOf(1e6 + 60000) - pieces[3].when) < 1e-9);
	assert.ok(Math.abs(playout.whenOf(1e6 + 70000) - pieces[3].when - 0.01) < 1e-4);
	/* before the first and behind the last: as if it went on */
	assert.ok(Math.abs(playout.whenOf(1e6 - 50000) - pieces[0].when + 0.05) < 1e-4);
	assert.ok(Math.abs(playout.whenOf(1e6 + 250000) - pieces[9].when - 0.07) < 1e-3);
});

test('slow pictures make the sound wait until they fit, and quick ones let it go again', () => {
	const screenshare = load('protocol.js', 'clock.js', 'playout.js', 'sync.js');
	let now = 0;
	screenshare.now = () => now;
	const playout = new screenshare.Playout();
	const sync = new screenshare.Sync({ playout, heardAt: () => null });
	sync.setMode('smooth');
	const run = (seconds, pictureDelayMs) => {
		let early = 0;
		for (let k = 0; k < seconds * 50; k++) {
			const t = now / 1000;
			playout.add(k + sequence, (k + sequence) * 20000, 0.02, t);
			now += 20;
			/* heard 50 ms (output) after it is played; made 20 ms before it arrived */
			early = playout.level * 1000 + 50 + 20 - pictureDelayMs;
			sync.ready(early);
		}
		sequence += seconds * 50;
		return early;
	};
	let sequence = 0;
	assert.ok(run(5, 60) > 0);
	assert.equal(playout.extra, 0);
	const early = run(30, 240);
	assert.ok(early > 0 && early < 80, `${early}`);
	assert.ok(playout.extra > 0.1 && playout.extra < 0.2, `${playout.extra}`);
	run(60, 60);
	assert.ok(playout.extra < 0.02, `${playout.extra}`);
	run(10, 240);
	sync.setMode('live');
	assert.equal(playout.extra, 0);
});

test('the clock trusts the quickest answer', () => {
	const { Clock } = load('clock.js');
	const clock = new Clock();
	assert.equal(clock.toPage(0), null);
	clock.add(1000, 1200, 500000);     /* 600 apart, or anything within 100 */
	clock.add(2000, 2002, 1450000);    /* 551 apart */
	clock.add(3000, 3100, 2480000);
	assert.ok(Math.abs(clock.toPage(1000000) - 1551) < 0.01);
});

test('a message that is no message is none', () => {
	const { protocol } = load('protocol.js');
	const bytes = new Uint8Array(30), view = new DataView(bytes.buffer);
	view.setUint8(0, 1);
	view.setUint16(2, 28, true);
	view.setUint32(4, 4294967295, true);
	view.setUint32(8, 5, true);
	view.setUint32(12, 1, true);
	view.setUint16(20, 1920, true);
	const message = protocol.parse(bytes.buffer);
	assert.equal(message.pts, 4294967301);
	assert.equal(message.sequence, 4294967295);
	assert.equal(message.payload.length, 2); /* behind a head that is longer than we know */
	for (const headLen of [0, 23, 31, 65535]) {
		view.setUint16(2, headLen, true);
		assert.equal(protocol.parse(bytes.buffer), null);
	}
	assert.equal(protocol.parse(new ArrayBuffer(23)), null);
	assert.equal(protocol.missing(4294967295, 0), 0);
	assert.equal(protocol.missing(4294967295, 3), 3);
});
