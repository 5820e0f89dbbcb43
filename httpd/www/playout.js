/*
 * When each piece of sound is to be played, and how fast.  Pure: times are those of the audio
 * context, in seconds, and come from outside; tests drive it by a clock of their own.
 *
 *     pieces arrive ──►│◄─ level ─►│ the end of what is scheduled
 *                     now          └─ where the next piece begins, to a fraction of a sample
 *
 * The level is held at a target.  The sound card and the server's clock never agree (0.2 % is
 * common): the rate follows the level, within 0.5 %, which nobody hears.  Where a piece comes too
 * late there is a gap, and the target is raised, for networks that are like that are so again; it
 * comes down slowly when they are not.  What is more than 150 ms too much is left out, and so is
 * what stays at more than 50 ms too much for seconds: outputs that are starved stand still for a
 * moment and leave it behind, and at 0.5 % it would take half a minute to go (measured).  Where
 * 150 ms are wanting, because the target was raised, there is a pause.
 *
 * Start times are not rounded: rounded to whole samples each seam of a rate other than 1 clicks.
 */
(function (screenshare) {
	'use strict';

	var TARGET_S = 0.07;
	var TARGET_STEP_S = 0.02;   /* for each under-run */
	var TARGET_MAX_S = 0.25;
	var CALM_S = 60;            /* without an under-run, until the target is lowered a little */
	var CALM_STEP_S = 0.01;
	var JUMP_S = 0.15;
	var LINGER_S = 4;           /* never less than this in so long a time */
	var LINGER_JUMP_S = 0.05;
	var SETTLING_S = 2;         /* after the beginning, while outputs are seen to stand still, */
	var SETTLING_JUMP_S = 0.04; /* less is too much */
	var TOO_LATE_S = 0.003;     /* what would begin sooner than this would begin too late */
	var RATE_RANGE = 0.005;
	var RATE_PER_S = 0.25;      /* 20 ms beside the target: all of the range */
	var SMOOTH_S = 0.6;
	var GAP_MAX_S = 0.5;        /* a longer hole in the stream is a new beginning */
	var KEPT_S = 2;             /* how long played pieces are remembered */

	function Playout() {
		this.target = TARGET_S;
		this.extra = 0; /* on top, so that slow pictures keep up with the sound */
		this.figures = {underRuns: 0, jumps: 0, dropped: 0, gaps: 0, pieces: 0};
		this.reset();
	}

	/* The stream begins anew; what was learned about the network stays. */
	Playout.prototype.reset = function () {
		this.isStarted = false;
		this.isDropping = false;
		this.sequence = null;
		this.next = 0;
		this.level = 0; /* smoothed */
		this.rate = 1;
		this.calmSince = null;
		this.settledAt = 0;
		this.least = 0;
		this.leastSince = null; /* when the window of `least` began */
		this.pieces = []; /* {pts, when, duration, rate}; the newest last */
	};

	Playout.prototype.wanted = function () {
		return this.target + this.extra;
	};

	Playout.prototype.begin = function (now) {
		this.next = now + this.wanted();
		this.level = this.wanted();
		this.rate = 1;
		this.isDropping = false;
		this.leastSince = null;
	};

	/* Has there been too much all the time for a while? */
	Playout.prototype.lingers = function (now, level) {
		var least;
		if (this.leastSince === null || now < this.leastSince) {
			this.leastSince = now;
			this.least = level;
		}
		this.least = Math.min(this.least, level);
		if (now - this.leastSince < LINGER_S) {
			return false;
		}
		least = this.least;
		this.leastSince = null;
		return least > this.wanted() + LINGER_JUMP_S;
	};

	/* A piece that was never sent leaves its room, so that those behind it keep their time. */
	Playout.prototype.skipMissing = function (sequence, duration) {
		var missing = this.sequence === null ? 0 :
			screenshare.protocol.missing(this.sequence, sequence);
		this.sequence = sequence;
		if (missing > 0) {
			this.figures.gaps++;
			this.next += Math.min(missing * duration, GAP_MAX_S);
		}
		return missing > 0;
	};

	Playout.prototype.tune = function (now, level, duration) {
		var share = Math.min(1, duration / SMOOTH_S), off;
		this.level += (level - this.level) * share;
		if (this.calmSince === null || now < this.calmSince) {
			this.calmSince = now;
		} else if (now - this.calmSince > CALM_S) {
			this.calmSince = now;
			this.target = Math.max(TARGET_S, this.target - CALM_STEP_S);
		}
		off = (this.level - this.wanted()) * RATE_PER_S;
		this.rate = 1 + Math.max(-RATE_RANGE, Math.min(RATE_RANGE, off));
	};

	/*
	 * A piece of `duration` seconds, taken at `pts` µs: {when, rate, isSeam}, where isSeam says that
	 * it does not continue what is played before it; null: it is left out.
	 */
	Playout.prototype.add = function (sequence, pts, duration, now) {
		var isSeam = this.skipMissing(sequence, duration), level, piece;
		if (!this.isStarted) {
			this.isStarted = isSeam = true;
			this.settledAt = now + SETTLING_S;
			this.begin(now);
		}
		level = this.next - now;
		if (level < TOO_LATE_S) {
			this.figures.underRuns++;
			this.target = Math.min(TARGET_MAX_S, this.target + TARGET_STEP_S);
			this.calmSince = now;
			this.begin(now);
			level = this.next - now;
			isSeam = true;
		} else if (level > this.wanted() + (now < this.settledAt ? SETTLING_JUMP_S : JUMP_S) ||
				this.lingers(now, level)) {
			this.isDropping = true;
		} else if (level < this.wanted() - JUMP_S) {
			this.figures.jumps++;
			this.begin(now);
			level = this.next - now;
			isSeam = true;
		}
		if (this.isDropping && level > this.wanted() + duration / 2) {
			this.figures.dropped++;
			return null;
		}
		if (this.isDropping) {
			this.isDropping = false;
			this.leastSince = null;
			this.figures.jumps++;
			this.level = level;
			isSeam = true;
		}
		this.tune(now, level, duration);
		piece = {pts: pts, when: this.next, duration: duration, rate: this.rate, isSeam: isSeam};
		this.next += duration / this.rate;
		this.figures.pieces++;
		this.remember(piece, now);
		return piece;
	};

	Playout.prototype.remember = function (piece, now) {
		this.pieces.push(piece);
		while (this.pieces.length > 1 && this.pieces[1].when < now - KEPT_S) {
			this.pieces.shift();
		}
	};

	/* When what was taken at `pts` is played; null: nothing is played about then. */
	Playout.prototype.whenOf = function (pts) {
		var i = this.pieces.length - 1, piece, when;
		if (i < 0) {
			return null;
		}
		while (i > 0 && this.pieces[i].pts > pts) {
			i--;
		}
		piece = this.pieces[i];
		when = piece.when + (pts - piece.pts) / 1e6 / piece.rate;
		/* What was left out is heard, if at all, at the seam. */
		return i + 1 < this.pieces.length ? Math.min(when, this.pieces[i + 1].when) : when;
	};

	/* The end of all that is scheduled. */
	Playout.prototype.end = function () {
		return this.isStarted ? this.next : null;
	};

	/* The level is raised by so much for the sake of the pictures: 0 to `most`. */
	Playout.prototype.wait = function (seconds) {
		this.extra = Math.max(0, Math.min(TARGET_MAX_S, seconds));
	};

	screenshare.Playout = Playout;
}(window.screenshare = window.screenshare || {}));
