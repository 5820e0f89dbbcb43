/*
 * Sends files by tus, so that each survives a closed lid, a reload and another network.  Plain ES5.
 *
 *     chosen, dropped (folders too), pasted ──► queue ──► tus-js-client, AT_ONCE of them ──► arrived
 *                                                 └──► hash_worker ──same?──► verified
 *
 * Where anything is missing that this needs, the page's form sends them as browsers always have.
 */
(function () {
	'use strict';

	/* Small files go in one request each, more of them at once: a folder of code is hundreds. */
	var SMALL = 1000000, AT_ONCE = 2, SMALL_AT_ONCE = 4, SPEED_MS = 4000;
	var RETRIES = [0, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 60000, 60000, 60000, 60000];
	var files = window.screenshareFiles, script = document.getElementById('send-script');
	var form = document.getElementById('send'), pick = document.getElementById('pick');
	var sender = document.getElementById('sender'), rows = document.getElementById('sending');
	var items = [], lastId = 0, hasher = null, total = null;
	/* The first answer brings the cookie by which all of them are one sender's. */
	var isKnown = false;

	/* --- one file --- */

	function hexOf(digest) {
		var match = /sha-256=:([A-Za-z0-9+\/=]+):/.exec(digest || ''), hex = '', bytes, i;
		bytes = match ? window.atob(match[1]) : '';
		for (i = 0; i < bytes.length; i++) {
			hex += ('0' + bytes.charCodeAt(i).toString(16)).slice(-2);
		}
		return hex;
	}

	function say(item, text) {
		item.state.textContent = text;
	}

	/* Whoever has pressed one goes on with the first that takes its place. */
	function setButtons(item, names) {
		var hadFocus = item.buttons.contains(document.activeElement);
		item.buttons.innerHTML = '';
		names.forEach(function (name) {
			var button = files.make('button', 'small', files.word(name));
			button.type = 'button';
			button.onclick = function () {
				ACTIONS[name](item);
			};
			item.buttons.appendChild(button);
		});
		if (hadFocus) {
			(item.buttons.firstChild || pick).focus();
		}
	}

	function duration(seconds) {
		seconds = Math.max(1, Math.round(seconds));
		return seconds < 90 ? seconds + ' s' : seconds < 5400 ? Math.round(seconds / 60) + ' min' :
			(seconds / 3600).toFixed(1) + ' h';
	}

	/* Bytes a second over the last seconds. */
	function speed(item, sent) {
		var now = Date.now(), first;
		item.past.push({at: now, sent: sent});
		while (item.past.length > 2 && now - item.past[0].at > SPEED_MS) {
			item.past.shift();
		}
		first = item.past[0];
		return now - first.at > 300 ? (sent - first.sent) * 1000 / (now - first.at) : 0;
	}

	function progressText(item, sent, size) {
		var rate = speed(item, sent), text = size > 0 ? Math.floor(100 * sent / size) + ' %' : '';
		if (rate > 0) {
			text += ' · ' + files.size(rate) + '/s · ' + duration((size - sent) / rate) + ' ' +
				files.word('left');
		}
		return text;
	}

	function showTotal() {
		var sent = 0, size = 0, n = 0;
		items.forEach(function (item) {
			if (item.phase !== 'failed') {
				sent += item.sent;
				size += item.file.size;
				n += item.phase === 'done' ? 0 : 1;
			}
		});
		total.row.style.display = items.length > 1 && n > 0 ? '' : 'none';
		total.bar.style.width = (size > 0 ? 100 * sent / size : 0) + '%';
		say(total, progressText(total, sent, size));
	}

	function showEnd(item) {
		if (item.digest && item.hash) {
			item.row.className = item.digest === item.hash ? 'file done verified' : 'file failed';
			say(item, files.word(item.digest === item.hash ? 'verified' : 'different'));
		} else {
			item.row.className = 'file done';
			say(item, files.word('arrived'));
		}
	}

	function onProgress(item, sent) {
		item.sent = sent;
		item.bar.style.width = (item.file.size > 0 ? 100 * sent / item.file.size : 100) + '%';
		say(item, progressText(item, sent, item.file.size));
		showTotal();
	}

	function onSuccess(item) {
		item.phase = 'done';
		item.sent = item.file.size;
		setButtons(item, []);
		showEnd(item);
		next();
	}

	function onError(item, error) {
		var answer = error.originalResponse;
		item.phase = 'failed';
		item.row.className = 'file failed';
		setButtons(item, ['retry', 'cancel']);
		say(item, answer && answer.getBody() ? answer.getBody() : files.word('failed'));
		next();
	}

	/* What the server will say again, it need not be asked. */
	function shouldRetry(error) {
		var status = error.originalResponse ? error.originalResponse.getStatus() : 0;
		return status !== 507 && (status < 400 || status >= 500 || status === 409 || status === 423 ||
			status === 404 || status === 408);
	}

	function makeUpload(item) {
		var metadata = {filename: item.file.name, filetype: item.file.type || ''};
		if (item.path) {
			metadata.relativePath = item.path;
		}
		if (sender.value) {
			metadata.sender = sender.value;
		}
		return new window.tus.Upload(item.file, {
			endpoint: '/tus/',
			retryDelays: RETRIES,
			metadata: metadata,
			removeFingerprintOnSuccess: true,
			uploadDataDuringCreation: item.file.size <= SMALL,
			onShouldRetry: shouldRetry,
			onProgress: function (sent) { onProgress(item, sent); },
			onAfterResponse: function (request, response) {
				if (!isKnown) {
					isKnown = true;
					next();
				}
				item.digest = hexOf(response.getHeader('Repr-Digest')) || item.digest;
			},
			onSuccess: function () { onSuccess(item); },
			onError: function (error) { onError(item, error); }
		});
	}

	/* Unless it was paused or cancelled while we looked for what there is of it. */
	function begin(item) {
		if (item.phase === 'sending') {
			item.upload.start();
		}
	}

	function start(item) {
		item.phase = 'sending';
		item.past = [];
		item.row.className = 'file';
		setButtons(item, ['pause', 'cancel']);
		item.upload = item.upload || makeUpload(item);
		if (item.upload.url) {
			item.upload.start();
			return;
		}
		/* Chosen again after a reload: it goes on where it was. */
		item.upload.findPreviousUploads().then(function (found) {
			if (item.phase === 'sending' && found.length > 0) {
				item.upload.resumeFromPreviousUpload(found[0]);
			}
			begin(item);
		}, function () {
			begin(item);
		});
	}

	function next() {
		var n = 0;
		showTotal();
		items.forEach(function (item) {
			n += item.phase === 'sending' ? 1 : 0;
		});
		items.forEach(function (item) {
			var most = !isKnown ? 1 : item.file.size <= SMALL ? SMALL_AT_ONCE : AT_ONCE;
			if (item.phase === 'waiting' && n < most) {
				n++;
				start(item);
			}
		});
	}

	function remove(item) {
		if (item.row.contains(document.activeElement)) {
			pick.focus();
		}
		rows.removeChild(item.row);
		items.splice(items.indexOf(item), 1);
		next();
	}

	var ACTIONS = {
		pause: function (item) {
			item.phase = 'paused';
			if (item.upload) {
				item.upload.abort();
			}
			setButtons(item, ['resume', 'cancel']);
			say(item, files.word('paused'));
			next();
		},
		resume: function (item) {
			item.phase = 'waiting';
			setButtons(item, ['pause', 'cancel']);
			say(item, files.word('waiting'));
			next();
		},
		retry: function (item) {
			ACTIONS.resume(item);
		},
		cancel: function (item) {
			item.phase = 'cancelled';
			if (item.upload) {
				item.upload.abort(true).then(null, function () {});
			}
			remove(item);
		}
	};

	/* --- hashes --- */

	function startHasher() {
		if (!window.Worker || !window.WebAssembly) {
			return;
		}
		hasher = new Worker(script.getAttribute('data-worker') + '&hash=' +
			encodeURIComponent(script.getAttribute('data-hash')));
		hasher.onmessage = function (event) {
			items.forEach(function (item) {
				if (item.id === event.data.id) {
					item.hash = event.data.hash;
					if (item.phase === 'done') {
						showEnd(item);
					}
				}
			});
		};
		hasher.onerror = function () {
			hasher = null;
		};
	}

	/* --- the queue --- */

	function makeRow(item, name) {
		var track = files.make('div', 'track'), what = files.make('div', 'what');
		item.row = files.make('li', 'file');
		item.bar = files.make('div', 'bar');
		item.state = files.make('span', 'about', files.word('waiting'));
		item.buttons = files.make('span', 'buttons');
		what.appendChild(files.make('span', 'name', name));
		what.appendChild(item.state);
		item.row.appendChild(what);
		item.row.appendChild(item.buttons);
		track.appendChild(item.bar);
		item.row.appendChild(track);
		rows.appendChild(item.row);
	}

	function add(file, path) {
		var item = {id: ++lastId, file: file, path: path, phase: 'waiting', sent: 0,
			past: [], upload: null, digest: '', hash: ''};
		makeRow(item, path || file.name);
		setButtons(item, ['pause', 'cancel']);
		items.push(item);
		if (hasher) {
			hasher.postMessage({id: item.id, file: file});
		}
	}

	function addAll(list) {
		var i;
		for (i = 0; i < list.length; i++) {
			add(list[i], list[i].webkitRelativePath || '');
		}
		next();
	}

	/* A folder is read in parts, until there is none left. */
	function addEntry(entry) {
		var reader;
		function more() {
			reader.readEntries(function (entries) {
				entries.forEach(addEntry);
				if (entries.length > 0) {
					more();
				}
			}, function () {});
		}
		if (entry.isFile) {
			entry.file(function (file) {
				add(file, entry.fullPath.split('/').length > 2 ? entry.fullPath.replace(/^\//, '') : '');
				next();
			}, function () {});
		} else if (entry.isDirectory) {
			reader = entry.createReader();
			more();
		}
	}

	function onDrop(event) {
		var list = event.dataTransfer.items, entries = [], i, entry;
		event.preventDefault();
		document.body.className = 'site';
		for (i = 0; list && i < list.length; i++) {
			entry = list[i].webkitGetAsEntry && list[i].webkitGetAsEntry();
			if (entry) {
				entries.push(entry);
			}
		}
		if (entries.length > 0) {
			entries.forEach(addEntry);
		} else {
			addAll(event.dataTransfer.files);
		}
	}

	function onPaste(event) {
		if (event.clipboardData && event.clipboardData.files.length > 0) {
			event.preventDefault();
			addAll(event.clipboardData.files);
		}
	}

	function remember() {
		try {
			sender.value = window.localStorage.getItem('sender') || '';
			sender.onchange = function () {
				window.localStorage.setItem('sender', sender.value);
			};
		} catch (ignore) {
			/* It is asked for again, then. */
		}
	}

	if (!files || / hidden$/.test(form.className) || !window.tus || !window.tus.isSupported || !window.Promise) {
		return;
	}
	total = {past: []};
	makeRow(total, files.word('together'));
	total.row.className = 'file total';
	total.row.style.display = 'none';
	startHasher();
	remember();
	document.getElementById('submit').style.display = 'none';
	form.onsubmit = function () {
		return false;
	};
	pick.onchange = function () {
		addAll(pick.files);
		pick.value = '';
	};
	document.addEventListener('dragover', function (event) {
		event.preventDefault();
		document.body.className = 'site dropping';
	});
	document.addEventListener('dragleave', function () {
		document.body.className = 'site';
	});
	document.addEventListener('drop', onDrop);
	document.addEventListener('paste', onPaste);
	window.addEventListener('beforeunload', function (event) {
		if (items.some(function (item) { return item.phase === 'sending' || item.phase === 'waiting'; })) {
			event.preventDefault();
			event.returnValue = '';
		}
	});
}());
