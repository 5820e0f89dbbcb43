/* SPDX-License-Identifier: MIT */
/*
 * What a browser test stands on: an X server, somebody who paints on it, `screenshare run`, and real
 * browsers on an origin that is no secure context, as every television's is (http://tv.test).
 */
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const puppeteer = require('puppeteer-core');

const ROOT = path.dirname(path.dirname(__dirname));
const BUILD = path.resolve(process.env.SCREENSHARE_BUILD || path.join(ROOT, 'build'));
const BIN = path.resolve(process.env.SCREENSHARE_BIN || path.join(BUILD, 'bin'));
const HOST = 'tv.test';

/* --- waiting --- */

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/*
 * What a test believes to be quick enough is multiplied by this before it is given up: other tests run
 * at the same time, and machines differ.  Where quickness is what is tested it is measured.
 */
const PATIENCE = 3;

/*
 * What bounds of time that are measured are multiplied by: how many want each core.  The mean of a minute
 * comes late where others have just begun, so that those who want one now count as well.
 */
function slowness() {
	const now = Number(fs.readFileSync('/proc/loadavg', 'latin1').split(' ')[3].split('/')[0]);
	return Math.min(Math.max(os.loadavg()[0] / os.cpus().length, now / os.cpus().length, 1), 4);
}

/* Of a page that is on its way to another document there is nothing to be seen yet. */
const LEAVING = /Not attached to an active page|Execution context was destroyed|Cannot find context with specified id/;

async function ask(condition) {
	try {
		return await condition();
	} catch (error) {
		if (LEAVING.test(error.message)) {
			return null;
		}
		throw error;
	}
}

/* The first true value of condition(); an error that says `what`, and what all witnesses know. */
async function waitFor(condition, deadlineMs, what) {
	const end = Date.now() + PATIENCE * deadlineMs;
	let last;
	if (hung) {
		throw new Error(`after a page that hung: ${hung}`); /* all that follows would wait in vain, too */
	}
	for (;;) {
		const value = await ask(condition);
		if (value) {
			return value;
		}
		last = value;
		if (Date.now() > end) {
			throw new Error(`not within ${PATIENCE * deadlineMs} ms: ${typeof what === 'function' ? await what(last) : what}` +
				await testimony());
		}
		await pause(10);
	}
}

/* Functions, each of which says (or promises to) how things are where it looks. */
const witnesses = new Set();

async function testimony() {
	const texts = await Promise.all([...witnesses].map(async (witness) => {
		try {
			return await witness();
		} catch (error) {
			return String(error);
		}
	}));
	return texts.map((text) => `\n    ${text}`).join('');
}

/* --- pages that answer late, or not at all --- */

/*
 * Firefox now and then never answers one call (seen with ESR and WebDriver BiDi, of thousands under
 * load), though the page goes on: it is asked again.  A page that really hangs answers neither time.
 */
const ANSWER_MS = 10000;

function patient(page) {
	const evaluate = page.evaluate.bind(page);
	const once = (call) => new Promise((resolve, reject) => {
		const timer = setTimeout(() => resolve({ isLate: true }), ANSWER_MS);
		evaluate(...call).then((value) => {
			clearTimeout(timer);
			resolve({ value });
		}, (error) => {
			clearTimeout(timer);
			reject(error);
		});
	});
	page.evaluate = async (...call) => {
		const first = await once(call), answer = first.isLate ? await once(call) : first;
		if (answer.isLate) {
			throw new Error(`${await silence(page)}: ${String(call[0]).slice(0, 200)}`);
		}
		return answer.value;
	};
	/* Nor does it always say that a page has come. */
	const go = page.goto.bind(page);
	page.goto = async (url, options) => {
		try {
			return await go(url, options);
		} catch (error) {
			if (error.name !== 'TimeoutError' || !await page.evaluate((wanted) =>
				location.href === wanted && document.readyState !== 'loading', url)) {
				throw error;
			}
			return null;
		}
	};
	const witness = async () => `${page.url()}: ${await page.evaluate(() => {
		const { draws, ...others } = window.screenshare && window.screenshare.stats ? window.screenshare.stats() : {};
		return JSON.stringify({ hidden: document.hidden, now: performance.now(), draws: draws && draws.length, ...others });
	})}`;
	witnesses.add(witness);
	page.once('close', () => witnesses.delete(witness));
	return page;
}

/*
 * Why a page is silent.  One whose process is busy all the time has a loop without end, which is ours;
 * where all of a browser's processes sleep, it waits for itself.
 */
const LOOKS = 20, LOOK_MS = 50;
let hung = null;

async function silence(page) {
	const busy = new Map(), top = page.browser().process();
	for (let i = 0; top && i < LOOKS; i++) {
		for (const pid of descendants(top.pid)) {
			const [, state] = stat(pid);
			busy.set(pid, (busy.get(pid) || 0) + (state === 'R' ? 1 : 0));
		}
		await pause(LOOK_MS);
	}
	const loops = [...busy].filter(([, n]) => n > LOOKS * 0.8).map(([pid]) => pid);
	hung = loops.length > 0 ? `the page is busy without end (process ${loops})` : 'the page does not answer';
	return hung;
}

/* Of the main thread of `pid`: [parent, state]; none once it has ended. */
function stat(pid) {
	try {
		const text = fs.readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
		const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
		return [Number(parent), state];
	} catch (ignore) {
		return [0, ''];
	}
}

function descendants(top) {
	const all = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
	const parents = new Map(all.map((pid) => [pid, stat(pid)[0]]));
	const isBelow = (pid) => pid === top || (pid > 1 && isBelow(parents.get(pid) || 0));
	return all.filter((pid) => pid > 1 && isBelow(pid));
}

/*
 * As when another window lies on top of it, or no more.  What it does after a while when nobody sees it
 * it does ten times as soon: [ms] that it asked for.
 */
function hide(page, isHidden) {
	return page.evaluate((value) => {
		const real = window.setTimeout, asked = [];
		window.setTimeout = (call, ms) => {
			asked.push(ms);
			return real.call(window, call, value ? ms / 10 : ms);
		};
		Object.defineProperty(document, 'hidden', { value, configurable: true });
		document.dispatchEvent(new Event('visibilitychange'));
		window.setTimeout = real;
		return asked;
	}, isHidden);
}

/*
 * Writes down in page.errors all that goes wrong in a page; unexpected(page) is that without what a test
 * does to it, which says so in page.expected.  Nothing is ever taken out: a browser may report late.
 */
function listen(page) {
	page.errors = [];
	page.expected = [];
	page.on('pageerror', (error) => page.errors.push(String(error)));
	page.on('console', (message) => {
		if (message.type() === 'error') {
			page.errors.push(`${message.text()} (${message.location().url || 'no address'})`);
		}
	});
	return page;
}

const unexpected = (page) => page.errors.filter((text) => !page.expected.some((pattern) => pattern.test(text)));

/* What browsers report where a server is killed, or a connection cut. */
const CUT_OFF = /net::ERR_(CONNECTION_|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH|ABORTED|SOCKET_)|NetworkError|WebSocket|can’t establish|was interrupted/;

/* Chromium sends a request again by itself: a piece of an upload that the server has already, in part. */
const SENT_AGAIN = / 409 .*\/tus\//;

/* --- processes: whatever a stage starts it ends, the last first --- */

class Stage {
	constructor() {
		this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ss-'));
		this.ends = [];
	}

	async end() {
		for (const end of this.ends.reverse()) {
			await end();
		}
		this.ends = [];
		/* Chromium's children may still write their last into it. */
		fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	}

	start(command, args, options) {
		const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
		const gone = new Promise((resolve) => child.on('exit', resolve));
		child.log = '';
		for (const stream of [child.stdout, child.stderr]) {
			if (stream) {
				stream.on('data', (data) => { child.log += data; });
			}
		}
		this.ends.push(async () => {
			if (child.exitCode === null && child.signalCode === null) {
				child.kill('SIGTERM');
			}
			await gone;
		});
		return child;
	}

	async startScreen(width, height) {
		const server = this.start('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`,
			'-noreset', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
		const line = await new Promise((resolve, reject) => {
			server.stdio[3].once('data', (data) => resolve(String(data).trim()));
			server.once('exit', () => reject(new Error(`Xvfb did not start: ${server.log}`)));
		});
		this.display = `:${line}`;
		this.width = width;
		this.height = height;
		this.painter = await new Painter().start(this, this.display);
	}

	/* To a mode no larger than the screen was started with. */
	async resize(width, height) {
		const xrandr = (...args) => {
			const { status, stderr } = spawnSync('xrandr', args.map(String), { env: { ...process.env, DISPLAY: this.display } });
			if (status !== 0) {
				throw new Error(`xrandr ${args}: ${stderr}`);
			}
		};
		const name = width === this.width && height === this.height ? `${width}x${height}` : `m${width}x${height}`;
		this.modes = this.modes || new Set([`${this.width}x${this.height}`]);
		if (!this.modes.has(name)) {
			this.modes.add(name);
			xrandr('--newmode', name, 50, width, width + 9, width + 19, width + 39,
				height, height + 9, height + 19, height + 39);
			xrandr('--addmode', 'screen', name);
		}
		xrandr('--output', 'screen', '--mode', name);
	}

	/* `screen`: more of that section of the configuration. */
	async startRun(screen = 'cursor = no\n') {
		const runtime = path.join(this.folder, 'runtime');
		fs.mkdirSync(runtime, { mode: 0o700 });
		const file = path.join(this.folder, 'screenshare.conf');
		/* The pointer lies in the middle of a new screen, where tests look. */
		fs.writeFileSync(file, `[http]\nhosts = ${HOST}\ngrace_s = 2\n[screen]\n${screen}`);
		this.run = this.start(path.join(BIN, 'screenshare'), ['run', '--listen', '127.0.0.1:0',
			'--config', file, '--state', path.join(this.folder, 'state')], {
			env: { PATH: process.env.PATH, HOME: this.folder, XDG_RUNTIME_DIR: runtime,
				DISPLAY: this.display || '', XAUTHORITY: path.join(this.folder, 'none'), ...this.computerSound },
		});
		const ready = await waitFor(() => {
			if (this.run.exitCode !== null) {
				throw new Error(`screenshare run ended: ${this.run.log}`);
			}
			return /^READY http:\/\/127\.0\.0\.1:(\d+)\/$/m.exec(this.run.log);
		}, 15000, 'READY');
		this.port = Number(ready[1]);
		this.origin = `http://${HOST}:${this.port}`;
	}

	/* Another sound server, whose loudspeaker is silent.  Where programs find it: {PULSE_SERVER}. */
	async startSound() {
		const runtime = fs.mkdtempSync(path.join(this.folder, 'sound-'));
		const socket = path.join(runtime, 'native');
		const server = this.start('pulseaudio', ['-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm',
			'-L', `module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
			'-L', 'module-null-sink rate=48000'], {
			env: { PATH: process.env.PATH, HOME: runtime, XDG_RUNTIME_DIR: runtime,
				PULSE_RUNTIME_PATH: runtime, PULSE_STATE_PATH: runtime } });
		await waitFor(() => {
			if (server.exitCode !== null) {
				throw new Error(`pulseaudio ended: ${server.log}`);
			}
			return fs.existsSync(socket);
		}, 10000, 'a sound server');
		return { PULSE_SERVER: `unix:${socket}` };
	}

	/* Pids of the running programs of that name among run's children. */
	children(name) {
		const found = [];
		/* What ends meanwhile has no file any more. */
		const look = (call, otherwise) => {
			try {
				return call();
			} catch (ignore) {
				return otherwise;
			}
		};
		for (const thread of look(() => fs.readdirSync(`/proc/${this.run.pid}/task`), [])) {
			const pids = look(() => fs.readFileSync(`/proc/${this.run.pid}/task/${thread}/children`, 'utf8'), '');
			for (const pid of pids.split(' ').filter(Boolean)) {
				if (path.basename(look(() => fs.readlinkSync(`/proc/${pid}/exe`), '')) === name) {
					found.push(Number(pid));
				}
			}
		}
		return found;
	}

	/* SIGKILL, and another one in its place. */
	async kill(name) {
		const [pid] = await waitFor(() => {
			const pids = this.children(name);
			return pids.length > 0 && pids;
		}, 5000, `${name} runs`);
		process.kill(pid, 'SIGKILL');
		await waitFor(() => this.children(name).some((other) => other !== pid), 10000, `another ${name}`);
	}

	/* A page of `name` (chromium, firefox), which is listened to. */
	async openBrowser(name) {
		const profile = fs.mkdtempSync(path.join(this.folder, `${name}-`));
		const common = { headless: true, userDataDir: profile, timeout: 60000, protocolTimeout: 60000, defaultViewport: null,
			env: { ...process.env, ...this.browserSound } };
		const browser = await puppeteer.launch(name === 'chromium' ? {
			executablePath: '/usr/bin/chromium',
			args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
				'--disable-component-update', '--disable-sync', '--disable-quic',
				`--host-resolver-rules=MAP ${HOST} 127.0.0.1`],
			...common,
		} : {
			browser: 'firefox',
			executablePath: '/usr/bin/firefox-esr',
			extraPrefsFirefox: { 'network.dns.localDomains': HOST, 'app.update.enabled': false,
				'browser.shell.checkDefaultBrowser': false },
			...common,
		});
		this.ends.push(() => browser.close().catch(() => browser.process().kill('SIGKILL'))); /* it may hang */
		/* Of the page that Firefox starts with no button hears a key: it never has the focus. */
		const page = patient((name === 'chromium' && (await browser.pages())[0]) || await browser.newPage());
		await page.setViewport({ width: 960, height: 540 });
		return listen(page);
	}

	/* Another one beside `page`, in front of it; what goes wrong there is nobody's. */
	async openBeside(page) {
		const other = patient(await page.browser().newPage());
		await other.setViewport({ width: 960, height: 540 });
		return other;
	}

	/* The page is there; its pictures may never end, so `load` may never come. */
	async visit(page, location) {
		await page.goto(this.origin + location, { waitUntil: 'domcontentloaded' });
	}
}

/* tests/lib/painter.c */
class Painter {
	async start(stage, display) {
		this.child = spawn(path.join(BUILD, 'testlib', 'painter'), [],
			{ env: { ...process.env, DISPLAY: display }, stdio: ['pipe', 'pipe', 'inherit'] });
		const gone = new Promise((resolve) => this.child.on('exit', resolve));
		this.waiting = [];
		this.lines = readline.createInterface({ input: this.child.stdout });
		this.lines.on('line', (line) => this.waiting.shift().resolve(line));
		this.child.on('exit', () => {
			for (const one of this.waiting) {
				one.reject(new Error('the painter ended'));
			}
		});
		stage.ends.push(async () => {
			this.child.stdin.end();
			await gone;
		});
		await this.answer();
		return this;
	}

	answer() {
		return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
	}

	async ask(line) {
		const answer = this.answer();
		this.child.stdin.write(`${line}\n`);
		return answer;
	}

	async fill(rgb, x = 0, y = 0, width = 32000, height = 32000) {
		await this.ask(`fill ${x} ${y} ${width} ${height} ${rgb.toString(16).padStart(6, '0')}`);
	}
}

/* --- pixels --- */

const isNear = (colour, rgb, tolerance = 12) =>
	[rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255].every((c, i) => Math.abs(c - colour[i]) <= tolerance);

/* What the browser has drawn: [r, g, b] at points of the page, from a screenshot. */
async function pagePixels(page, points) {
	const png = await page.screenshot({ type: 'png' });
	const { width, height } = page.viewport();
	const raw = spawnSync('ffmpeg', ['-v', 'error', '-f', 'png_pipe', '-i', 'pipe:0', '-f', 'rawvideo',
		'-pix_fmt', 'rgb24', 'pipe:1'], { input: Buffer.from(png), maxBuffer: 1 << 26 }).stdout;
	if (raw.length !== width * height * 3) {
		throw new Error(`a screenshot of ${raw.length} bytes, not ${width} x ${height}`);
	}
	return points.map(([x, y]) => [...raw.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)]);
}

/* Until the page shows all of [[x, y, rgb], …]. */
async function waitPagePixels(page, wanted, deadlineMs, what) {
	await waitFor(async () => {
		const seen = await pagePixels(page, wanted);
		return wanted.every(([, , rgb], i) => isNear(seen[i], rgb));
	}, deadlineMs, what);
}

/* The shown <img> or <canvas> itself, read back through a canvas: the browser's decoder, without scaling. */
async function imagePixels(page, points) {
	return page.evaluate((all) => {
		const image = document.querySelector('#stage .picture:not(.coming)');
		if (!image || !(image.naturalWidth || image.width)) {
			return null;
		}
		const canvas = document.createElement('canvas');
		canvas.width = image.naturalWidth || image.width;
		canvas.height = image.naturalHeight || image.height;
		const context = canvas.getContext('2d');
		context.drawImage(image, 0, 0);
		return {
			width: canvas.width,
			height: canvas.height,
			pixels: all.map(([x, y]) => Array.from(context.getImageData(x, y, 1, 1).data).slice(0, 3)),
		};
	}, points);
}

module.exports = { CUT_OFF, HOST, SENT_AGAIN, Stage, hide, listen, patient, slowness, unexpected, waitFor, witnesses, waitPagePixels, pagePixels,
	imagePixels, isNear, pause, ROOT };
