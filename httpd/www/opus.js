/*
 * The decoder of Opus, loaded when sound is wanted for the first time: a script of WebAssembly
 * (opus-decoder, which needs a newer browser than we do).  Where it is missing, or does not load, or
 * does not decode, the sound is PCM.
 */
(function (screenshare) {
	'use strict';

	var PATIENCE_MS = 5000;
	var FAILURES_MAX = 3;

	function Opus() {
		this.decoder = null;
		this.failures = 0;
		this.isBroken = typeof window.WebAssembly !== 'object' || typeof window.Promise !== 'function';
	}

	Opus.prototype.load = function (url, onDone) {
		var self = this, isDone = false, script;
		function done(decoder) {
			if (!isDone) {
				isDone = true;
				self.decoder = decoder;
				self.isBroken = !decoder;
				onDone(self.isBroken ? 'pcm' : 'opus');
			}
		}
		if (this.isBroken || this.decoder) {
			onDone(this.isBroken ? 'pcm' : 'opus');
			return;
		}
		window.setTimeout(function () {
			done(null);
		}, PATIENCE_MS);
		script = document.createElement('script');
		script.charset = 'utf-8';
		script.onload = function () {
			var library = window['opus-decoder'], decoder;
			try {
				decoder = new library.OpusDecoder({sampleRate: 48000, channels: 2, forceStereo: true});
				decoder.ready.then(function () {
					done(decoder);
				}, function () {
					done(null);
				});
			} catch (ignore) {
				done(null); /* a script that this browser could not read has defined nothing */
			}
		};
		script.onerror = function () {
			done(null);
		};
		script.src = url;
		document.body.appendChild(script);
	};

	/* Two Float32Arrays, to be copied before the next call; null: not decoded. */
	Opus.prototype.decode = function (packet) {
		var out = null;
		try {
			out = this.decoder ? this.decoder.decodeFrame(packet) : null;
		} catch (ignore) {
			out = null;
		}
		if (!out || out.errors.length > 0 || out.samplesDecoded === 0) {
			this.failures++;
			this.isBroken = this.isBroken || this.failures >= FAILURES_MAX;
			return null;
		}
		this.failures = 0;
		return out.channelData;
	};

	screenshare.Opus = Opus;
}(window.screenshare = window.screenshare || {}));
