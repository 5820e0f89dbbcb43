/* SPDX-License-Identifier: MIT */
/*
 * A wire between browsers and the server: slow where a test wants that, and one that bends and loses bytes.
 *
 *     browser ──► wire (rate, bend) ──► screenshare-httpd
 */
'use strict';

const net = require('node:net');
const { HOST } = require('./stage');

class Wire {
	constructor(stage) {
		this.stage = stage;
		this.rate = Infinity;         /* bytes a second of each connection, on the way up */
		this.bend = (bytes) => bytes; /* what becomes of them */
		this.lose = () => false;      /* true: the connection breaks, and these never come down */
		this.up = 0;                  /* bytes, of all connections */
	}

	async start() {
		const sockets = new Set();
		/*
		 * Each direction ends by itself, as on a wire without anything in between: a server that has
		 * answered may still be sent the rest of a body (RFC 9112, 9.6), and reads it away.
		 */
		const server = net.createServer({ allowHalfOpen: true }, (near) => {
			const far = net.connect({ port: this.stage.port, host: '127.0.0.1', allowHalfOpen: true });
			for (const [from, to] of [[near, far], [far, near]]) {
				sockets.add(from);
				from.on('end', () => to.end());
				from.on('error', () => to.destroy());
				from.on('close', (hadError) => {
					sockets.delete(from);
					if (hadError || !from.readableEnded) {
						to.destroy();
					}
				});
			}
			near.on('data', (bytes) => this.carry(near, far, bytes));
			far.on('data', (bytes) => this.bring(far, near, bytes));
		});
		await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
		this.origin = `http://${HOST}:${server.address().port}`;
		this.stage.ends.push(async () => {
			sockets.forEach((socket) => socket.destroy());
			await new Promise((resolve) => server.close(resolve));
		});
		return this;
	}

	bring(far, near, bytes) {
		if (this.lose(bytes)) {
			near.destroy();
		} else if (!near.write(bytes)) {
			far.pause();
			near.once('drain', () => far.resume());
		}
	}

	carry(near, far, bytes) {
		const goOn = () => near.resume();
		this.up += bytes.length;
		const isDrained = far.write(this.bend(bytes));
		if (this.rate < Infinity) {
			near.pause();
			setTimeout(goOn, 1000 * bytes.length / this.rate);
		} else if (!isDrained) {
			near.pause();
			far.once('drain', goOn);
		}
	}
}

module.exports = { Wire };
