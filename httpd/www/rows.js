/*
 * The rows of what is sent: a window on a queue of any length.  Plain ES5.
 *
 *     items, thousands ──► those under way, paused and failed, the last that arrived, the next that
 *                          wait ──► rows;  the rest is told by numbers, in the row of them all
 *
 * A row stays the same element for as long as it is shown, so that the focus stays where it is.
 */
(function () {
	'use strict';

	var MOST = {waiting: 5, paused: 20, done: 8, failed: 50};

	function isSame(a, b) {
		return a.join() === b.join();
	}

	/* The part of `items` that has rows, in their order: of each kind MOST. */
	function choose(items) {
		var left = {}, last = [];
		function take(item) {
			left[item.kind] = (left[item.kind] || 0) + 1;
			return !MOST[item.kind] || left[item.kind] <= MOST[item.kind];
		}
		/* Of what has arrived, the newest. */
		items.slice().reverse().forEach(function (item) {
			if (item.kind === 'done' && take(item)) {
				last.push(item.id);
			}
		});
		return items.filter(function (item) {
			return item.kind === 'done' ? last.indexOf(item.id) >= 0 : take(item);
		});
	}

	/*
	 * `describe(item)` is {look, text, more, part (0 to 1), buttons: names}; `press(name, item)` is called
	 * for a button; `lost()`, where the focus was on what has gone.
	 */
	window.screenshareRows = function (list, files, describe, press, lost) {
		function make(item) {
			var row = files.make('li', 'file'), what = files.make('div', 'what');
			var track = files.make('div', 'track');
			item.row = row;
			row.item = item;
			item.parts = {text: files.make('span', 'about'), more: files.make('span', 'about'),
				buttons: files.make('span', 'buttons'), bar: files.make('div', 'bar'), names: []};
			what.appendChild(files.make('span', 'name', item.name));
			what.appendChild(item.parts.text);
			what.appendChild(item.parts.more);
			row.appendChild(what);
			row.appendChild(item.parts.buttons);
			track.appendChild(item.parts.bar);
			row.appendChild(track);
		}

		/* Whoever has pressed one goes on with the first that takes its place. */
		function setButtons(item, names) {
			var parts = item.parts, hadFocus = parts.buttons.contains(document.activeElement);
			if (isSame(names, parts.names)) {
				return;
			}
			parts.names = names;
			parts.buttons.innerHTML = '';
			names.forEach(function (name) {
				var button = files.make('button', 'small', files.word(name));
				button.type = 'button';
				button.onclick = function () {
					press(name, item);
				};
				parts.buttons.appendChild(button);
			});
			if (hadFocus && names.length > 0) {
				parts.buttons.firstChild.focus();
			} else if (hadFocus) {
				lost();
			}
		}

		function write(item) {
			var told = describe(item), parts = item.parts;
			item.row.className = 'file ' + told.look;
			parts.text.textContent = told.text;
			parts.more.textContent = told.more || '';
			parts.bar.style.width = 100 * told.part + '%';
			setButtons(item, told.buttons);
		}

		function remove(row) {
			if (row.contains(document.activeElement)) {
				lost();
			}
			row.item.row = null;
			list.removeChild(row);
		}

		/* Shows `first`, where it is one, and of the items what is to be seen of them. */
		return function (first, items) {
			var shown = (first ? [first] : []).concat(choose(items)), at;
			[].slice.call(list.children).forEach(function (row) {
				if (shown.indexOf(row.item) < 0) {
					remove(row);
				}
			});
			at = list.firstChild;
			shown.forEach(function (item) {
				if (item.row) {
					at = item.row.nextSibling;
				} else {
					make(item);
					list.insertBefore(item.row, at);
				}
				write(item);
			});
		};
	};
}());
