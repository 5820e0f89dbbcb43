/*
 * Pictures on their way to the canvas: decoded as they come, drawn in the order in which they came.
 *
 *     arrive ──► decoding ──► (the first in line) ──► waiting ──► canvas
 *                                      └── nothing to wait for ────▲
 *
 * A picture waits for its time only where dueAt() names one: that at which the sound of its moment is
 * heard.  Each is acknowledged when it is drawn or, decoded, waits; while as many wait as there is
 * room for, that word is held back, and the server sends no more.
 */
(function (screenshare) {
	'use strict';

	var WAITING_PIXELS = 16e6; /* of all that wait: 64 MB as bitmaps */
	var WAITING_MIN = 3;
	var WAITING_MAX = 12;
	var EARLY_MS = 12;         /* what is drawn now is seen with the screen's next refresh */
	var LATE_MS = 40;          /* drawn so much after its sound is counted as late */
	var PATIENCE_MS = 1000;    /* whatever the sound does, no picture waits longer */
	var DECODE_MS = 5000;      /* one that is not decoded by then never will be */
	var BROKEN_MAX = 5;        /* so many in a row that cannot be decoded: this way does not work */
	var KEPT = 600;            /* draws that are remembered for whoever looks at the figures */

	var frame = window.requestAnimationFrame || window.webkitRequestAnimationFrame ||
		function (callback) {
			return window.setTimeout(callback, 16);
		};

	/*
	 * `on` has dueAt(pts): by our clock, in ms, or null, now; taken(sequence, tookMs);
	 * drawn(width, height); broken().
	 */
	function Pictures(canvas, on) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d', {alpha: false}) || canvas.getContext('2d');
		this.on = on;
		this.decoding = [];
		this.waiting = [];
		this.held = []; /* acknowledgements */
		this.isTicking = false;
		this.badInARow = 0;
		this.figures = {arrived: 0, drawn: 0, late: 0, skipped: 0, bad: 0};
		this.draws = [];
	}

	Pictures.prototype.arrive = function (message, now) {
		var self = this, one = {message: message, at: now, isDone: false, image: null, free: null};
		this.figures.arrived++;
		this.decoding.push(one);
		screenshare.decode(message.payload, function (image, width, height, free) {
			if (one.isDropped) {
				if (image) {
					free();
				}
				return;
			}
			one.isDone = true;
			one.image = image;
			one.width = width;
			one.height = height;
			one.free = free;
			self.advance();
		});
		this.giveUp(now);
	};

	/* An <img> may neither load nor fail: it must not hold up all that follow. */
	Pictures.prototype.giveUp = function (now) {
		var first = this.decoding[0];
		if (first && !first.isDone && now - first.at > DECODE_MS) {
			first.isDone = first.isDropped = true;
			this.advance();
		}
	};

	Pictures.prototype.advance = function () {
		while (this.decoding.length > 0 && this.decoding[0].isDone) {
			this.ready(this.decoding.shift());
		}
	};

	Pictures.prototype.ready = function (one) {
		var now = screenshare.now(), due;
		one.took = now - one.at;
		if (!one.image) {
			this.figures.bad++;
			this.on.taken(one.message.sequence, one.took);
			if (++this.badInARow === BROKEN_MAX) {
				this.on.broken();
			}
			return;
		}
		this.badInARow = 0;
		one.readyAt = now;
		due = this.on.dueAt(one.message.pts);
		if (this.on.ready && due !== null) {
			this.on.ready(due - now);
		}
		if (this.waiting.length === 0 && (due === null || due - now <= EARLY_MS)) {
			this.draw(one, due, now);
			this.on.taken(one.message.sequence, screenshare.now() - one.at);
			return;
		}
		this.waiting.push(one);
		if (this.waiting.length <= this.room(one)) {
			this.on.taken(one.message.sequence, one.took);
		} else {
			this.held.push(one);
		}
		if (due === null) { /* nothing to wait for any more: this one ends it for those before it */
			this.tick();
		}
		this.tickLater();
	};

	Pictures.prototype.room = function (one) {
		var room = Math.floor(WAITING_PIXELS / (one.width * one.height || 1));
		return Math.max(WAITING_MIN, Math.min(WAITING_MAX, room));
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

	/* Draws the newest of those that are due. */
	Pictures.prototype.tick = function () {
		var now = screenshare.now(), newest = null, newestDue = null, one, due;
		while (this.waiting.length > 0) {
			one = this.waiting[0];
			due = this.on.dueAt(one.message.pts);
			if (due !== null && due - now > EARLY_MS && now - one.readyAt < PATIENCE_MS) {
				break;
			}
			if (newest) {
				newest.free();
				this.figures.skipped++;
			}
			newest = this.waiting.shift();
			newestDue = due;
		}
		if (newest) {
			this.draw(newest, newestDue, now);
		}
		while (this.held.length > 0 && this.waiting.length <= this.room(this.held[0])) {
			one = this.held.shift();
			this.on.taken(one.message.sequence, one.took);
		}
	};

	Pictures.prototype.draw = function (one, due, now) {
		var offset = due === null ? null : now - due;
		if (this.canvas.width !== one.width || this.canvas.height !== one.height) {
			this.canvas.width = one.width;
			this.canvas.height = one.height;
		}
		this.context.drawImage(one.image, 0, 0);
		one.free();
		this.figures.drawn++;
		if (offset !== null && offset > LATE_MS) {
			this.figures.late++;
		}
		this.draws.push({sequence: one.message.sequence, pts: one.message.pts,
			isState: one.message.isState, arrived: one.at, at: screenshare.now(), offset: offset});
		if (this.draws.length > KEPT) {
			this.draws.shift();
		}
		this.on.drawn(one.width, one.height);
	};

	/* Forgets all that was under way; the canvas keeps what it shows. */
	Pictures.prototype.clear = function () {
		var i;
		for (i = 0; i < this.decoding.length; i++) {
			this.decoding[i].isDropped = true;
			if (this.decoding[i].image) {
				this.decoding[i].free();
			}
		}
		for (i = 0; i < this.waiting.length; i++) {
			this.waiting[i].free();
		}
		this.decoding = [];
		this.waiting = [];
		this.held = [];
	};

	Pictures.isPossible = function () {
		var canvas = document.createElement('canvas');
		return !!(canvas.getContext && canvas.getContext('2d')) && screenshare.decode.isPossible();
	};

	screenshare.Pictures = Pictures;
}(window.screenshare = window.screenshare || {}));
