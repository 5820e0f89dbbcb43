/*
 * Asks the server by XMLHttpRequest, which works everywhere, whether it is there, and whether it
 * still sends on the connection that this page has given a number: an <img> or <audio> tells neither.
 */
(function (screenshare) {
	'use strict';

	var TIMEOUT_MS = 4000;

	/* Up to 2^53, never 0: the server takes 64 bits, 0 is nobody. */
	screenshare.randomId = function () {
		return String(Math.floor(Math.random() * 9007199254740991) + 1);
	};

	/* onAnswer(answer) once: {alive, last_sent_ms, frames, waiting}; null: no server answers. */
	screenshare.ask = function (id, onAnswer) {
		var request = new XMLHttpRequest();
		request.open('GET', '/alive?id=' + id);
		request.timeout = TIMEOUT_MS;
		request.onload = function () {
			var answer = null;
			try {
				answer = request.status === 200 ? JSON.parse(request.responseText) : null;
			} catch (ignore) {
				answer = null;
			}
			onAnswer(answer);
		};
		request.onerror = request.ontimeout = function () {
			onAnswer(null);
		};
		request.send();
	};
}(window.screenshare = window.screenshare || {}));
