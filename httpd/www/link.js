/*
 * A link is the page's WebSocket, and the next one when it is lost.
 *
 *     connect ──► hello ──► pictures, sound, states ──► lost ──► wait, longer each time ──► connect
 *                   │ pings: how far the clocks are apart, and whether anybody is there
 *
 * A socket that ends before it has brought anything, though the server answers by HTTP, is one that
 * something on the way does not let through; twice, and the link is broken for good.
 */
(function (screenshare) {
	'use strict';

	var HELLO_MS = 5000;     /* no greeting within: a failure */
	var GOOD_MS = 10000;     /* one that lived so long works, though it may have brought nothing */
	var PING_MS = 2000;
	var FIRST_PING_MS = 150; /* the first few, so that the clocks are soon known */
	var FIRST_PINGS = 5;
	var SILENCE_MS = 7000;   /* nothing heard, not even a pong: the connection is dead */
	var SLEEP_MS = 15000;    /* a timer that is so late has slept, and its connection is dead */
	var RETRY_MIN_MS = 200;
	var RETRY_MAX_MS = 4000;
	var FAILURES_MAX = 2;

	/*
	 * `wants` is {source, picture, sound}; `name` "&name=…" or "", for the query; `on` has
	 * hello(message), state(message), binary(message, arrivedMs), lost(wasGood), failed(), before it
	 * is tried once more: this attempt came to nothing though the server is there, and broken().
	 */
	function Link(wants, name, on) {
		this.wants = wants;
		this.name = name;
		this.on = on;
		this.socket = null;
		this.clock = new screenshare.Clock();
		this.isGreeted = false;
		this.isGood = false;
		this.failures = 0;
		this.retryMs = 0;
		this.retryTimer = null;
		this.pingTimer = null;
		this.pings = 0;
		this.openedAt = 0;
		this.heardAt = 0;
		this.pingDue = 0;
	}

	Link.isPossible = function () {
		return typeof window.WebSocket === 'function' || typeof window.WebSocket === 'object';
	};

	Link.prototype.url = function () {
		return (location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host +
			'/ws?source=' + this.wants.source + '&picture=' + this.wants.picture +
			'&sound=' + this.wants.sound + '&id=' + screenshare.randomId() + this.name;
	};

	Link.prototype.connect = function () {
		var self = this, socket;
		this.drop();
		try {
			socket = new window.WebSocket(this.url());
			socket.binaryType = 'arraybuffer';
		} catch (ignore) {
			this.on.broken();
			return;
		}
		this.socket = socket;
		this.openedAt = this.heardAt = screenshare.now();
		socket.onmessage = function (event) {
			if (socket === self.socket) {
				self.receive(event.data);
			}
		};
		socket.onclose = socket.onerror = function () {
			if (socket === self.socket) {
				self.lose();
			}
		};
		this.pings = 0;
		this.pingAfter(FIRST_PING_MS);
	};

	/* Closes it without a word to anybody. */
	Link.prototype.drop = function () {
		var socket = this.socket;
		this.socket = null;
		this.isGreeted = this.isGood = false;
		window.clearTimeout(this.retryTimer);
		window.clearTimeout(this.pingTimer);
		this.retryTimer = this.pingTimer = null;
		if (socket) {
			socket.onmessage = socket.onclose = socket.onerror = null;
			socket.close();
		}
	};

	Link.prototype.receive = function (data) {
		var now = screenshare.now(), message;
		this.heardAt = now;
		if (typeof data !== 'string') {
			message = screenshare.protocol.parse(data);
			if (message && this.isGreeted) {
				this.becomeGood();
				this.on.binary(message, now);
			}
			return;
		}
		try {
			message = JSON.parse(data);
		} catch (ignore) {
			return;
		}
		if (message.type === 'hello') {
			this.isGreeted = true;
			this.on.hello(message);
		} else if (message.type === 'state') {
			this.on.state(message);
		} else if (message.type === 'pong') {
			this.clock.add(message.t, now, message.now_us);
		}
	};

	Link.prototype.becomeGood = function () {
		this.isGood = true;
		this.failures = 0;
		this.retryMs = 0;
	};

	Link.prototype.send = function (message) {
		if (this.socket && this.isGreeted && this.socket.readyState === 1) {
			this.socket.send(JSON.stringify(message));
		}
	};

	/* From now on, and over all connections to come. */
	Link.prototype.want = function (name, value) {
		var change = {type: 'set'};
		if (this.wants[name] !== value) {
			this.wants[name] = value;
			change[name] = value;
			this.send(change);
		}
	};

	/* Gone: again, at once the first time, then more slowly. */
	Link.prototype.lose = function () {
		var self = this, wasGood = this.isGood;
		this.drop();
		this.on.lost(wasGood);
		this.retryTimer = window.setTimeout(function () {
			self.retryTimer = null;
			if (wasGood) {
				self.connect();
			} else {
				self.examine();
			}
		}, this.retryMs);
		this.retryMs = Math.min(this.retryMs * 2 + RETRY_MIN_MS, RETRY_MAX_MS);
	};

	/* Did it fail because nobody is there?  Then no way is better than this one. */
	Link.prototype.examine = function () {
		var self = this, examined = {};
		this.socket = null;
		this.examined = examined;
		screenshare.ask(0, function (answer) {
			if (self.examined !== examined || self.socket || self.isClosed) {
				return;
			}
			if (answer && ++self.failures >= FAILURES_MAX) {
				self.on.broken();
				return;
			}
			if (answer) {
				self.on.failed();
			}
			self.connect();
		});
	};

	Link.prototype.pingAfter = function (ms) {
		var self = this;
		this.pingDue = screenshare.now() + ms;
		this.pingTimer = window.setTimeout(function () {
			self.ping();
		}, ms);
	};

	Link.prototype.ping = function () {
		var now = screenshare.now(), late = now - this.pingDue;
		if (late > SLEEP_MS) {
			this.on.lost(this.isGood);
			this.connect();
			return;
		}
		/* After a long pause of this page what has come meanwhile is still to be read. */
		if (late < PING_MS && (now - this.heardAt > SILENCE_MS ||
				(!this.isGreeted && now - this.openedAt > HELLO_MS))) {
			this.lose();
			return;
		}
		if (this.isGreeted && !this.isGood && now - this.openedAt > GOOD_MS) {
			this.becomeGood();
		}
		this.send({type: 'ping', t: now});
		this.pings += this.isGreeted ? 1 : 0;
		this.pingAfter(this.pings < FIRST_PINGS ? FIRST_PING_MS : PING_MS);
	};

	/* Now, instead of when the wait is over. */
	Link.prototype.hurry = function () {
		if (!this.socket && this.retryTimer !== null) {
			this.retryMs = 0;
			this.connect();
		}
	};

	Link.prototype.open = function () {
		this.isClosed = false;
		this.retryMs = 0;
		this.connect();
	};

	Link.prototype.close = function () {
		this.isClosed = true;
		this.drop();
	};

	screenshare.Link = Link;
}(window.screenshare = window.screenshare || {}));
