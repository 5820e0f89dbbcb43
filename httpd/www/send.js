/*
 * Sends files by tus, so that each survives a closed lid, a reload and another network.  Plain ES5.
 *
 *     chosen, dropped (folders too), pasted ──► queue ──► tus-js-client, AT_ONCE of them ──► arrived
 *                                                 └──► hash_worker ──same?──► verified
 *
 * The page shows the queue anew every DRAW_MS (rows.js), however much happens meanwhile: thousands
 * of small files are dropped as one folder.
 * Where anything is missing that this needs, the page's form sends them as browsers always have.
 */
(function () {
	'use strict';

	/* Small files go in one request each, more of them at once: a folder of code is hundreds. */
	var SMALL = 1000000, AT_ONCE = 2, SMALL_AT_ONCE = 4, SPEED_MS = 4000, DRAW_MS = 100;
	var RETRIES = [0, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 60000, 60000, 60000, 60000];
	var BUTTONS = {waiting: ['pause', 'cancel'], sending: ['pause', 'cancel'], paused: ['resume', 'cancel'],
		failed: ['retry', 'cancel'], unreadable: ['cancel'], done: ['clear']};
	var files = window.screenshareFiles, script = document.getElementById('send-script');
	var form = document.getElementById('send'), pick = document.getElementById('pick');
	var sender = document.getElementById('sender'), list = document.getElementById('sending');
	var items = [], byId = {}, lastId = 0, nSending = 0, hasher = null, show, total, drawTimer = null;
	/* Uploads of this page: a file that looks like another one from outside must not go on with its. */
	var taken = {};
	/* The first answer brings the cookie by which all of them are one sender's. */
	var isKnown = false;

	/* --- what is said of a file, and of all --- */

	function hexOf(digest) {
		var match = /sha-256=:([A-Za-z0-9+\/=]+):/.exec(digest || ''), hex = '', bytes, i;
		bytes = match ? window.atob(match[1]) : '';
		for (i = 0; i < bytes.length; i++) {
			hex += ('0' + bytes.charCodeAt(i).toString(16)).slice(-2);
		}
		return hex;
	}

	function duration(seconds) {
		seconds = Math.max(1, Math.round(seconds));
		return seconds < 90 ? seconds + ' s' : seconds < 5400 ? Math.round(seconds / 60) + ' min' :
			(seconds / 3600).toFixed(1) + ' h';
	}

	/* Bytes a second over the last seconds. */
	function speed(item) {
		var now = Date.now(), first;
		item.past.push({at: now, sent: item.sent});
		while (item.past.length > 2 && now - item.past[0].at > SPEED_MS) {
			item.past.shift();
		}
		first = item.past[0];
		return now - first.at > 300 ? (item.sent - first.sent) * 1000 / (now - first.at) : 0;
	}

	function progressText(item) {
		var rate = speed(item), text = item.size > 0 ? Math.floor(100 * item.sent / item.size) + ' %' : '';
		if (rate > 0) {
			text += ' · ' + files.size(rate) + '/s · ' + duration((item.size - item.sent) / rate) + ' ' +
				files.word('left');
		}
		return text;
	}

	/* How one that has arrived is called: 'arrived', 'verified', 'different'. */
	function verdict(item) {
		return !item.digest || !item.hash ? 'arrived' : item.digest === item.hash ? 'verified' : 'different';
	}

	function describeFile(item) {
		var told = {look: '', text: files.word(item.phase), buttons: BUTTONS[item.phase],
			part: item.size > 0 ? item.sent / item.size : item.phase === 'done' ? 1 : 0};
		if (item.phase === 'sending') {
			told.text = progressText(item);
		} else if (item.phase === 'failed' || item.phase === 'unreadable') {
			told.look = 'failed';
			told.text = item.why;
		} else if (item.phase === 'done') {
			told.look = {arrived: 'done', verified: 'done verified', different: 'failed'}[verdict(item)];
			told.text = files.word(verdict(item));
			told.buttons = items.length > 1 ? [] : BUTTONS.done; /* else in the row of all */
		}
		return told;
	}

	/* How many of what has no row of its own: "arrived, verified: 1204 · waiting: 780". */
	function countsText(counts) {
		return ['verified', 'arrived', 'different', 'waiting', 'failed'].filter(function (name) {
			return counts[name] > 0;
		}).map(function (name) {
			return files.word(name) + ': ' + counts[name];
		}).join(' · ');
	}

	function describeTotal() {
		var can = total.counts, buttons = [];
		if (total.open > 1) {
			buttons = [can.sending + can.waiting > 0 ? 'pause' : '', can.paused > 0 ? 'resume' : '',
				can.failed > 0 ? 'retry' : '', 'cancel'].filter(Boolean);
		}
		if (total.going === 0 && total.finished > 0) {
			buttons.push('clear');
		}
		return {look: 'total', text: total.going > 0 ? progressText(total) : '', buttons: buttons,
			more: total.isLong ? countsText(can) : '', part: total.size > 0 ? total.sent / total.size : 1};
	}

	function describe(item) {
		return item === total ? describeTotal() : describeFile(item);
	}

	function count() {
		var counts = {waiting: 0, sending: 0, paused: 0, failed: 0, verified: 0, arrived: 0, different: 0};
		total.sent = total.size = 0;
		items.forEach(function (item) {
			var name = item.phase === 'done' ? verdict(item) : item.phase === 'unreadable' ? 'failed' : item.phase;
			counts[name]++;
			item.kind = name === 'verified' || name === 'arrived' ? 'done' : name === 'different' ? 'failed' : name;
			if (name !== 'failed') {
				total.sent += item.sent;
				total.size += item.size;
			}
		});
		total.counts = counts;
		total.going = counts.waiting + counts.sending + counts.paused;
		total.open = total.going + counts.failed;
		total.finished = counts.verified + counts.arrived + counts.different;
		total.isLong = items.length > 5; /* some may have no row */
	}

	function draw() {
		clearTimeout(drawTimer);
		drawTimer = null;
		count();
		show(items.length > 1 && (total.going > 0 || total.isLong || total.finished > 0) ? total : null, items);
	}

	function drawSoon() {
		if (drawTimer === null) {
			drawTimer = setTimeout(draw, DRAW_MS);
		}
	}

	/* --- one file --- */

	function enter(item, phase) {
		nSending += (phase === 'sending' ? 1 : 0) - (item.phase === 'sending' ? 1 : 0);
		item.phase = phase;
		drawSoon();
	}

	function onSuccess(item) {
		item.sent = item.size;
		item.upload = item.file = null; /* of thousands, they would be kept for nothing */
		enter(item, 'done');
		next();
	}

	function onError(item, error) {
		var answer = error.originalResponse;
		item.why = answer && answer.getBody() ? answer.getBody() : files.word('failed');
		enter(item, 'failed');
		next();
	}

	/* What the server will say again, it need not be asked. */
	function shouldRetry(error) {
		var status = error.originalResponse ? error.originalResponse.getStatus() : 0;
		return status !== 507 && (status < 400 || status >= 500 || status === 409 || status === 423 ||
			status === 404 || status === 408);
	}

	/* By which the server knows a creation that it has answered, but nobody heard it: not two files. */
	function makeKey() {
		var bytes, key = '', i;
		if (!window.crypto || !window.crypto.getRandomValues) {
			return '';
		}
		bytes = window.crypto.getRandomValues(new Uint8Array(16));
		for (i = 0; i < bytes.length; i++) {
			key += ('0' + bytes[i].toString(16)).slice(-2);
		}
		return key;
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
			uploadDataDuringCreation: item.size <= SMALL,
			fingerprint: function (file, options) {
				return Promise.resolve(['screenshare', item.path || file.name, file.type, file.size,
					file.lastModified, options.endpoint].join('-'));
			},
			onUploadUrlAvailable: function () {
				taken[item.upload.url] = item.id;
			},
			onShouldRetry: shouldRetry,
			onBeforeRequest: function (request) {
				if (request.getMethod() === 'POST' && item.key) {
					request.setHeader('Upload-Key', item.key);
				}
			},
			onProgress: function (sent) {
				item.sent = sent;
				drawSoon();
			},
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
		item.past = [];
		enter(item, 'sending');
		item.upload = item.upload || makeUpload(item);
		if (item.upload.url) {
			item.upload.start();
			return;
		}
		/* Chosen again after a reload: it goes on where it was. */
		item.upload.findPreviousUploads().then(function (found) {
			found = found.filter(function (one) {
				return !taken[one.uploadUrl];
			});
			if (item.phase === 'sending' && found.length > 0) {
				taken[found[0].uploadUrl] = item.id;
				item.upload.resumeFromPreviousUpload(found[0]);
			}
			begin(item);
		}, function () {
			begin(item);
		});
	}

	function next() {
		var i, item;
		for (i = 0; i < items.length && nSending < SMALL_AT_ONCE; i++) {
			item = items[i];
			if (item.phase === 'waiting' && nSending < (!isKnown ? 1 : item.size <= SMALL ? SMALL_AT_ONCE : AT_ONCE)) {
				start(item);
			}
		}
	}

	var ACTIONS = {
		pause: function (item) {
			enter(item, 'paused');
			if (item.upload) {
				item.upload.abort();
			}
		},
		resume: function (item) {
			enter(item, 'waiting');
		},
		retry: function (item) {
			enter(item, 'waiting');
		},
		cancel: function (item) {
			enter(item, 'gone');
			if (item.upload) {
				item.upload.abort(true).then(null, function () {});
			}
		},
		/* What is said of it has been read; the file stays. */
		clear: function (item) {
			enter(item, 'gone');
		}
	};

	/* To one, or to all that have this button. */
	function press(name, item) {
		if (item === total && name === 'cancel' && !window.confirm(files.word('cancel-ask'))) {
			return;
		}
		items.filter(function (one) {
			return item === total ? BUTTONS[one.phase].indexOf(name) >= 0 : one === item;
		}).forEach(function (one) {
			ACTIONS[name](one);
		});
		items = items.filter(function (one) {
			if (one.phase === 'gone') {
				delete byId[one.id];
			}
			return one.phase !== 'gone';
		});
		next();
		draw();
	}

	/* --- hashes --- */

	function startHasher() {
		if (!window.Worker || !window.WebAssembly) {
			return;
		}
		hasher = new Worker(script.getAttribute('data-worker') + '&hash=' +
			encodeURIComponent(script.getAttribute('data-hash')));
		hasher.onmessage = function (event) {
			if (byId[event.data.id]) {
				byId[event.data.id].hash = event.data.hash;
				drawSoon();
			}
		};
		hasher.onerror = function () {
			hasher = null;
		};
	}

	/* --- the queue --- */

	function enqueue(name, file, path) {
		var item = {id: ++lastId, name: name, file: file, path: path, phase: 'waiting', sent: 0,
			size: file ? file.size : 0, past: [], upload: null, key: makeKey(), digest: '', hash: '', why: '', row: null};
		items.push(item);
		byId[item.id] = item;
		drawSoon();
		return item;
	}

	function add(file, path) {
		var item = enqueue(path || file.name, file, path);
		if (hasher) {
			hasher.postMessage({id: item.id, file: file});
		}
	}

	/* Nobody shall believe that all of a folder has arrived. */
	function addUnreadable(entry, error) {
		var item = enqueue(entry.fullPath.replace(/^\//, ''), null, '');
		item.why = files.word('failed') + (error && error.message ? ': ' + error.message : '');
		item.phase = 'unreadable';
	}

	function addAll(all) {
		var i;
		for (i = 0; i < all.length; i++) {
			add(all[i], all[i].webkitRelativePath || '');
		}
		next();
	}

	/* A folder is read in parts, until there is none left. */
	function addEntry(entry) {
		var reader;
		function unreadable(error) {
			addUnreadable(entry, error);
		}
		function more() {
			reader.readEntries(function (entries) {
				entries.forEach(addEntry);
				if (entries.length > 0) {
					more();
				}
			}, unreadable);
		}
		if (entry.isFile) {
			entry.file(function (file) {
				add(file, entry.fullPath.split('/').length > 2 ? entry.fullPath.replace(/^\//, '') : '');
				next();
			}, unreadable);
		} else if (entry.isDirectory) {
			reader = entry.createReader();
			more();
		}
	}

	function onDrop(event) {
		var dropped = event.dataTransfer.items, entries = [], i, entry;
		event.preventDefault();
		document.body.className = 'site';
		for (i = 0; dropped && i < dropped.length; i++) {
			entry = dropped[i].webkitGetAsEntry && dropped[i].webkitGetAsEntry();
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
	total = {name: files.word('together'), past: [], row: null};
	show = window.screenshareRows(list, files, describe, press, function () {
		pick.focus();
	});
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
