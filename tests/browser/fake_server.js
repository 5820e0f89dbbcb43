/* SPDX-License-Identifier: MIT */
/*
 * A server that speaks doc/protocol.md and does what it is told: slow, skewed, broken, gone.
 *
 *     browser ──► fake ──► pages, style, scripts: asked of the real screenshare-httpd
 *                   └────► /ws, /alive, pictures and sound: its own
 *
 * Its pictures carry a number (8 blocks, black or white) and its sound is a tone of 440 Hz that is
 * cut short to a click at each whole second of its clock.
 */
'use strict';

const { spawnSync } = require('node:child_process');
const http = require('node:http');
const { WebSocketServer } = require('ws');
const { HOST, witnesses } = require('./stage');
const { FLAGS, KINDS, jpegOf } = require('./fake_desk');

const WIDTH = 320, HEIGHT = 180, BLOCK = WIDTH / 8, N_PICTURES = 256;
const PCM_FRAMES = 480, OPUS_FRAMES = 960, RATE = 48000;

/* --- what it shows and plays --- */

function makePictures() {
	const raw = Buffer.alloc(WIDTH * HEIGHT * 3 * N_PICTURES);
	for (let n = 0; n < N_PICTURES; n++) {
		const frame = raw.subarray(n * WIDTH * HEIGHT * 3, (n + 1) * WIDTH * HEIGHT * 3);
		const row = Buffer.alloc(WIDTH * 3);
		for (let bit = 0; bit < 8; bit++) {
			row.fill(n >> bit & 1 ? 255 : 0, bit * BLOCK * 3, (bit + 1) * BLOCK * 3);
		}
		for (let y = 0; y < HEIGHT; y++) {
			row.copy(frame, y * WIDTH * 3);
		}
	}
	const out = spawnSync('ffmpeg', ['-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s',
		`${WIDTH}x${HEIGHT}`, '-i', 'pipe:0', '-c:v', 'mjpeg', '-q:v', '4', '-f', 'image2pipe', 'pipe:1'],
	{ input: raw, maxBuffer: 1 << 28 }).stdout;
	const pictures = [], start = Buffer.from([0xff, 0xd8, 0xff]);
	for (let at = 0; at >= 0;) {
		const next = out.indexOf(start, at + 3);
		pictures.push(out.subarray(at, next < 0 ? out.length : next));
		at = next;
	}
	if (pictures.length !== N_PICTURES) {
		throw new Error(`${pictures.length} pictures`);
	}
	return pictures;
}

/* Sample i of the sound; the click is 2 ms of a full-scale wave at each whole second. */
function sampleAt(i) {
	const inSecond = i % RATE;
	return inSecond < 96 ? (inSecond % 8 < 4 ? 0.9 : -0.9) : 0.2 * Math.sin(2 * Math.PI * 440 * i / RATE);
}

function pcmOf(first, frames) {
	const out = Buffer.alloc(frames * 4);
	for (let k = 0; k < frames; k++) {
		const value = Math.round(32767 * sampleAt(first + k));
		out.writeInt16LE(value, 4 * k);
		out.writeInt16LE(value, 4 * k + 2);
	}
	return out;
}

/* Packets of 20 ms, out of the Ogg pages that ffmpeg makes (RFC 3533); the first two are headers. */
function makeOpus(seconds) {
	const ogg = spawnSync('ffmpeg', ['-v', 'error', '-f', 's16le', '-ar', String(RATE), '-ac', '2', '-i', 'pipe:0',
		'-c:a', 'libopus', '-b:a', '96k', '-frame_duration', '20', '-f', 'ogg', 'pipe:1'],
	{ input: pcmOf(0, seconds * RATE), maxBuffer: 1 << 26 }).stdout;
	const packets = [];
	let packet = [];
	for (let at = 0; at < ogg.length;) {
		const segments = ogg[at + 26];
		let data = at + 27 + segments;
		for (let s = 0; s < segments; s++) {
			const len = ogg[at + 27 + s];
			packet.push(ogg.subarray(data, data + len));
			data += len;
			if (len < 255) {
				packets.push(Buffer.concat(packet));
				packet = [];
			}
		}
		at = data;
	}
	return packets.slice(2, 2 + seconds * 50);
}

function wavHead() {
	const head = Buffer.alloc(44);
	head.write('RIFF', 0);
	head.writeUInt32LE(0xffffffff, 4);
	head.write('WAVEfmt ', 8);
	head.writeUInt32LE(16, 16);
	head.writeUInt16LE(1, 20);
	head.writeUInt16LE(2, 22);
	head.writeUInt32LE(RATE, 24);
	head.writeUInt32LE(RATE * 4, 28);
	head.writeUInt16LE(4, 32);
	head.writeUInt16LE(16, 34);
	head.write('data', 36);
	head.writeUInt32LE(0xffffffff, 40);
	return head;
}

let pictures = null, opus = null;

/* --- the server --- */

class FakeServer {
	constructor(stage) {
		this.stage = stage;
		this.real = { host: '127.0.0.1', port: stage.port };
		pictures = pictures || makePictures();
		opus = opus || makeOpus(10);
		this.fps = 30;
		this.skew = 0;           /* its sound's clock runs so much fast */
		this.socket = 'works';   /* refused: 404; mute: opens and says nothing; deaf: dies after hello */
		this.video = 'works';    /* broken: what is no picture */
		this.picture = 'works';  /* broken: JPEGs that are none */
		this.delta = 'works';    /* refused: 400; told: sends what the test says, and nothing else */
		this.packets = 'work';   /* broken: Opus that is none */
		this.soundState = ['live', 'Sound flows'];
		this.hold = 0;           /* ms for which each piece of sound is held, a function of its number, or a number */
		this.strange = false;    /* sends messages of kinds and types that nobody knows, too */
		this.said = [];          /* texts of viewers, parsed */
		this.sockets = [];
		this.viewers = new Set();
		this.byId = new Map();   /* /alive's: responses that still flow */
		this.requests = [];
		this.mostUnderWay = 0;
		this.witness = () => this.words();
	}

	/* What it believes, for whoever wonders why a test failed. */
	words() {
		const said = this.said.filter((one) => one.type !== 'ping' && one.type !== 'drawn').slice(-12);
		const viewers = [...this.viewers].map(({ picture, sound, underWay, held }) => ({ picture, sound, underWay, held }));
		return `the server: ${JSON.stringify({ viewers, sockets: this.sockets.slice(-4), requests: this.requests.slice(-4),
			drawn: this.said.filter((one) => one.type === 'drawn').length, lastSaid: this.lastSaid, now: this.now(), said })}`;
	}

	now() {
		return performance.now() * 1000 + 5e9;
	}

	async start() {
		this.server = http.createServer((request, response) => this.answer(request, response));
		this.server.keepAliveTimeout = 0; /* never: it would end as the browser asks again */
		this.connections = new Set();
		this.server.on('connection', (socket) => {
			this.connections.add(socket);
			socket.on('close', () => this.connections.delete(socket));
		});
		this.ws = new WebSocketServer({ noServer: true });
		this.server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
		await new Promise((resolve) => this.server.listen(this.port || 0, '127.0.0.1', resolve));
		this.port = this.server.address().port;
		this.origin = `http://${HOST}:${this.port}`;
		witnesses.add(this.witness);
		return this;
	}

	/* As a process that is killed: every connection ends at once. */
	async stop() {
		witnesses.delete(this.witness);
		for (const viewer of this.viewers) {
			viewer.end();
		}
		for (const socket of this.connections) {
			socket.destroy();
		}
		await new Promise((resolve) => this.server.close(resolve));
	}

	answer(request, response) {
		const url = new URL(request.url, this.origin), id = url.searchParams.get('id');
		this.requests.push(request.url);
		response.on('error', () => null);
		if (url.pathname === '/alive') {
			response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
			const flow = this.byId.get(id);
			response.end(JSON.stringify({ alive: !!flow, last_sent_ms: 0, frames: flow ? flow.frames : 0, waiting: false }));
		} else if (url.pathname === '/d_video' || url.pathname === '/c_video') {
			this.flow(id, response, (flow) => this.multipart(response, flow));
		} else if (url.pathname === '/audio_feed') {
			this.flow(id, response, (flow) => this.wav(response, flow));
		} else if (url.pathname === '/d.jpg' || url.pathname === '/c.jpg') {
			response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-store' });
			response.end(pictures[this.number() % N_PICTURES]);
		} else {
			this.pass(request, response);
		}
	}

	pass(request, response) {
		const onward = http.request({ ...this.real, agent: false, method: request.method, path: request.url, headers: request.headers },
			(answer) => {
				response.writeHead(answer.statusCode, answer.headers);
				answer.pipe(response);
			});
		onward.on('error', () => response.destroy());
		onward.end();
	}

	number() {
		return Math.floor(this.now() / 1e6 * this.fps);
	}

	flow(id, response, begin) {
		const flow = { frames: 0, response };
		if (id) {
			this.byId.set(id, flow);
		}
		const timer = begin(flow);
		const end = () => {
			clearInterval(timer);
			if (this.byId.get(id) === flow) {
				this.byId.delete(id);
			}
		};
		response.on('close', end);
		flow.end = end;
	}

	multipart(response, flow) {
		response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace;boundary=b', 'Cache-Control': 'no-store' });
		response.write('--b\r\nContent-Type: image/jpeg\r\n\r\n');
		return setInterval(() => {
			flow.frames++;
			response.write(this.video === 'broken' ? 'no picture' : pictures[this.number() % N_PICTURES]);
			response.write('\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n');
		}, 1000 / this.fps);
	}

	wav(response, flow) {
		let i = Math.floor(this.now() * RATE / 1e6);
		response.writeHead(200, { 'Content-Type': 'audio/wav', 'Cache-Control': 'no-store' });
		response.write(wavHead());
		return setInterval(() => {
			const until = Math.floor(this.now() * RATE / 1e6);
			response.write(pcmOf(i, until - i));
			i = until;
			flow.frames++;
		}, 20);
	}

	upgrade(request, socket, head) {
		this.sockets.push(request.url);
		socket.on('error', () => null);
		if (this.socket === 'refused') {
			socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
			return;
		}
		if (this.delta === 'refused' && /[?&]picture=delta/.test(request.url)) {
			socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
			return;
		}
		this.ws.handleUpgrade(request, socket, head, (ws) => {
			if (this.socket === 'mute') {
				return;
			}
			const viewer = new Viewer(this, ws, new URL(request.url, this.origin).searchParams);
			if (this.socket === 'deaf') {
				ws.terminate();
			} else {
				viewer.begin();
				this.viewers.add(viewer);
			}
		});
	}
}

/* One WebSocket, as the protocol describes it. */
class Viewer {
	constructor(fake, ws, query) {
		this.fake = fake;
		this.ws = ws;
		this.picture = query.get('picture') || 'jpeg';
		this.sound = query.get('sound') || 'none';
		this.underWay = []; /* sequences of pictures, sent and not yet drawn; as httpd/picture_window.c has it */
		this.most = 2;
		this.last = -1;
		this.held = 0; /* the sequence of the delta stream that it was sent; 0: none */
		this.tell({ type: 'hello', protocol: 1, version: 'fake', computer: 'fake', source: query.get('source'),
			picture: this.picture, sound: this.sound,
			pcm: { rate: RATE, channels: 2, format: 's16le', frames: PCM_FRAMES },
			opus: { rate: RATE, channels: 2, frames: OPUS_FRAMES },
			clock: { now_us: Math.round(fake.now()), realtime_us: Date.now() * 1000 } });
		this.tell({ type: 'state', of: 'picture', state: 'live', words: 'The picture is live' });
	}

	begin() {
		const ws = this.ws;
		ws.on('message', (data, isBinary) => this.hear(data, isBinary));
		ws.on('close', () => this.end());
		ws.on('error', () => this.end());
		this.timer = setInterval(() => this.tick(), 2);
	}

	end() {
		clearInterval(this.timer);
		this.fake.viewers.delete(this);
		this.ws.terminate();
	}

	tell(message) {
		this.ws.send(JSON.stringify(message));
	}

	hear(data, isBinary) {
		const message = isBinary ? { type: 'binary' } : JSON.parse(String(data));
		this.fake.said.push(message);
		this.fake.lastSaid = this.fake.now();
		if (message.type === 'drawn') {
			this.underWay.splice(0, this.underWay.lastIndexOf(message.sequence) + 1); /* of before a set: none */
			this.most = message.took_ms > 50 ? 1 : 2;
		} else if (message.type === 'ping') {
			this.tell({ type: 'pong', t: message.t, now_us: Math.round(this.fake.now()) });
		} else if (message.type === 'set') {
			if (message.picture && message.picture !== this.picture) {
				this.picture = message.picture;
				this.underWay = [];
				this.held = 0;
			}
			if (message.sound) {
				this.sound = message.sound;
				this.from = null;
				this.tell({ type: 'state', of: 'sound', state: this.fake.soundState[0], words: this.fake.soundState[1] });
			}
		}
	}

	send(kind, sequence, pts, payload, width, height, flags = 1, base = 0) {
		const head = Buffer.alloc(24);
		head[0] = kind;
		head[1] = flags;
		head.writeUInt16LE(24, 2);
		head.writeUInt32LE(sequence >>> 0, 4);
		head.writeBigUInt64LE(BigInt(Math.round(pts)), 8);
		head.writeUInt32LE(base >>> 0, 16);
		head.writeUInt16LE(width, 20);
		head.writeUInt16LE(height, 22);
		this.ws.send(Buffer.concat([head, payload]));
	}

	tick() {
		this.sendPicture();
		if (this.sound !== 'none') {
			this.sendSound();
		}
	}

	sendPicture() {
		const fake = this.fake, n = fake.number();
		if (this.picture === 'none' || n === this.last || this.underWay.length >= this.most ||
			(this.picture === 'delta' && fake.delta === 'told')) {
			return;
		}
		this.last = n;
		this.underWay.push(n >>> 0);
		fake.mostUnderWay = Math.max(fake.mostUnderWay, this.underWay.length);
		if (fake.strange) {
			this.send(77, n, fake.now(), Buffer.from('what is this?'), 0, 0);
			this.tell({ type: 'news', of: 'nothing' });
			this.ws.send('no JSON');
			this.ws.send(Buffer.from([1, 2, 3]));
		}
		const jpeg = fake.picture === 'broken' ? Buffer.from('no JPEG') : pictures[n % N_PICTURES], pts = n / fake.fps * 1e6;
		if (this.picture === 'jpeg') {
			this.send(KINDS.PICTURE, n, pts, jpeg, WIDTH, HEIGHT);
			return;
		}
		const kind = this.held > 0 && this.held === n - 1 ? KINDS.STEP : KINDS.CATCH_UP;
		this.send(kind, n, pts, jpegOf(jpeg, 0, 0, WIDTH, HEIGHT), WIDTH, HEIGHT, this.held ? 0 : FLAGS.WHOLE, this.held);
		this.held = n;
	}

	/* All pieces that are whole by now.  With a skew the sound's clock leaves the server's. */
	sendSound() {
		const fake = this.fake, isPcm = this.sound === 'pcm', step = isPcm ? 0.01 : 0.02;
		const now = fake.now() / 1e6;
		if (this.from === null || this.from === undefined) {
			this.from = now;
			this.first = Math.floor(now / step);
			this.sent = 0;
		}
		for (;;) {
			const i = this.first + this.sent;
			const made = (this.first + (this.sent + 1) / (1 + fake.skew)) * step;
			const hold = typeof fake.hold === 'function' ? fake.hold(i, made) : fake.hold;
			if (made + hold / 1000 > now) {
				break;
			}
			this.sent++;
			const pts = (made - step) * 1e6;
			if (isPcm) {
				this.send(2, i, pts, pcmOf(i * PCM_FRAMES, PCM_FRAMES), 0, 0);
			} else {
				this.send(3, i, pts, fake.packets === 'broken' ? Buffer.from([255]) : opus[i % opus.length], 0, 0);
			}
		}
	}
}

module.exports = { FakeServer, WIDTH, HEIGHT, BLOCK };
