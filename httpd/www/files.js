/*
 * The list of the shared files: live, to be searched and sorted.  Plain ES5.
 *
 *     GET /files?after=TAG ──waits──► what is there now ──► rows, LIST_STEP at a time
 *
 * Without this script the page has the files as rows from the server, a page of them at a time.
 */
(function () {
	'use strict';

	var LIST_STEP = 100, PREVIEW_MAX = 5000000, RETRY_MS = 3000;
	var CALM_MS = 250, CALM_BYTES = 200, CALM_MOST_MS = 15000;
	var section = document.getElementById('files'), list = document.getElementById('list');
	var now = null, tag = '', order = 'newest', search = '', shown = LIST_STEP;
	var filter, drawTimer = null;

	function word(name) {
		return section.getAttribute('data-' + name);
	}

	function make(tag_, className, text) {
		var element = document.createElement(tag_);
		if (className) {
			element.className = className;
		}
		if (text) {
			element.appendChild(document.createTextNode(text));
		}
		return element;
	}

	function url(route, name) {
		return route + name.split('/').map(encodeURIComponent).join('/');
	}

	function size(bytes) {
		var units = ['B', 'KB', 'MB', 'GB', 'TB'], n = 0;
		while (bytes >= 1000 && n < units.length - 1) {
			bytes /= 1000;
			n++;
		}
		return (n === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + ' ' + units[n];
	}

	function two(number) {
		return (number < 10 ? '0' : '') + number;
	}

	function moment(ms) {
		var d = new Date(ms);
		return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' +
			two(d.getHours()) + ':' + two(d.getMinutes());
	}

	/* done(status, text) */
	function ask(method, address, done) {
		var request = new XMLHttpRequest();
		request.open(method, address, true);
		request.onload = function () {
			done(request.status, request.responseText);
		};
		request.onerror = function () {
			done(0, '');
		};
		request.send();
	}

	function say(status, text) {
		if (status >= 400) {
			window.alert(text);
		}
	}

	/* --- rows --- */

	function may(right, file) {
		return now.may[right] === 'yes' || (now.may[right] === 'own' && file.owner && file.owner === now.you);
	}

	function button(name, act) {
		var element = make('button', 'small', word(name));
		element.type = 'button';
		element.onclick = act;
		return element;
	}

	function preview(file) {
		var picture = make('img', 'preview');
		picture.setAttribute('loading', 'lazy');
		picture.alt = '';
		picture.src = url('/uploads/', file.name);
		return picture;
	}

	function hasPreview(file) {
		return /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type) && file.size <= PREVIEW_MAX &&
			'loading' in HTMLImageElement.prototype;
	}

	function row(file) {
		var item = make('li', 'file'), what = make('div', 'what'), name = make('a', 'name', file.name), get;
		if (hasPreview(file)) {
			item.appendChild(preview(file));
		}
		name.href = url('/uploads/', file.name);
		what.appendChild(name);
		what.appendChild(make('span', 'about', size(file.size) + ' · ' + moment(file.modified) +
			(file.sender ? ' · ' + file.sender : '')));
		item.setAttribute('data-name', file.name);
		item.appendChild(what);
		if (may('rename', file)) {
			item.appendChild(button('rename', function () {
				var to = window.prompt(word('rename-ask'), file.name);
				if (to && to !== file.name) {
					ask('POST', url('/uploads/', file.name) + '?rename=' + encodeURIComponent(to), say);
				}
			}));
		}
		if (may('delete', file)) {
			item.appendChild(button('delete', function () {
				if (window.confirm(word('delete-ask') + '\n' + file.name)) {
					ask('DELETE', url('/uploads/', file.name), say);
				}
			}));
		}
		get = make('a', 'get', word('download'));
		get.href = url('/download/', file.name);
		item.appendChild(get);
		if (file.sha256) {
			item.title = 'SHA-256 ' + file.sha256;
		}
		return item;
	}

	var ORDERS = {
		newest: function (a, b) { return b.modified - a.modified; },
		'by-name': function (a, b) { return a.name < b.name ? -1 : a.name > b.name ? 1 : 0; },
		'by-size': function (a, b) { return b.size - a.size; },
		'by-sender': function (a, b) {
			var x = a.sender || '', y = b.sender || '';
			return x < y ? -1 : x > y ? 1 : b.modified - a.modified;
		}
	};

	/* A Mac writes an ü as two characters, who searches for it as one. */
	function plain(text) {
		text = text.toLowerCase();
		return text.normalize ? text.normalize('NFC') : text;
	}

	function chosen() {
		var wanted = plain(search);
		return now.files.filter(function (file) {
			return wanted === '' || plain(file.name).indexOf(wanted) >= 0 ||
				(file.sender && plain(file.sender).indexOf(wanted) >= 0);
		}).sort(ORDERS[order]);
	}

	/* --- the focus: a list that is drawn anew must not lose it, or a remote control is lost --- */

	function focusIn() {
		var here = document.activeElement, item = here;
		while (item && item.parentNode !== list) {
			item = item.parentNode;
		}
		return item && {name: item.getAttribute('data-name'), row: [].indexOf.call(list.children, item),
			control: [].indexOf.call(item.querySelectorAll('a, button'), here)};
	}

	/* On the same control of the same file; or, where it is gone, of what is in its place. */
	function focusAgain(was) {
		var items = list.children, row = items[Math.min(was.row, items.length - 1)], i, controls;
		for (i = 0; i < items.length; i++) {
			if (was.name !== null && items[i].getAttribute('data-name') === was.name) {
				row = items[i];
			}
		}
		controls = row.querySelectorAll('a, button');
		(controls[Math.min(was.control, controls.length - 1)] || filter).focus();
	}

	/* The list ends with a way to the rest of it. */
	function more() {
		var item = make('li', 'more');
		item.appendChild(button('more', function () {
			shown += LIST_STEP;
			draw();
		}));
		return item;
	}

	function draw() {
		var rows = document.createDocumentFragment(), files = chosen(), was = focusIn(), i;
		drawTimer = null;
		for (i = 0; i < files.length && i < shown; i++) {
			rows.appendChild(row(files[i]));
		}
		if (files.length === 0) {
			rows.appendChild(make('li', 'none', word('none')));
		}
		if (files.length > shown) {
			rows.appendChild(more());
		}
		list.innerHTML = '';
		list.appendChild(rows);
		if (was) {
			focusAgain(was);
		}
		document.getElementById('all').style.display = now.files.length > 0 ? '' : 'none';
		document.getElementById('tools').style.display = now.files.length > 1 ? '' : 'none';
		document.getElementById('pages').style.display = 'none';
	}

	/* Many files that arrive together are one change to who looks. */
	function drawSoon() {
		if (drawTimer === null) {
			drawTimer = setTimeout(draw, 50);
		}
	}

	function makeTools() {
		var tools = document.getElementById('tools'), choice = make('select', 'field'), key, option;
		filter = make('input', 'field');
		filter.type = 'search';
		filter.placeholder = word('filter');
		filter.setAttribute('aria-label', word('filter'));
		filter.oninput = function () {
			search = filter.value;
			shown = LIST_STEP;
			drawSoon();
		};
		for (key in ORDERS) {
			if (ORDERS.hasOwnProperty(key)) {
				option = make('option', '', word(key));
				option.value = key;
				choice.appendChild(option);
			}
		}
		choice.onchange = function () {
			order = choice.value;
			draw();
		};
		tools.className = 'line';
		tools.style.display = 'none';
		tools.appendChild(filter);
		tools.appendChild(choice);
	}

	/* --- news --- */

	function follow() {
		ask('GET', '/files' + (tag ? '?after=' + encodeURIComponent(tag) : ''), function (status, text) {
			if (status === 200) {
				now = JSON.parse(text);
				tag = now.tag;
				drawSoon();
			}
			/* While much happens a long list is not fetched at each step of it: the Wi-Fi is shared. */
			setTimeout(follow, status === 200 ? Math.min(CALM_MS + text.length / CALM_BYTES, CALM_MOST_MS) :
				status === 304 ? 0 : RETRY_MS); /* 304: nothing has happened for a while */
		});
	}

	if (!window.XMLHttpRequest || !Array.prototype.map || / off$/.test(section.className)) {
		return;
	}
	window.screenshareFiles = {word: word, make: make, size: size};
	makeTools();
	follow();
}());
