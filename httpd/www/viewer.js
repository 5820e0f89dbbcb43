/*
 * The viewer's page: chooses the best tier that this browser has, and the next one when that does not
 * work; ?tier=socket, image or still forces one.
 *
 *     socket (WebSocket, canvas, Web Audio) ──► image (<img>, <audio>) ──► still (polled JPEG)
 *
 * It gives the stream back when nobody has seen the page for a while, and keeps what is chosen.
 * screenshare.stats() tells how it goes, to tests and to the curious.
 */
(function (screenshare) {
	'use strict';

	var HIDDEN_MS = 10000;
	var AGAIN_MS = 4000; /* a tier that was forced, and does not work */

	var body = document.body;
	var tiers = [screenshare.TierSocket, screenshare.TierImage, screenshare.TierStill];
	var settings = {};
	var stage, controls, tier = null, level = 0, isForced = false, isResting = false;
	var isSoundOn = false, mode = 'live', fallBacks = 0;

	function fill() {
		var names = ['source', 'alt', 'video', 'still', 'audio', 'opus', 'name'], i;
		for (i = 0; i < names.length; i++) {
			settings[names[i]] = body.getAttribute('data-' + names[i]);
		}
		settings.name = nameQuery(settings.name || recall('sender')); /* as the start page has it */
	}

	/* What this viewer is called, to whoever sits at the computer; a name may be no text at all. */
	function nameQuery(name) {
		try {
			return name ? '&name=' + encodeURIComponent(name) : '';
		} catch (ignore) {
			return '';
		}
	}

	/* --- what is remembered (a browser may forbid even to look) --- */

	function key() {
		return 'screenshare.mode.' + settings.source;
	}

	function recall(name) {
		try {
			return window.localStorage.getItem(name);
		} catch (ignore) {
			return null;
		}
	}

	function recallMode() {
		var kept = recall(key());
		return kept === 'live' || kept === 'smooth' ? kept :
			settings.source === 'camera' ? 'smooth' : 'live';
	}

	function keepMode() {
		try {
			window.localStorage.setItem(key(), mode);
		} catch (ignore) {
			return; /* then it is asked for anew */
		}
	}

	/* --- the tier --- */

	/* The page's own sentence for a state that it knows, in its language; else the server's. */
	function words(state, text) {
		if (!isSoundOn || state === 'live' || state === 'starting') {
			controls.say('');
		} else {
			controls.say(body.getAttribute('data-sound-' + state) || text);
		}
	}

	function begin() {
		var Tier = tiers[level];
		tier = new Tier(settings, stage, {
			broken: function () {
				fallBack();
			},
			words: words
		});
		tier.setMode(mode);
		if (tier.hasModes()) {
			controls.showMode(mode);
		} else {
			controls.hideMode();
		}
		tier.start();
		if (isSoundOn) {
			tier.turnSound(true);
		}
	}

	function fallBack() {
		tier.stop();
		if (isForced || level + 1 === tiers.length) {
			window.setTimeout(begin, AGAIN_MS);
			return;
		}
		level++;
		fallBacks++;
		controls.say('');
		begin();
	}

	function choose() {
		var asked = /[?&]tier=(socket|image|still)(?:&|$)/.exec(location.search), i;
		for (i = 0; asked && i < tiers.length; i++) {
			if (tiers[i].prototype.name === asked[1]) {
				level = i;
				isForced = true;
			}
		}
		while (!tiers[level].isPossible()) {
			level++;
			isForced = false;
		}
	}

	/* --- a page that nobody sees --- */

	var hiddenTimer = null;

	function onVisibility() {
		window.clearTimeout(hiddenTimer);
		if (document.hidden) {
			hiddenTimer = window.setTimeout(function () {
				isResting = true;
				tier.rest();
			}, HIDDEN_MS);
		} else if (isResting) {
			isResting = false;
			tier.wake();
		} else {
			tier.hurry();
		}
	}

	fill();
	stage = new screenshare.Stage(document.getElementById('stage'), document.getElementById('notice'), {
		connecting: body.getAttribute('data-connecting'),
		reconnecting: body.getAttribute('data-reconnecting')
	});
	controls = new screenshare.Controls({
		sound: function (isOn) {
			isSoundOn = isOn;
			tier.turnSound(isOn);
		},
		mode: function (chosen) {
			mode = chosen;
			keepMode();
			tier.setMode(mode);
		}
	});
	if (!screenshare.Sound.isPossible() && !screenshare.Wav.isPossible()) {
		controls.hideSound();
	}
	mode = recallMode();
	choose();
	begin();
	document.addEventListener('visibilitychange', onVisibility);
	window.addEventListener('online', function () {
		if (!isResting) {
			tier.hurry();
		}
	});
	window.addEventListener('pageshow', function (event) {
		if (event.persisted) { /* back out of the browser's cache: its streams are not */
			tier.rest();
			tier.wake();
		}
	});

	screenshare.stats = function () {
		var stats = tier.stats();
		stats.isSoundOn = isSoundOn;
		stats.fallBacks = fallBacks;
		return stats;
	};
}(window.screenshare = window.screenshare || {}));
