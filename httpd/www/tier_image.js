/*
 * The second tier: an <img> of multipart JPEG, a picture without end that comes back by itself.
 *
 * It gives no event when its stream ends (measured in Chromium and Firefox), so the server is asked:
 * /alive?id=N, where N is the number that this page gave its connection.  When the stream is gone a
 * second <img> connects under a new number, and takes the place of the first on its load event: the
 * last picture stays until there is a new one.  Sound: <audio>.
 */
(function (screenshare) {
	'use strict';

	var POLL_MS = 2000;       /* between two questions to /alive */
	var CONNECT_MS = 4000;    /* a connection that is unknown to the server for so long has failed */
	var FIRST_MS = 6000;      /* a stream that sends, and of which nothing is seen for so long */
	var RETRY_MAX_MS = 4000;
	var SLEEP_MS = 15000;     /* a timer that is so late has slept, and its connection is dead */
	var STUCK_POLLS = 3;
	var FAILURES_MAX = 2;

	function TierImage(settings, stage, on) {
		this.settings = settings;
		this.stage = stage;
		this.on = on;
		this.sound = new screenshare.Wav(settings.audio, settings.name);
		this.coming = null;   /* the <img> that connects; it will be the one that is seen */
		this.shown = null;    /* the <img> that is seen */
		this.id = '';         /* of the newer of the two */
		this.loads = 0;       /* of that connection: one in Chromium, one a frame in Firefox */
		this.retryMs = 0;
		this.retryTimer = null;
		this.poller = null;
		this.failures = 0;
		this.connections = 0;
	}

	TierImage.isPossible = function () {
		return true;
	};

	TierImage.prototype.name = 'image';

	TierImage.prototype.connect = function () {
		var self = this, image;
		window.clearTimeout(this.retryTimer);
		this.retryTimer = null;
		this.stage.forget(this.coming);
		this.id = screenshare.randomId();
		this.loads = this.polledFrames = this.polledLoads = this.stuckPolls = 0;
		this.connectedAt = screenshare.now();
		image = this.coming = new Image();
		image.alt = this.settings.alt;
		image.onload = function () {
			self.loaded(image);
		};
		image.onerror = function () {
			self.failed(image);
		};
		this.stage.prepare(image);
		image.src = this.settings.video + '?id=' + this.id + this.settings.name;
	};

	TierImage.prototype.loaded = function (image) {
		if (image.naturalWidth === 0) {
			return; /* Firefox: a part that is no picture; perhaps the next one is */
		}
		this.loads++;
		if (image === this.coming) {
			this.coming = null;
			this.shown = image;
			this.retryMs = this.failures = 0;
			this.connections++;
			this.stage.show(image);
		}
	};

	/* An <img> that cannot be shown, though a server is there, is one that this browser cannot show. */
	TierImage.prototype.failed = function (image) {
		var self = this;
		if (image !== this.coming && image !== this.shown) {
			return;
		}
		if (image === this.shown) {
			this.lost();
			return;
		}
		screenshare.ask(0, function (answer) {
			if (image === self.coming) {
				self.lost();
				if (answer) {
					self.fail();
				}
			}
		});
	};

	TierImage.prototype.fail = function () {
		if (++this.failures >= FAILURES_MAX) {
			this.on.broken();
		}
	};

	/* The stream is gone: again, at once the first time, then more slowly. */
	TierImage.prototype.lost = function () {
		var self = this;
		if (this.retryTimer !== null || this.poller === null) {
			return;
		}
		this.stage.wait();
		this.stage.forget(this.coming);
		this.coming = null;
		this.id = '';
		this.retryTimer = window.setTimeout(function () {
			self.connect();
		}, this.retryMs);
		this.retryMs = Math.min(this.retryMs + 500, RETRY_MAX_MS);
	};

	/* --- is it alive? --- */

	/* Firefox tells of every frame: frames that were sent and never loaded are a stream that hangs. */
	TierImage.prototype.isStuck = function (answer) {
		if (this.loads > 1 && answer.frames > this.polledFrames && this.loads === this.polledLoads) {
			this.stuckPolls++;
		} else {
			this.stuckPolls = 0;
		}
		this.polledFrames = answer.frames;
		this.polledLoads = this.loads;
		return this.stuckPolls >= STUCK_POLLS;
	};

	TierImage.prototype.answered = function (answer) {
		var age = screenshare.now() - this.connectedAt;
		if (!answer.alive) {
			if (!this.coming || age > CONNECT_MS) {
				this.lost();
			}
		} else if (this.coming) {
			if (answer.frames > 0 && age > FIRST_MS) {
				this.lost();
				this.fail();
			}
		} else if (this.isStuck(answer) || this.shown.naturalWidth === 0) {
			this.lost();
		} else {
			this.stage.say('');
		}
	};

	TierImage.prototype.ask = function () {
		var self = this, asked = this.id;
		screenshare.ask(asked, function (answer) {
			if (asked !== self.id || self.poller === null) {
				return;
			}
			if (answer) {
				self.answered(answer);
			} else {
				self.stage.wait(); /* the next questions find out when the server is back */
			}
		});
	};

	TierImage.prototype.poll = function () {
		var now = screenshare.now(), late = now - this.polledAt - POLL_MS;
		this.polledAt = now;
		if (late > SLEEP_MS) {
			this.connect();
		} else if (this.id !== '') {
			this.ask();
		}
	};

	/* --- what the viewer asks --- */

	TierImage.prototype.start = function () {
		var self = this;
		this.stage.wait();
		this.retryMs = 0;
		this.polledAt = screenshare.now();
		this.poller = window.setInterval(function () {
			self.poll();
		}, POLL_MS);
		this.connect();
	};

	TierImage.prototype.drop = function () {
		window.clearTimeout(this.retryTimer);
		window.clearInterval(this.poller);
		this.retryTimer = this.poller = null;
		this.stage.forget(this.coming);
		this.coming = null;
		this.id = '';
	};

	TierImage.prototype.stop = function () {
		this.drop();
		this.sound.turnOff();
		/* What is shown stays until the next tier has a picture; Stage.show() ends it then. */
	};

	TierImage.prototype.rest = function () {
		this.drop();
		this.stage.forget(this.shown); /* its connection would go on */
		this.shown = null;
	};

	TierImage.prototype.wake = function () {
		this.start();
	};

	TierImage.prototype.hurry = function () {
		if (this.poller !== null) {
			this.poll();
		}
	};

	TierImage.prototype.turnSound = function (isOn) {
		if (isOn) {
			this.sound.turnOn();
		} else {
			this.sound.turnOff();
		}
	};

	TierImage.prototype.setMode = function () {
		return null; /* pictures come when they come */
	};

	TierImage.prototype.hasModes = function () {
		return false;
	};

	TierImage.prototype.stats = function () {
		return {tier: this.name, mode: 'live', connections: this.connections, framesDrawn: this.loads,
			sound: this.sound.stats()};
	};

	screenshare.TierImage = TierImage;
}(window.screenshare = window.screenshare || {}));
