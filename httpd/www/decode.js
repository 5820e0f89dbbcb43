/*
 * Turns the bytes of a JPEG into something that a canvas draws: by createImageBitmap, off the main
 * thread, where it exists (Chrome 50, Firefox 42, Safari 15), else by an <img> and a blob: URL.
 *
 * Several at once finish in any order: in Chromium, of a large picture and small ones after it, the
 * small ones first in 20 of 20 tries.  Whoever asks keeps the order (pictures.js).
 */
(function (screenshare) {
	'use strict';

	var URLs = window.URL || window.webkitURL;
	var hasBitmaps = typeof window.createImageBitmap === 'function';

	/* onDone(image, width, height, free), or onDone(null); always once, never before it returns. */
	function byImage(blob, onDone) {
		var image = new Image(), url = URLs.createObjectURL(blob);
		image.onload = function () {
			image.onload = image.onerror = null;
			onDone(image, image.naturalWidth, image.naturalHeight, function () {
				URLs.revokeObjectURL(url);
			});
		};
		image.onerror = function () {
			image.onload = image.onerror = null;
			URLs.revokeObjectURL(url);
			onDone(null);
		};
		image.src = url;
	}

	function byBitmap(blob, onDone) {
		window.createImageBitmap(blob).then(function (bitmap) {
			onDone(bitmap, bitmap.width, bitmap.height, function () {
				if (bitmap.close) { /* Chrome 52 */
					bitmap.close();
				}
			});
		}, function () {
			/* Perhaps it does not take a Blob: an <img> decides whether it is a picture. */
			byImage(blob, function (image, width, height, free) {
				hasBitmaps = hasBitmaps && !image;
				onDone(image, width, height, free);
			});
		});
	}

	screenshare.decode = function (bytes, onDone) {
		var blob = new Blob([bytes], {type: 'image/jpeg'});
		if (hasBitmaps) {
			byBitmap(blob, onDone);
		} else {
			byImage(blob, onDone);
		}
	};
	screenshare.decode.isPossible = function () {
		return typeof window.Blob === 'function' && !!(URLs && URLs.createObjectURL);
	};
	screenshare.decode.kind = function () {
		return hasBitmaps ? 'bitmap' : 'image';
	};
}(window.screenshare = window.screenshare || {}));
