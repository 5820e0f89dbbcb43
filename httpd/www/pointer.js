/*
 * The pointer of the screen, above the canvas and never in it, so that what is copied there has none
 * in it.  Each of its shapes is a small canvas; the one that is seen lies in a box that covers the
 * picture on the stage, and is moved by a transform alone.
 */
(function (screenshare) {
	'use strict';

	var TRANSFORM = 'transform' in document.documentElement.style ? 'transform' : 'webkitTransform';

	function Pointer() {
		this.element = document.createElement('div');
		this.element.className = 'over';
		this.scale = 1;
		this.shapes = []; /* by number; some are not there yet */
		this.shown = null;
		this.shape = 0;
		this.x = this.y = 0;
		this.isVisible = false;
	}

	/* `image` is drawn at once, and no longer needed then. */
	Pointer.prototype.keep = function (shape, image, width, height) {
		var canvas = this.shapes[shape] || document.createElement('canvas');
		this.shapes[shape] = canvas;
		canvas.width = width;
		canvas.height = height;
		canvas.getContext('2d').drawImage(image, 0, 0);
	};

	/* The top left of that shape is at x, y of the picture from now on. */
	Pointer.prototype.move = function (shape, x, y, isVisible) {
		this.shape = shape;
		this.x = x;
		this.y = y;
		this.isVisible = isVisible;
		this.show();
	};

	Pointer.prototype.hide = function () {
		this.isVisible = false;
		this.show();
	};

	Pointer.prototype.show = function () {
		var wanted = this.isVisible && this.shapes[this.shape] || null;
		if (this.shown !== wanted) {
			if (this.shown) {
				this.element.removeChild(this.shown);
			}
			if (wanted) {
				this.element.appendChild(wanted);
			}
			this.shown = wanted;
		}
		if (wanted) {
			wanted.style[TRANSFORM] = 'scale(' + this.scale + ') translate(' + this.x + 'px,' +
				this.y + 'px)';
		}
	};

	/* Where the picture is seen: {left, top, width, height} in the page's pixels, and its scale. */
	Pointer.prototype.place = function (seen) {
		var style = this.element.style;
		style.left = seen.left + 'px';
		style.top = seen.top + 'px';
		style.width = seen.width + 'px';
		style.height = seen.height + 'px';
		this.scale = seen.scale;
		this.show();
	};

	Pointer.prototype.stats = function () {
		return {shape: this.shape, x: this.x, y: this.y, isVisible: this.isVisible};
	};

	screenshare.Pointer = Pointer;
}(window.screenshare = window.screenshare || {}));
