/*
 * The best tier: one WebSocket, pictures on a canvas, sound by Web Audio, both on one clock.
 *
 *     link ──► pictures (decoded, in order) ──► canvas
 *       └────► sound (scheduled) ──► sync: when is a picture's moment heard?
 *
 * Every tier has start(), stop(), rest() and wake() for a page that nobody sees, turnSound(isOn),
 * setMode(mode) and stats(); `on` has broken(): this tier does not work here, and
 * words(state, text): what the sound is doing.
 */
(function (screenshare) {
	'use strict';

	function TierSocket(settings, stage, on) {
		var self = this;
		this.settings = settings;
		this.stage = stage;
		this.on = on;
		this.connections = 0;
		this.isResting = false;
		this.soundState = null;
		this.canvas = document.createElement('canvas');
		this.canvas.setAttribute('role', 'img');
		this.canvas.setAttribute('aria-label', settings.alt);
		this.makeSound();
		this.sync = new screenshare.Sync(this.isWav ? null : this.sound);
		this.pictures = new screenshare.Pictures(this.canvas, {
			dueAt: function (pts) { return self.sync.dueAt(pts); },
			ready: function (early) { self.sync.ready(early); },
			taken: function (sequence, tookMs) { self.taken(sequence, tookMs); },
			drawn: function () { self.drawn(); },
			broken: function () { on.broken(); }
		});
		this.link = new screenshare.Link({source: settings.source, picture: 'jpeg', sound: 'none'}, {
			hello: function (message) { self.hello(message); },
			state: function (message) { self.state(message); },
			binary: function (message, now) { self.binary(message, now); },
			lost: function () { self.lost(); },
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
		this.sound = this.isWav ? new screenshare.Wav(this.settings.audio) :
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
		if (message.kind === screenshare.protocol.PICTURE) {
			this.pictures.arrive(message, now);
		} else if (message.kind === screenshare.protocol.PCM ||
				message.kind === screenshare.protocol.OPUS) {
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
		this.stage.show(this.canvas);
	};

	TierSocket.prototype.lost = function () {
		if (!this.isResting) {
			this.stage.wait();
		}
	};

	/* --- what the viewer asks --- */

	TierSocket.prototype.start = function () {
		this.stage.wait();
		this.link.open();
	};

	TierSocket.prototype.stop = function () {
		this.link.close();
		this.pictures.clear();
		this.sound.turnOff();
	};

	TierSocket.prototype.rest = function () {
		this.isResting = true;
		if (this.sound.isOn && !this.isWav) {
			this.link.want('picture', 'none');
		} else {
			this.link.close();
		}
	};

	TierSocket.prototype.wake = function () {
		this.isResting = false;
		this.link.wants.picture = 'jpeg';
		if (this.link.socket && this.link.isGreeted) {
			this.link.send({type: 'set', picture: 'jpeg'});
		} else {
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
			decoder: screenshare.decode.kind(),
			connections: this.connections,
			framesArrived: figures.arrived,
			framesDrawn: figures.drawn,
			framesLate: figures.late,
			framesSkipped: figures.skipped,
			framesBad: figures.bad,
			waiting: this.pictures.waiting.length,
			draws: drawn,
			avOffsetMs: last ? last.offset : null,
			clock: best ? {wayMs: best.way, offsetMs: best.offset} : null,
			sound: sound
		};
	};

	screenshare.TierSocket = TierSocket;
}(window.screenshare = window.screenshare || {}));
