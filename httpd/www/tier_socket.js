/*
 * The best tier: one WebSocket, pictures on a canvas, sound by Web Audio, both on one clock.
 *
 *     link ──► pictures (decoded, in order) ──► painter ──► canvas, pointer
 *       └────► sound (scheduled) ──► sync: when is a picture's moment heard?
 *
 * Pictures of the screen come as the delta stream: what has changed.  Where a server does not know
 * that, or it does not work here, and for the camera, as JPEGs.
 *
 * Every tier has start(), stop(), rest() and wake() for a page that nobody sees, turnSound(isOn),
 * setMode(mode) and stats(); `on` has broken(): this tier does not work here, and
 * words(state, text): what the sound is doing.
 */
(function (screenshare) {
	'use strict';

	var ANEW_MS = 1000; /* between two requests for a whole picture: its answer takes a while */
	var DOUBT_MS = 300;

	function TierSocket(settings, stage, on) {
		var self = this, wants;
		this.settings = settings;
		this.stage = stage;
		this.on = on;
		this.connections = 0;
		this.isResting = false;
		this.rested = null; /* what pictures were asked for before it rests */
		this.best = settings.source === 'screen' ? 'delta' : 'jpeg';
		this.anewAt = -Infinity;
		this.anewTimer = null;
		this.soundState = null;
		this.canvas = document.createElement('canvas');
		this.canvas.setAttribute('role', 'img');
		this.canvas.setAttribute('aria-label', settings.alt);
		this.makeSound();
		this.sync = new screenshare.Sync(this.isWav ? null : this.sound);
		this.pointer = new screenshare.Pointer();
		this.painter = new screenshare.Painter(this.canvas, this.pointer);
		this.pictures = new screenshare.Pictures(this.painter, {
			dueAt: function (pts) { return self.sync.dueAt(pts); },
			ready: function (early) { self.sync.ready(early); },
			taken: function (sequence, tookMs) { self.taken(sequence, tookMs); },
			drawn: function () { self.drawn(); },
			lost: function (inARow) { self.askAnew(inARow); },
			broken: function () { self.broken(); }
		});
		wants = {source: settings.source, picture: this.best, sound: 'none'};
		this.link = new screenshare.Link(wants, settings.name, {
			hello: function (message) { self.hello(message); },
			state: function (message) { self.state(message); },
			binary: function (message, now) { self.binary(message, now); },
			lost: function (wasGood) { self.lost(wasGood); },
			failed: function () { self.failed(); },
			broken: function () { on.broken(); }
		});
	}

	TierSocket.isPossible = function () {
		return screenshare.Link.isPossible() && screenshare.Pictures.isPossible();
	};

	TierSocket.prototype.name = 'socket';

	TierSocket.prototype.makeSound = function () {
		var self = this;
		this.isWav = !screenshare.Sound.isPossible();
		this.sound = this.isWav ? new screenshare.Wav(this.settings.audio, this.settings.name) :
			new screenshare.Sound(this.settings.opus, function (kind) {
				self.link.want('sound', kind);
			});
	};

	/* --- what the link brings --- */

	TierSocket.prototype.hello = function () {
		this.isNew = true;
		this.pictures.clear();
		if (!this.isWav) {
			this.sound.silence();
		}
	};

	TierSocket.prototype.state = function (message) {
		if (message.of === 'sound') {
			this.soundState = message.state;
			this.on.words(message.state, message.words);
		}
	};

	TierSocket.prototype.binary = function (message, now) {
		var kinds = screenshare.protocol;
		if (message.kind === kinds.PICTURE || message.kind === kinds.STEP ||
				message.kind === kinds.CATCH_UP) {
			this.pictures.arrive(message, now);
		} else if (message.kind === kinds.PCM || message.kind === kinds.OPUS) {
			if (!this.isWav) {
				this.sound.take(message);
			}
		}
	};

	TierSocket.prototype.taken = function (sequence, tookMs) {
		this.link.send({type: 'drawn', sequence: sequence, took_ms: Math.round(tookMs * 10) / 10});
	};

	TierSocket.prototype.drawn = function () {
		if (this.isNew) {
			this.isNew = false;
			this.connections++;
		}
		this.stage.show(this.canvas, this.pointer);
	};

	/* A connection that was good is tried again with what it could. */
	TierSocket.prototype.lost = function (wasGood) {
		if (wasGood) {
			this.rested = this.best;
			if (this.link.wants.picture !== 'none') {
				this.link.wants.picture = this.best;
			}
		}
		if (!this.isResting) {
			this.stage.wait();
		}
	};

	/* Perhaps the server does not know what was asked for. */
	TierSocket.prototype.failed = function () {
		if (this.link.wants.picture === 'delta') {
			this.link.wants.picture = 'jpeg';
		}
	};

	/*
	 * The canvas is not what the server believes, and only a whole picture makes it right: at once
	 * where it happened twice in a row; once may be what was under way as we changed our mind.
	 */
	TierSocket.prototype.askAnew = function (inARow) {
		var self = this, now = screenshare.now();
		var wait = Math.max(this.anewAt + ANEW_MS - now, inARow > 1 ? 0 : DOUBT_MS);
		if (this.link.wants.picture !== 'delta') {
			return;
		}
		window.clearTimeout(this.anewTimer);
		this.anewTimer = null;
		if (wait <= 0) {
			this.anewAt = now;
			this.link.send({type: 'set', picture: 'none'});
			this.link.send({type: 'set', picture: 'delta'});
		} else {
			this.anewTimer = window.setTimeout(function () {
				if (self.pictures.lostInARow > 0) {
					self.askAnew(2);
				}
			}, wait);
		}
	};

	/* Pictures that cannot be decoded: JPEGs alone, then another tier. */
	TierSocket.prototype.broken = function () {
		if (this.best === 'jpeg') {
			this.on.broken();
			return;
		}
		this.best = 'jpeg';
		this.pictures.clear();
		this.link.want('picture', 'jpeg');
	};

	/* --- what the viewer asks --- */

	TierSocket.prototype.start = function () {
		this.stage.wait();
		this.link.open();
	};

	TierSocket.prototype.stop = function () {
		this.link.close();
		window.clearTimeout(this.anewTimer);
		this.anewTimer = null;
		this.pictures.clear();
		this.sound.turnOff();
	};

	TierSocket.prototype.rest = function () {
		if (!this.isResting) {
			this.rested = this.link.wants.picture;
		}
		this.isResting = true;
		if (this.sound.isOn && !this.isWav) {
			this.link.want('picture', 'none');
		} else {
			this.link.close();
		}
	};

	TierSocket.prototype.wake = function () {
		this.isResting = false;
		if (this.link.socket && this.link.isGreeted) {
			this.link.want('picture', this.rested);
		} else {
			this.link.wants.picture = this.best;
			this.link.open();
		}
	};

	/* The network is back, or so the browser says. */
	TierSocket.prototype.hurry = function () {
		this.link.hurry();
	};

	TierSocket.prototype.turnSound = function (isOn) {
		if (isOn) {
			this.sound.turnOn();
		} else {
			this.sound.turnOff();
		}
	};

	TierSocket.prototype.setMode = function (mode) {
		this.sync.setMode(mode);
	};

	TierSocket.prototype.hasModes = function () {
		return !this.isWav;
	};

	/* --- figures --- */

	/* The newest of all pieces: how old its sound is when it is heard, in ms. */
	TierSocket.prototype.soundLatency = function () {
		var pieces = this.isWav ? [] : this.sound.playout.pieces, last = pieces[pieces.length - 1];
		var heard = last ? this.sound.heardAt(last.pts) : null;
		var taken = last ? this.link.clock.toPage(last.pts) : null;
		return heard === null || taken === null ? null : heard - taken;
	};

	TierSocket.prototype.stats = function () {
		var draws = this.pictures.draws, last = draws[draws.length - 1] || null, clock = this.link.clock;
		var sound = this.sound.stats(), figures = this.pictures.figures, best = clock.best(), i;
		var drawn = [], taken;
		for (i = 0; i < draws.length; i++) {
			taken = clock.toPage(draws[i].pts);
			drawn.push({
				kind: draws[i].kind,
				sequence: draws[i].sequence,
				pts: draws[i].pts,
				isState: draws[i].isState,
				arrived: draws[i].arrived,
				at: draws[i].at,
				latencyMs: taken === null ? null : draws[i].at - taken,
				avOffsetMs: draws[i].offset
			});
		}
		sound.latencyMs = this.soundLatency();
		sound.state = this.soundState;
		return {
			tier: this.name,
			mode: this.sync.mode,
			isOpen: this.link.isGreeted,
			picture: this.link.wants.picture,
			decoder: screenshare.decode.kind(),
			connections: this.connections,
			framesArrived: figures.arrived,
			framesDrawn: figures.drawn,
			framesLate: figures.late,
			framesSkipped: figures.skipped,
			framesBad: figures.bad,
			bytes: figures.bytes,
			steps: this.painter.figures.steps,
			catchUps: this.painter.figures.catchUps,
			misfits: figures.misfits,
			sequence: this.painter.sequence,
			pointer: this.pointer.stats(),
			waiting: this.pictures.waiting.length,
			draws: drawn,
			avOffsetMs: last ? last.offset : null,
			clock: best ? {wayMs: best.way, offsetMs: best.offset} : null,
			sound: sound
		};
	};

	screenshare.TierSocket = TierSocket;
}(window.screenshare = window.screenshare || {}));
