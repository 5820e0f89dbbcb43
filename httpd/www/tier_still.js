/*
 * The last tier, for browsers that do not even show multipart JPEG: one picture after another, each
 * asked for when the one before has come.  Sound: <audio>.
 */
(function (screenshare) {
	'use strict';

	var PAUSE_MS = 400;
	var PATIENCE_MS = 10000; /* for one picture */
	var RETRY_MAX_MS = 4000;

	function TierStill(settings, stage, on) {
		this.settings = settings;
		this.stage = stage;
		this.on = on;
		this.sound = new screenshare.Wav(settings.audio, settings.name);
		this.coming = null;
		this.timer = null;
		this.retryMs = PAUSE_MS;
		this.drawn = 0;
		this.asked = 0;
	}

	TierStill.isPossible = function () {
		return true;
	};

	TierStill.prototype.name = 'still';

	TierStill.prototype.next = function () {
		var self = this, image = this.coming = new Image();
		image.alt = this.settings.alt;
		image.onload = function () {
			self.coming = null;
			self.drawn++;
			self.retryMs = PAUSE_MS;
			self.stage.show(image);
			self.later(PAUSE_MS);
		};
		image.onerror = function () {
			self.failed();
		};
		this.stage.prepare(image);
		image.src = this.settings.still + '?t=' + new Date().getTime() + '.' + (++this.asked) +
			this.settings.name;
		this.timer = window.setTimeout(function () {
			self.failed();
		}, PATIENCE_MS);
	};

	TierStill.prototype.later = function (ms) {
		var self = this;
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(function () {
			self.next();
		}, ms);
	};

	TierStill.prototype.failed = function () {
		this.stage.forget(this.coming);
		this.coming = null;
		this.stage.wait();
		this.later(this.retryMs);
		this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
	};

	TierStill.prototype.start = function () {
		this.stage.wait();
		this.next();
	};

	TierStill.prototype.rest = function () {
		window.clearTimeout(this.timer);
		this.stage.forget(this.coming);
		this.coming = null;
	};

	TierStill.prototype.stop = function () {
		this.rest();
		this.sound.turnOff();
	};

	TierStill.prototype.wake = function () {
		this.next();
	};

	TierStill.prototype.hurry = function () {
		if (!this.coming) {
			this.later(0);
		}
	};

	TierStill.prototype.turnSound = screenshare.TierImage.prototype.turnSound;
	TierStill.prototype.setMode = screenshare.TierImage.prototype.setMode;
	TierStill.prototype.hasModes = screenshare.TierImage.prototype.hasModes;

	TierStill.prototype.stats = function () {
		return {tier: this.name, mode: 'live', connections: 0, framesDrawn: this.drawn,
			sound: this.sound.stats()};
	};

	screenshare.TierStill = TierStill;
}(window.screenshare = window.screenshare || {}));
