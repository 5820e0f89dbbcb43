/*
 * Pictures, and what changes them, on their way to the canvas: decoded as they come, painted in the
 * order in which they came, each message in one task.
 *
 *     arrive ──► decoding ──► (the first in line) ──► waiting ──► painter
 *                                      └── nothing to wait for ────▲
 *
 * A message waits for its time only where dueAt() names one: that at which the sound of its moment is
 * heard.  Each is acknowledged when it is painted or, decoded, waits; while as many wait as there is
 * room for, that word is held back, and the server sends no more.
 */
(function (screenshare) {
	'use strict';

	var WAITING_PIXELS = 16e6; /* of all that wait: 64 MB as bitmaps */
	var WAITING_MIN = 3;
	var WAITING_MAX = 60;
	var EARLY_MS = 12;         /* what is painted now is seen with the screen's next refresh */
	var LATE_MS = 40;          /* painted so much after its sound is counted as late */
	var PATIENCE_MS = 1000;    /* whatever the sound does, no picture waits longer */
	var DECODE_MS = 5000;      /* one that is not decoded by then never will be */
	var BROKEN_MAX = 5;        /* so many in a row that cannot be decoded: this way does not work */
	var KEPT = 600;            /* draws that are remembered for whoever looks at the figures */

	var frame = window.requestAnimationFrame || window.webkitRequestAnimationFrame ||
		function (callback) {
			return window.setTimeout(callback, 16);
		};

	/*
	 * `on` has dueAt(pts): by our clock, in ms, or null, now; ready(early): a fresh one was decoded
	 * so long (ms) before it is due; taken(sequence, tookMs); drawn(); lost(n): so many in a row
	 * were not for what the canvas shows, or cannot be decoded; broken().
	 */
	function Pictures(painter, on) {
		this.painter = painter;
		this.on = on;
		this.decoding = [];
		this.waiting = [];
		this.held = []; /* acknowledgements */
		this.isTicking = false;
		this.watchTimer = null;
		this.badInARow = 0;
		this.lostInARow = 0;
		this.figures = {arrived: 0, bytes: 0, drawn: 0, late: 0, skipped: 0, bad: 0, misfits: 0};
		this.draws = [];
	}

	Pictures.prototype.arrive = function (message, now) {
		var wanted = this.painter.images(message), i;
		var one = {message: message, at: now, images: [], left: 0, pixels: 0, isBad: !wanted};
		this.figures.arrived++;
		this.figures.bytes += message.length;
		this.decoding.push(one);
		if (wanted) {
			one.left = wanted.length;
			for (i = 0; i < wanted.length; i++) {
				this.decode(one, i, wanted[i]);
			}
		}
		/* What needs no decoding is painted before anything else happens. */
		this.advance();
		this.watch();
	};

	Pictures.prototype.decode = function (one, i, wanted) {
		var self = this;
		screenshare.decode(wanted.bytes, wanted.type, function (image, width, height, free) {
			if (one.isDropped) {
				if (image) {
					free();
				}
				return;
			}
			if (image) {
				one.images[i] = {image: image, width: width, height: height, free: free};
				one.pixels += width * height;
			}
			if (!image || (wanted.width && (wanted.width !== width || wanted.height !== height))) {
				one.isBad = true;
			}
			if (--one.left === 0) {
				self.advance();
			}
		});
	};

	function release(one) {
		var i;
		one.isDropped = true;
		for (i = 0; i < one.images.length; i++) {
			if (one.images[i]) {
				one.images[i].free();
			}
		}
		one.images = [];
	}

	/* An <img> may neither load nor fail: it must not hold up all that follow. */
	Pictures.prototype.watch = function () {
		var self = this, first = this.decoding[0];
		if (this.watchTimer !== null || !first) {
			return;
		}
		this.watchTimer = window.setTimeout(function () {
			var now = screenshare.now(), one = self.decoding[0];
			self.watchTimer = null;
			if (one && now - one.at >= DECODE_MS) {
				release(one);
				one.isBad = true;
				one.left = 0;
				self.advance();
			}
			self.watch();
		}, Math.max(0, DECODE_MS - (screenshare.now() - first.at)) + 1);
	};

	Pictures.prototype.advance = function () {
		while (this.decoding.length > 0 && this.decoding[0].left === 0) {
			this.ready(this.decoding.shift());
		}
	};

	Pictures.prototype.ready = function (one) {
		var now = screenshare.now(), due;
		one.took = now - one.at;
		if (one.isBad) {
			this.refuse(one);
			return;
		}
		this.badInARow = 0;
		one.readyAt = now;
		due = this.on.dueAt(one.message.pts);
		if (due !== null && screenshare.delta.isFresh(one.message)) {
			this.on.ready(due - now);
		}
		if (this.waiting.length === 0 && (due === null || due - now <= EARLY_MS)) {
			this.draw(one, due, now);
			this.on.taken(one.message.sequence, screenshare.now() - one.at);
			return;
		}
		this.waiting.push(one);
		if (this.hasRoom()) {
			this.on.taken(one.message.sequence, one.took);
		} else {
			this.held.push(one);
		}
		if (due === null) { /* nothing to wait for any more: this one ends it for those before it */
			this.tick();
		}
		this.tickLater();
	};

	Pictures.prototype.refuse = function (one) {
		release(one);
		this.figures.bad++;
		this.on.taken(one.message.sequence, one.took);
		if (++this.badInARow === BROKEN_MAX) {
			this.on.broken();
		} else if (one.message.kind !== screenshare.protocol.PICTURE) {
			this.on.lost(++this.lostInARow);
		}
	};

	/* For those that wait. */
	Pictures.prototype.hasRoom = function () {
		var pixels = 0, i;
		for (i = 0; i < this.waiting.length; i++) {
			pixels += this.waiting[i].pixels;
		}
		return i <= WAITING_MIN || (i <= WAITING_MAX && pixels <= WAITING_PIXELS);
	};

	Pictures.prototype.tickLater = function () {
		var self = this;
		if (!this.isTicking && this.waiting.length > 0) {
			this.isTicking = true;
			frame(function () {
				self.isTicking = false;
				self.tick();
				self.tickLater();
			});
		}
	};

	/*
	 * Paints those that are due.  Of whole pictures only the newest; but what changes a picture needs
	 * all that was before it.
	 */
	Pictures.prototype.tick = function () {
		var now = screenshare.now(), due = [], i, one, dueAt;
		while (this.waiting.length > 0) {
			one = this.waiting[0];
			dueAt = this.on.dueAt(one.message.pts);
			if (dueAt !== null && dueAt - now > EARLY_MS && now - one.readyAt < PATIENCE_MS) {
				break;
			}
			one.due = dueAt;
			due.push(this.waiting.shift());
		}
		for (i = 0; i < due.length; i++) {
			if (i + 1 < due.length && due[i].message.kind === screenshare.protocol.PICTURE &&
					due[i + 1].message.kind === screenshare.protocol.PICTURE) {
				release(due[i]);
				this.figures.skipped++;
			} else {
				this.draw(due[i], due[i].due, now);
			}
		}
		while (this.held.length > 0 && this.hasRoom()) {
			one = this.held.shift();
			this.on.taken(one.message.sequence, one.took);
		}
	};

	Pictures.prototype.draw = function (one, due, now) {
		var isTimed = due !== null && screenshare.delta.isFresh(one.message);
		var offset = isTimed ? now - due : null;
		var isDrawn = this.painter.paint(one.message, one.images);
		release(one);
		if (!isDrawn) {
			this.figures.misfits++;
			this.on.lost(++this.lostInARow);
			return;
		}
		this.lostInARow = 0;
		this.figures.drawn++;
		if (offset !== null && offset > LATE_MS) {
			this.figures.late++;
		}
		this.draws.push({kind: one.message.kind, sequence: one.message.sequence, pts: one.message.pts,
			isState: one.message.isState, arrived: one.at, at: screenshare.now(), offset: offset});
		if (this.draws.length > KEPT) {
			this.draws.shift();
		}
		this.on.drawn();
	};

	/* Forgets all that was under way; the canvas keeps what it shows. */
	Pictures.prototype.clear = function () {
		var i;
		for (i = 0; i < this.decoding.length; i++) {
			release(this.decoding[i]);
		}
		for (i = 0; i < this.waiting.length; i++) {
			release(this.waiting[i]);
		}
		this.decoding = [];
		this.waiting = [];
		this.held = [];
		this.badInARow = this.lostInARow = 0;
		this.painter.forget();
	};

	Pictures.isPossible = function () {
		return screenshare.Painter.isPossible() && screenshare.decode.isPossible();
	};

	screenshare.Pictures = Pictures;
}(window.screenshare = window.screenshare || {}));
