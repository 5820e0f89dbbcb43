/*
 * The page's clock, and how the server's relates to it.  Pure but for now().
 *
 *     ping t ──► server: now_us ──► pong      the shorter the way, the better it is known
 *
 * What is shown and heard together needs none of this: pictures and sound are dated by one clock.
 * It is for telling how old they are.
 */
(function (screenshare) {
	'use strict';

	var KEPT = 12;

	screenshare.now = window.performance && window.performance.now ? function () {
		return window.performance.now();
	} : function () {
		return new Date().getTime();
	};

	function Clock() {
		this.answers = []; /* the last few: {way, offset}, ms */
	}

	/* Sent and received by our clock, in ms; what the server's showed between, in µs. */
	Clock.prototype.add = function (sent, received, serverUs) {
		this.answers.push({way: received - sent, offset: (sent + received) / 2 - serverUs / 1000});
		if (this.answers.length > KEPT) {
			this.answers.shift();
		}
	};

	Clock.prototype.best = function () {
		var best = null, i;
		for (i = 0; i < this.answers.length; i++) {
			if (!best || this.answers[i].way < best.way) {
				best = this.answers[i];
			}
		}
		return best;
	};

	/* A time of the server (µs) on our clock (ms); null while that is not known. */
	Clock.prototype.toPage = function (serverUs) {
		var best = this.best();
		return best ? serverUs / 1000 + best.offset : null;
	};

	screenshare.Clock = Clock;
}(window.screenshare = window.screenshare || {}));
