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
		this.over = null;
		this.fitted = ''; /* the size of the picture that was fitted last */
		window.addEventListener('resize', function () {
			self.fit();
		});
	}

	/*
	 * `picture`, an <img> or <canvas>, takes the place of what was shown.  `over`, if there is one, has
	 * an element that covers it, and place(seen), which is told where the picture is seen.
	 */
	Stage.prototype.show = function (picture, over) {
		if (this.shown !== picture) {
			this.forget(this.shown);
			this.shown = picture;
			this.fitted = '';
			picture.className = 'picture';
			if (picture.parentNode !== this.element) {
				this.element.appendChild(picture);
			}
			if (over) {
				this.over = over;
				this.element.appendChild(over.element);
			}
		}
		if (this.fitted !== sizeOf(picture)) {
			this.fit();
		}
		this.say('');
	};

	function sizeOf(picture) {
		return (picture.naturalWidth || picture.width) + 'x' + (picture.naturalHeight || picture.height);
	}

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
			if (this.over) {
				this.element.removeChild(this.over.element);
				this.over = null;
			}
		}
	};

	/* Where a picture of that size is seen, in the page's pixels: as object-fit has it. */
	Stage.prototype.layout = function (width, height) {
		var scale = Math.min(window.innerWidth / width, window.innerHeight / height);
		return {
			scale: scale,
			left: (window.innerWidth - width * scale) / 2,
			top: (window.innerHeight - height * scale) / 2,
			width: width * scale,
			height: height * scale
		};
	};

	Stage.prototype.fit = function () {
		var picture = this.shown, w, h, seen;
		if (!picture || (!needsFit && !this.over)) {
			return;
		}
		w = picture.naturalWidth || picture.width;
		h = picture.naturalHeight || picture.height;
		if (!w || !h) {
			return;
		}
		seen = this.layout(w, h);
		if (needsFit) {
			picture.style.width = Math.round(seen.width) + 'px';
			picture.style.height = Math.round(seen.height) + 'px';
			picture.style.left = Math.floor(seen.left) + 'px';
			picture.style.top = Math.floor(seen.top) + 'px';
		}
		if (this.over) {
			this.over.place(seen);
		}
		this.fitted = sizeOf(picture);
	};

	Stage.prototype.say = function (text) {
		var isOn = this.notice.className === 'on';
		if (text) {
			this.notice.textContent = text;
		}
		if (isOn !== !!text) {
			this.notice.className = text ? 'on' : '';
		}
	};

	/* The pictures have stopped, or have not begun. */
	Stage.prototype.wait = function () {
		this.say(this.shown ? this.words.reconnecting : this.words.connecting);
	};

	screenshare.Stage = Stage;
}(window.screenshare = window.screenshare || {}));
