/*
 * The buttons: there when somebody moves, gone when nobody does.
 *
 *     turn sound on   large, with the focus, until it is pressed once: OK on a remote does it
 *     back · sound, live or smooth, full screen      a bar above the picture
 */
(function (screenshare) {
	'use strict';

	var CALM_MS = 3000;
	var FIRST_CALM_MS = 20000; /* the first time: somebody who sits down looks for the remote */

	var body = document.body;

	function byId(id) {
		return document.getElementById(id);
	}

	function label(button, text) {
		button.getElementsByTagName('span')[0].textContent = text;
		button.setAttribute('aria-label', text);
		button.title = text;
	}

	/* `on` has sound(isOn) and mode(mode). */
	function Controls(on) {
		var self = this;
		this.on = on;
		this.listen = byId('first');
		this.sound = byId('sound');
		this.modes = byId('mode');
		this.full = byId('full');
		this.back = byId('back');
		this.words = byId('words');
		this.isSoundOn = false;
		this.hasListened = false;
		this.mode = 'live';
		this.timer = null;
		this.listen.addEventListener('click', function () { self.turnSound(true); });
		this.sound.addEventListener('click', function () { self.turnSound(!self.isSoundOn); });
		this.modes.addEventListener('click', function () {
			self.showMode(self.mode === 'live' ? 'smooth' : 'live');
			on.mode(self.mode);
		});
		this.prepareFull();
		this.wakeOnMoves();
		this.showSound();
		this.stir(FIRST_CALM_MS);
		this.listen.focus();
	}

	/* --- sound and mode --- */

	Controls.prototype.turnSound = function (isOn) {
		var hadFocus = document.activeElement === this.listen;
		this.isSoundOn = isOn;
		this.hasListened = true;
		this.showSound();
		if (hadFocus) {
			this.sound.focus();
		}
		this.stir();
		if (!isOn) {
			this.say('');
		}
		this.on.sound(isOn);
	};

	Controls.prototype.showSound = function () {
		this.listen.className = this.hasListened ? 'hidden' : 'button listen';
		this.sound.className = !this.hasListened ? 'hidden' : this.isSoundOn ? 'button' : 'button off';
		label(this.sound, body.getAttribute(this.isSoundOn ? 'data-sound-off' : 'data-sound-on'));
	};

	/* There is no way to hear anything in this browser. */
	Controls.prototype.hideSound = function () {
		this.hasListened = true;
		this.listen.className = this.sound.className = 'hidden';
	};

	Controls.prototype.showMode = function (mode) {
		this.mode = mode;
		this.modes.className = 'button modes ' + mode;
		this.modes.setAttribute('aria-pressed', mode === 'smooth' ? 'true' : 'false');
	};

	Controls.prototype.hideMode = function () {
		this.modes.className = 'hidden';
	};

	/* What the sound is doing, where it is not simply to be heard. */
	Controls.prototype.say = function (text) {
		if (text) {
			this.words.textContent = text;
		}
		this.words.className = text ? 'on' : '';
	};

	/* --- full screen --- */

	Controls.prototype.prepareFull = function () {
		var full = this.full;
		if (!screenshare.fullScreen.isPossible()) {
			full.className = 'hidden';
			return;
		}
		full.addEventListener('click', screenshare.fullScreen.toggle);
		byId('stage').addEventListener('dblclick', screenshare.fullScreen.toggle);
		screenshare.fullScreen.onChange(function () {
			label(full, body.getAttribute(
				screenshare.fullScreen.isOn() ? 'data-leave' : 'data-fullscreen'));
		});
	};

	/* --- calm --- */

	Controls.prototype.calm = function () {
		var active = document.activeElement;
		if (active && active !== body && active.blur) {
			active.blur(); /* or the next OK would press what is not seen */
		}
		body.className = 'screen calm';
	};

	Controls.prototype.stir = function (ms) {
		var self = this, now = screenshare.now();
		body.className = 'screen';
		this.calmAt = Math.max(this.calmAt || 0, ms ? now + ms : 0);
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(function () {
			self.calm();
		}, Math.max(CALM_MS, this.hasListened ? 0 : this.calmAt - now));
	};

	/* Where OK begins after a calm. */
	Controls.prototype.main = function () {
		if (!this.hasListened) {
			return this.listen;
		}
		return screenshare.fullScreen.isPossible() ? this.full : this.back;
	};

	Controls.prototype.key = function (event) {
		var wasCalm = body.className !== 'screen';
		this.stir();
		if (event.altKey || event.ctrlKey || event.metaKey) {
			return;
		}
		if (event.keyCode === 70 && screenshare.fullScreen.isPossible()) { /* f */
			screenshare.fullScreen.toggle();
			event.preventDefault();
		} else if (event.keyCode === 77) { /* m */
			this.turnSound(!this.isSoundOn);
			event.preventDefault();
		} else if (wasCalm && event.keyCode === 13) { /* OK only wakes the buttons */
			this.main().focus();
			event.preventDefault();
		}
	};

	Controls.prototype.wakeOnMoves = function () {
		var self = this, stir = function () { self.stir(); };
		document.addEventListener('keydown', function (event) { self.key(event); });
		document.addEventListener('mousemove', stir);
		document.addEventListener('mousedown', stir);
		document.addEventListener('touchstart', stir);
	};

	screenshare.Controls = Controls;
}(window.screenshare = window.screenshare || {}));
