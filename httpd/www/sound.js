/*
 * Sound by Web Audio: each piece becomes an AudioBufferSourceNode that starts when playout.js says.
 *
 *     PCM, Opus ──► samples ──► playout: when, how fast ──► source node ──► gain ──► loudspeaker
 *
 * (No ScriptProcessor, which clicks whenever the page is busy; no AudioWorklet, which plain HTTP
 * does not have.)  It also knows when the sound of a moment is heard, for whoever shows pictures.
 */
(function (screenshare) {
	'use strict';

	var RATE = 48000;
	var FADE = 240;          /* samples, 5 ms, at a seam: a jump in the wave is a click */
	var STALE_S = 0.3;       /* so long after the last piece nothing is played any more */
	var OUTPUT_S = 0.05;     /* to the loudspeaker, where the browser does not say */
	var UNASKED_S = 0.04;    /* … and where it is not asked */
	var STEADY = 0.05;       /* of each reading of the output's time stamp */
	var UNSTEADY_MS = 60;    /* a reading so far off is a new state, not noise */

	var Context = window.AudioContext || window.webkitAudioContext;

	/*
	 * Firefox on Linux is not asked for the output's latency.  It holds its graph's lock while it asks
	 * its main process, which waits for PulseAudio's lock, which is held by whoever asks the graph for
	 * the next samples, who waits for the graph's lock: now and then, as sound begins, page and sound
	 * stand still for ever (seen in ESR 153: once in 18 fresh browsers on a very busy machine).
	 */
	var isAsked = !(/Linux/.test(navigator.userAgent) && /Firefox\//.test(navigator.userAgent));

	/* onWant(kind): the server is to send "none", "pcm" or "opus" from now on. */
	function Sound(opusUrl, onWant) {
		this.opusUrl = opusUrl;
		this.onWant = onWant;
		this.context = null;
		this.gain = null;
		this.opus = new screenshare.Opus();
		this.playout = new screenshare.Playout();
		this.isOn = false;
		this.kind = 'none';
		this.offset = null; /* ms: our clock less the context's, at the loudspeaker */
		this.latency = null;
		this.sources = [];
	}

	Sound.isPossible = function () {
		return typeof Context === 'function' || typeof Context === 'object' && Context !== null;
	};

	Sound.prototype.create = function () {
		var self = this;
		try {
			this.context = new Context({sampleRate: RATE, latencyHint: 'interactive'});
		} catch (ignore) {
			this.context = new Context();
		}
		this.gain = this.context.createGain();
		this.gain.connect(this.context.destination);
		this.context.onstatechange = function () {
			self.restart();
		};
		/* A telephone's call, another application: the next touch brings the sound back. */
		document.addEventListener('click', function () { self.resume(); });
		document.addEventListener('keydown', function () { self.resume(); });
	};

	Sound.prototype.resume = function () {
		var promise;
		if (this.isOn && this.context.resume && this.context.state !== 'running') {
			promise = this.context.resume();
			if (promise && promise['catch']) {
				promise['catch'](function () { return null; });
			}
		}
	};

	/* Only from a click or a key: browsers start no sound by themselves. */
	Sound.prototype.turnOn = function () {
		var self = this;
		this.isOn = true;
		if (!this.context) {
			this.create();
		}
		this.resume();
		this.opus.load(this.opusUrl, function (kind) {
			if (self.isOn) {
				self.want(kind);
			}
		});
	};

	Sound.prototype.turnOff = function () {
		this.isOn = false;
		this.want('none');
		this.silence();
		if (this.context && this.context.suspend) {
			this.context.suspend();
		}
	};

	Sound.prototype.want = function (kind) {
		if (this.kind !== kind) {
			this.kind = kind;
			this.onWant(kind);
		}
	};

	/* Nothing that is scheduled is heard any more. */
	Sound.prototype.silence = function () {
		var i;
		for (i = 0; i < this.sources.length; i++) {
			this.sources[i].onended = null;
			try {
				this.sources[i].stop();
			} catch (ignore) {
				continue; /* old Safari: it has ended */
			}
		}
		this.sources = [];
		this.restart();
	};

	/* The stream begins anew. */
	Sound.prototype.restart = function () {
		this.playout.reset();
		this.offset = null;
	};

	Sound.prototype.isRunning = function () {
		return this.isOn && this.context !== null && this.context.currentTime > 0 &&
			(this.context.state === undefined || this.context.state === 'running');
	};

	/* --- samples --- */

	function fromPcm(bytes) {
		var n = bytes.length >> 2, left = new Float32Array(n), right = new Float32Array(n);
		var view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), i;
		for (i = 0; i < n; i++) {
			left[i] = view.getInt16(4 * i, true) / 32768;
			right[i] = view.getInt16(4 * i + 2, true) / 32768;
		}
		return [left, right];
	}

	Sound.prototype.samplesOf = function (message) {
		var samples;
		if (message.kind === screenshare.protocol.PCM) {
			return fromPcm(message.payload);
		}
		samples = this.opus.decode(message.payload);
		if (!samples && this.opus.isBroken) {
			this.want('pcm');
		}
		return samples;
	};

	/* A sound message, as it comes. */
	Sound.prototype.take = function (message) {
		var samples, piece;
		if (!this.isRunning() || (message.kind === screenshare.protocol.OPUS && !this.opus.decoder)) {
			return;
		}
		samples = this.samplesOf(message);
		if (!samples || samples[0].length === 0) {
			return;
		}
		/* Pieces of the other kind count anew. */
		if (message.kind !== this.takenKind) {
			this.takenKind = message.kind;
			this.playout.sequence = null;
		}
		piece = this.playout.add(message.sequence, message.pts, samples[0].length / RATE,
			this.context.currentTime);
		if (piece) {
			this.play(samples, piece);
		}
	};

	function fadeIn(samples) {
		var n = Math.min(FADE, samples.length), i;
		for (i = 0; i < n; i++) {
			samples[i] *= i / n;
		}
	}

	Sound.prototype.play = function (samples, piece) {
		var self = this, n = samples[0].length, buffer = this.context.createBuffer(2, n, RATE);
		var source = this.context.createBufferSource(), channel;
		for (channel = 0; channel < 2; channel++) {
			buffer.getChannelData(channel).set(samples[channel] || samples[0]);
			if (piece.isSeam) {
				fadeIn(buffer.getChannelData(channel));
			}
		}
		source.buffer = buffer;
		source.playbackRate.value = piece.rate;
		source.connect(this.gain);
		source.onended = function () {
			var at = self.sources.indexOf(source);
			if (at >= 0) {
				self.sources.splice(at, 1);
			}
			source.disconnect();
		};
		source.start(piece.when);
		this.sources.push(source);
		this.readOutput();
	};

	/* --- the loudspeaker --- */

	/* Where the context's time and ours meet at the loudspeaker (within 6 ms, measured). */
	Sound.prototype.readOutput = function () {
		var context = this.context, stamp = null, offset;
		if (isAsked && context.getOutputTimestamp) {
			stamp = context.getOutputTimestamp();
		}
		if (stamp && stamp.performanceTime > 0 && stamp.contextTime > 0) {
			offset = stamp.performanceTime - stamp.contextTime * 1000;
		} else {
			offset = screenshare.now() - context.currentTime * 1000 + 1000 * (isAsked ?
				context.outputLatency || context.baseLatency || OUTPUT_S : UNASKED_S);
		}
		if (this.offset === null || Math.abs(offset - this.offset) > UNSTEADY_MS) {
			this.offset = offset;
		} else {
			this.offset += (offset - this.offset) * STEADY;
		}
	};

	/* By our clock, in ms, when the sound of `pts` is heard; null: no sound plays about then. */
	Sound.prototype.heardAt = function (pts) {
		var end = this.playout.end(), when;
		if (!this.isRunning() || end === null || this.offset === null ||
				end < this.context.currentTime - STALE_S) {
			return null;
		}
		when = this.playout.whenOf(pts);
		return when === null ? null : when * 1000 + this.offset;
	};

	Sound.prototype.stats = function () {
		var p = this.playout, f = p.figures;
		return {
			kind: this.kind,
			isRunning: this.isRunning(),
			context: this.context ? this.context.state : 'none',
			targetMs: p.wanted() * 1000,
			levelMs: p.level * 1000,
			underRuns: f.underRuns,
			jumps: f.jumps,
			dropped: f.dropped,
			gaps: f.gaps,
			pieces: f.pieces,
			playbackRate: p.rate
		};
	};

	screenshare.Sound = Sound;
}(window.screenshare = window.screenshare || {}));
