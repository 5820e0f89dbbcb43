/*
 * The page of the screen: a picture without end, that comes back by itself.  Plain ES5: no promise,
 * no fetch, works in Chrome 38.
 *
 * An <img> of multipart JPEG gives no event when its stream ends (measured in Chromium and Firefox),
 * so the server is asked: /alive?id=N, where N is the number that this page gave its connection.
 * When the stream is gone a second <img> connects under a new number, and takes the place of the
 * first on its load event: the last picture stays until there is a new one.
 */
(function () {
	'use strict';

	var POLL_MS = 2000;         /* between two questions to /alive */
	var POLL_TIMEOUT_MS = 4000;
	var CONNECT_MS = 4000;      /* a connection that is unknown to the server for so long has failed */
	var RETRY_MAX_MS = 4000;
	var HIDDEN_MS = 10000;      /* a page that nobody sees gives its stream back after so long */
	var CALM_MS = 3000;         /* pointer and buttons go after so long */
	var SLEEP_MS = 15000;       /* a timer that is so late has slept, and its connection is dead */
	var STUCK_POLLS = 3;

	var body = document.body;
	var stage = document.getElementById('stage');
	var notice = document.getElementById('notice');
	var full = document.getElementById('full');
	var back = document.getElementById('back');

	/* --- the picture --- */

	var shown = null;     /* the <img> that is seen */
	var coming = null;    /* the <img> that connects; it will be the one that is seen */
	var id = '';          /* of the newer of the two */
	var connectedAt = 0;
	var loads = 0;        /* load events of that connection: one in Chromium, one a frame in Firefox */
	var retryMs = 0;
	var retryTimer = null;
	var isAway = false;   /* hidden for so long that the stream was given back */

	function now() {
		return new Date().getTime();
	}

	function say(text) {
		if (text) {
			notice.textContent = text;
		}
		notice.className = text ? 'on' : '';
	}

	/* Up to 2^53, never 0: the server takes 64 bits, 0 is nobody. */
	function randomId() {
		return String(Math.floor(Math.random() * 9007199254740991) + 1);
	}

	/* Ends the connection of an <img>: taking it out of the page alone leaves it open. */
	function drop(image) {
		if (image) {
			image.onload = image.onerror = null;
			image.src = '';
			image.removeAttribute('src');
			if (image.parentNode) {
				image.parentNode.removeChild(image);
			}
		}
	}

	function onLoad() {
		loads++;
		if (this === coming) {
			drop(shown);
			shown = coming;
			coming = null;
			shown.className = 'picture';
			retryMs = 0;
			fit();
			say('');
		}
	}

	function onError() {
		if (this === coming || this === shown) {
			lost();
		}
	}

	function connect() {
		window.clearTimeout(retryTimer);
		retryTimer = null;
		drop(coming);
		id = randomId();
		loads = 0;
		stuckPolls = 0;
		connectedAt = now();
		coming = new Image();
		coming.className = 'picture coming';
		coming.alt = body.getAttribute('data-alt');
		coming.onload = onLoad;
		coming.onerror = onError;
		stage.appendChild(coming);
		coming.src = body.getAttribute('data-video') + '?id=' + id;
	}

	/* The stream is gone: again, at once the first time, then more slowly. */
	function lost() {
		if (retryTimer !== null || isAway) {
			return;
		}
		say(body.getAttribute(shown ? 'data-reconnecting' : 'data-connecting'));
		drop(coming);
		coming = null;
		id = '';
		retryTimer = window.setTimeout(connect, retryMs);
		retryMs = Math.min(retryMs + 500, RETRY_MAX_MS);
	}

	/* Without object-fit (Chrome < 31, Edge < 16, old televisions) the size is worked out here. */
	var needsFit = !('objectFit' in document.documentElement.style);

	function fit() {
		var w, h, scale;
		if (!needsFit || !shown || !shown.naturalWidth) {
			return;
		}
		scale = Math.min(window.innerWidth / shown.naturalWidth,
			window.innerHeight / shown.naturalHeight);
		w = Math.round(shown.naturalWidth * scale);
		h = Math.round(shown.naturalHeight * scale);
		shown.style.width = w + 'px';
		shown.style.height = h + 'px';
		shown.style.left = Math.floor((window.innerWidth - w) / 2) + 'px';
		shown.style.top = Math.floor((window.innerHeight - h) / 2) + 'px';
	}

	/* --- is it alive? --- */

	var polledAt = now();
	var polledFrames = 0, polledLoads = 0, stuckPolls = 0;

	/* Firefox tells of every frame: frames that were sent and never loaded are a stream that hangs. */
	function isStuck(answer) {
		if (loads > 1 && answer.frames > polledFrames && loads === polledLoads) {
			stuckPolls++;
		} else {
			stuckPolls = 0;
		}
		polledFrames = answer.frames;
		polledLoads = loads;
		return stuckPolls >= STUCK_POLLS;
	}

	function onAnswer(asked, answer) {
		if (asked !== id) {
			return;
		}
		if (!answer.alive) {
			if (shown && !coming || now() - connectedAt > CONNECT_MS) {
				lost();
			}
		} else if (isStuck(answer) || (shown && !coming && shown.naturalWidth === 0)) {
			lost();
		} else if (shown && !coming) {
			say('');
		}
	}

	function ask() {
		var asked = id, request = new XMLHttpRequest();
		request.open('GET', '/alive?id=' + asked);
		request.timeout = POLL_TIMEOUT_MS;
		request.onload = function () {
			var answer = null;
			try {
				answer = request.status === 200 ? JSON.parse(request.responseText) : null;
			} catch (ignore) {
				answer = null;
			}
			if (answer) {
				onAnswer(asked, answer);
			}
		};
		/* Nobody answers: the picture stays, the next questions find out when it is back. */
		request.onerror = request.ontimeout = function () {
			if (asked === id) {
				say(body.getAttribute(shown ? 'data-reconnecting' : 'data-connecting'));
			}
		};
		request.send();
	}

	function poll() {
		var late = now() - polledAt - POLL_MS;
		polledAt = now();
		if (isAway) {
			return;
		}
		if (late > SLEEP_MS) {
			connect();
		} else if (id !== '') {
			ask();
		}
	}

	/* --- a page that nobody sees --- */

	var hiddenTimer = null;

	function onVisibility() {
		window.clearTimeout(hiddenTimer);
		polledAt = now(); /* timers of hidden pages are late without having slept */
		if (document.hidden) {
			hiddenTimer = window.setTimeout(function () {
				isAway = true;
				window.clearTimeout(retryTimer);
				retryTimer = null;
				drop(coming);
				drop(shown);
				coming = shown = null;
				id = '';
			}, HIDDEN_MS);
		} else if (isAway) {
			isAway = false;
			retryMs = 0;
			connect();
		} else if (id !== '') {
			ask();
		}
	}

	/* --- buttons: there when somebody moves, gone when nobody does --- */

	var calmTimer = null;

	function calm() {
		if (document.activeElement === full || document.activeElement === back) {
			document.activeElement.blur(); /* or the next OK would press what is not seen */
		}
		body.className = 'screen calm';
	}

	function stir() {
		body.className = 'screen';
		window.clearTimeout(calmTimer);
		calmTimer = window.setTimeout(calm, CALM_MS);
	}

	function fullElement() {
		return document.fullscreenElement || document.webkitFullscreenElement ||
			document.webkitCurrentFullScreenElement || document.mozFullScreenElement ||
			document.msFullscreenElement;
	}

	function call(object, names) {
		var i;
		for (i = 0; i < names.length; i++) {
			if (object[names[i]]) {
				return object[names[i]]();
			}
		}
		return null;
	}

	function toggleFull() {
		var promise;
		if (fullElement()) {
			promise = call(document, ['exitFullscreen', 'webkitExitFullscreen',
				'webkitCancelFullScreen', 'mozCancelFullScreen', 'msExitFullscreen']);
		} else {
			promise = call(document.documentElement, ['requestFullscreen',
				'webkitRequestFullscreen', 'webkitRequestFullScreen',
				'mozRequestFullScreen', 'msRequestFullscreen']);
		}
		if (promise && promise['catch']) {
			promise['catch'](function () { return null; }); /* refused: it stays as it is */
		}
	}

	function onFullChange() {
		full.getElementsByTagName('span')[0].textContent =
			body.getAttribute(fullElement() ? 'data-leave' : 'data-fullscreen');
		fit();
	}

	function canBeFull() {
		return document.fullscreenEnabled || document.webkitFullscreenEnabled ||
			document.mozFullScreenEnabled || document.msFullscreenEnabled;
	}

	document.addEventListener('keydown', function (event) {
		var wasCalm = body.className !== 'screen';
		stir();
		if (event.altKey || event.ctrlKey || event.metaKey) {
			return;
		}
		if (event.keyCode === 70 && canBeFull()) { /* f */
			toggleFull();
			event.preventDefault();
		} else if (wasCalm && event.keyCode === 13) { /* OK only wakes the buttons */
			(canBeFull() ? full : back).focus();
			event.preventDefault();
		}
	});
	document.addEventListener('mousemove', stir);
	document.addEventListener('mousedown', stir);
	document.addEventListener('touchstart', stir);
	stage.addEventListener('dblclick', function () {
		if (canBeFull()) {
			toggleFull();
		}
	});
	document.addEventListener('fullscreenchange', onFullChange);
	document.addEventListener('webkitfullscreenchange', onFullChange);
	document.addEventListener('mozfullscreenchange', onFullChange);
	document.addEventListener('MSFullscreenChange', onFullChange);
	document.addEventListener('visibilitychange', onVisibility);
	window.addEventListener('resize', fit);
	window.addEventListener('online', poll);
	window.addEventListener('pageshow', function (event) {
		if (event.persisted) { /* back out of the browser's cache: its streams are not */
			connect();
		}
	});
	full.addEventListener('click', toggleFull);
	if (!canBeFull()) {
		full.className = 'hidden';
	}
	say(body.getAttribute('data-connecting'));
	stir();
	connect();
	window.setInterval(poll, POLL_MS);
}());
