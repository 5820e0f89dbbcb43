/*
 * Sync says when a picture is to be shown, in one of two modes:
 *
 *     live      at once
 *     smooth    when the sound of its moment is heard; without sound at once
 *
 * Sound usually takes longer than pictures, which wait for it.  Where it is the other way round (a
 * slow decoder, a slow camera), the sound is made to wait, as long as smooth is the mode.
 */
(function (screenshare) {
	'use strict';

	var STEP_MS = 1000;       /* between two changes of what the sound waits */
	var SPARE_MS = 15;        /* pictures should be ready so long before they are heard */
	var TOO_MUCH_MS = 80;

	function Sync(sound) {
		this.sound = sound; /* null: there is none to go by */
		this.mode = 'live';
		this.begin(0);
	}

	Sync.prototype.begin = function (now) {
		this.since = now;
		this.least = Infinity;
	};

	Sync.prototype.setMode = function (mode) {
		this.mode = mode;
		if (this.sound && mode === 'live') {
			this.sound.playout.wait(0);
		}
	};

	Sync.prototype.dueAt = function (pts) {
		return this.sound && this.mode === 'smooth' ? this.sound.heardAt(pts) : null;
	};

	/* A picture was decoded so long (ms) before it is due; negative: after. */
	Sync.prototype.ready = function (early) {
		var now = screenshare.now(), playout = this.sound.playout;
		var coming = (playout.wanted() - playout.level) * 1000; /* is being made up for already */
		this.least = Math.min(this.least, early + coming);
		if (now - this.since < STEP_MS) {
			return;
		}
		if (this.least < SPARE_MS) {
			playout.wait(playout.extra + (SPARE_MS - this.least) / 1000);
		} else if (this.least > TOO_MUCH_MS && playout.extra > 0) {
			playout.wait(playout.extra - 0.01);
		}
		this.begin(now);
	};

	screenshare.Sync = Sync;
}(window.screenshare = window.screenshare || {}));
