/*
 * Sound where there is no Web Audio, or no WebSocket: an <audio> element with the WAV that never
 * ends.  It says nothing reliable about its death; /alive is asked.
 */
(function (screenshare) {
	'use strict';

	var POLL_MS = 2500;
	var STUCK_POLLS = 3;
	var RETRY_MAX_MS = 4000;

	/* `name`: "&name=…" or "", for the query. */
	function Wav(url, name) {
		this.url = url;
		this.name = name;
		this.element = null;
		this.id = '';
		this.isOn = false;
		this.timer = null;
		this.playedAt = 0;
		this.stuckPolls = 0;
		this.retryMs = 0;
		this.starts = 0;
	}

	Wav.isPossible = function () {
		var element = document.createElement('audio');
		return !!element.canPlayType && element.canPlayType('audio/wav') !== '';
	};

	/* Only from a click or a key the first time. */
	Wav.prototype.turnOn = function () {
		this.isOn = true;
		this.retryMs = 0;
		this.connect();
	};

	Wav.prototype.turnOff = function () {
		this.isOn = false;
		this.drop();
	};

	Wav.prototype.drop = function () {
		var element = this.element;
		window.clearTimeout(this.timer);
		this.element = null;
		if (element) {
			element.onplaying = element.onerror = element.onended = null;
			element.pause();
			element.removeAttribute('src');
			element.load(); /* or the connection stays open */
		}
	};

	Wav.prototype.connect = function () {
		var self = this, element, promise;
		this.drop();
		this.id = screenshare.randomId();
		this.stuckPolls = 0;
		this.playedAt = 0;
		this.starts++;
		element = this.element = document.createElement('audio');
		element.onplaying = function () {
			self.retryMs = 0;
		};
		element.onerror = element.onended = function () {
			self.lose();
		};
		element.src = this.url + '?id=' + this.id + this.name;
		promise = element.play();
		if (promise && promise['catch']) {
			promise['catch'](function () { return null; }); /* onerror tells, or the next poll */
		}
		this.pollLater();
	};

	Wav.prototype.lose = function () {
		var self = this;
		this.drop();
		this.timer = window.setTimeout(function () {
			self.connect();
		}, this.retryMs);
		this.retryMs = Math.min(this.retryMs + 500, RETRY_MAX_MS);
	};

	Wav.prototype.pollLater = function () {
		var self = this;
		this.timer = window.setTimeout(function () {
			self.poll();
		}, POLL_MS);
	};

	Wav.prototype.poll = function () {
		var self = this, asked = this.id, isStuck = this.element.currentTime === this.playedAt;
		this.playedAt = this.element.currentTime;
		this.stuckPolls = isStuck ? this.stuckPolls + 1 : 0;
		screenshare.ask(asked, function (answer) {
			if (asked !== self.id || !self.element) {
				return;
			}
			if (answer && (!answer.alive || self.stuckPolls >= STUCK_POLLS)) {
				self.lose();
			} else {
				self.pollLater(); /* nobody answers: later */
			}
		});
	};

	Wav.prototype.isRunning = function () {
		return this.element !== null && !this.element.paused && this.element.currentTime > 0;
	};

	Wav.prototype.stats = function () {
		return {
			kind: this.isOn ? 'wav' : 'none',
			isRunning: this.isRunning(),
			playedS: this.element ? this.element.currentTime : 0,
			starts: this.starts
		};
	};

	screenshare.Wav = Wav;
}(window.screenshare = window.screenshare || {}));
