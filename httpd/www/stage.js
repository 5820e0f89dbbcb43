/*
 * The stage is where the picture is shown, as large as fits, and where the page says what it waits
 * for.  The last picture stays until there is a new one.
 */
(function (screenshare) {
	'use strict';

	/* Chrome < 31, Edge < 16 and old televisions: the size is worked out here. */
	var needsFit = !('objectFit' in document.documentElement.style);

	function Stage(element, notice, words) {
		var self = this;
		this.element = element;
		this.notice = notice;
		this.words = words; /* {connecting, reconnecting} */
		this.shown = null;
		window.addEventListener('resize', function () {
			self.fit();
		});
	}

	/* `picture`, an <img> or <canvas>, takes the place of what was shown. */
	Stage.prototype.show = function (picture) {
		if (this.shown !== picture) {
			this.forget(this.shown);
			this.shown = picture;
			picture.className = 'picture';
			if (picture.parentNode !== this.element) {
				this.element.appendChild(picture);
			}
		}
		this.fit();
		this.say('');
	};

	/* An <img> must be in the page to load in every browser; it is not seen yet. */
	Stage.prototype.prepare = function (picture) {
		picture.className = 'picture coming';
		this.element.appendChild(picture);
	};

	/* Out of the page, and its connection ended: taking an <img> out alone leaves that open. */
	Stage.prototype.forget = function (picture) {
		if (!picture) {
			return;
		}
		picture.onload = picture.onerror = null;
		if (picture.tagName === 'IMG') {
			picture.src = '';
			picture.removeAttribute('src');
		}
		if (picture.parentNode) {
			picture.parentNode.removeChild(picture);
		}
		if (this.shown === picture) {
			this.shown = null;
		}
	};

	Stage.prototype.fit = function () {
		var picture = this.shown, w, h, scale;
		if (!needsFit || !picture) {
			return;
		}
		w = picture.naturalWidth || picture.width;
		h = picture.naturalHeight || picture.height;
		if (!w || !h) {
			return;
		}
		scale = Math.min(window.innerWidth / w, window.innerHeight / h);
		w = Math.round(w * scale);
		h = Math.round(h * scale);
		picture.style.width = w + 'px';
		picture.style.height = h + 'px';
		picture.style.left = Math.floor((window.innerWidth - w) / 2) + 'px';
		picture.style.top = Math.floor((window.innerHeight - h) / 2) + 'px';
	};

	Stage.prototype.say = function (text) {
		if (text) {
			this.notice.textContent = text;
		}
		this.notice.className = text ? 'on' : '';
	};

	/* The pictures have stopped, or have not begun. */
	Stage.prototype.wait = function () {
		this.say(this.shown ? this.words.reconnecting : this.words.connecting);
	};

	screenshare.Stage = Stage;
}(window.screenshare = window.screenshare || {}));
