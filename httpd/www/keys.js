/*
 * Moves the focus by the arrow keys, as a remote control has them.  Plain ES5.
 *
 * Chromium and Firefox do not do this by themselves; browsers of televisions that do are stopped by
 * preventDefault, so that nothing moves twice.  Those that drive a pointer with the arrows send no
 * keys, and everything here is a link, a button or a field.
 */
(function () {
	'use strict';

	var LEFT = 37, UP = 38, RIGHT = 39, DOWN = 40;

	function isVisible(element) {
		return element.offsetWidth > 0 && window.getComputedStyle(element).visibility !== 'hidden';
	}

	/*
	 * How far `to` lies from `from` in the key's direction, from centre to centre.  What is beside the
	 * way counts twice, the way being as wide as `from` is: below a wide field lies all that is below it.
	 */
	function distance(from, to, key) {
		var dx = (to.left + to.right - from.left - from.right) / 2;
		var dy = (to.top + to.bottom - from.top - from.bottom) / 2;
		var isAcross = key === LEFT || key === RIGHT;
		var along = key === LEFT ? -dx : key === RIGHT ? dx : key === UP ? -dy : dy;
		var off = Math.abs(isAcross ? dy : dx);
		var beside = Math.max(0, off - (isAcross ? from.bottom - from.top : from.right - from.left) / 2);
		return along > 1 ? along + 2 * beside + off / 8 : Infinity;
	}

	/* Where the arrows begin. */
	function firstOf(all) {
		var first = document.getElementById('first'), i;
		if (first && isVisible(first)) {
			return first;
		}
		for (i = 0; i < all.length; i++) {
			if (isVisible(all[i])) {
				return all[i];
			}
		}
		return null;
	}

	function nearest(all, from, key) {
		var best = null, bestDistance = Infinity, here = from.getBoundingClientRect(), i, d;
		for (i = 0; i < all.length; i++) {
			if (all[i] === from || !isVisible(all[i])) {
				continue;
			}
			d = distance(here, all[i].getBoundingClientRect(), key);
			if (d < bestDistance) {
				best = all[i];
				bestDistance = d;
			}
		}
		return best;
	}

	/* A field moves its own cursor, a choice its own mark: the other two arrows lead out of them. */
	function usesItself(element, key) {
		if (element.tagName === 'SELECT') {
			return key === UP || key === DOWN;
		}
		return element.tagName === 'INPUT' && element.type !== 'file' && (key === LEFT || key === RIGHT);
	}

	document.addEventListener('keydown', function (event) {
		var key = event.keyCode, all, from, to;
		if (key < LEFT || key > DOWN || event.altKey || event.ctrlKey || event.metaKey) {
			return;
		}
		all = document.querySelectorAll('a[href], button, input, select');
		from = document.activeElement;
		if (from && usesItself(from, key)) {
			return;
		}
		if (!from || from === document.body || !isVisible(from)) {
			to = firstOf(all);
		} else {
			to = nearest(all, from, key);
		}
		if (to) {
			to.focus();
			event.preventDefault();
		}
	});

	/* OK on the remote works at once.  autofocus would not do where something has the focus. */
	var first = document.getElementById('first');
	if (first) {
		first.focus();
	}
}());
