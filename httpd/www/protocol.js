/*
 * What comes over the WebSocket, read: the head of 24 bytes before each picture and sound
 * (doc/protocol.md).  Pure.  Plain ES5, as all scripts here: they run in Chrome 38.
 */
(function (screenshare) {
	'use strict';

	var HEAD_LEN = 24;

	/* µs fit a double for 285 years. */
	function u64(view, at) {
		return view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true);
	}

	/* A message's ArrayBuffer; null: too short to be one. */
	function parse(buffer) {
		var view, headLen;
		if (buffer.byteLength < HEAD_LEN) {
			return null;
		}
		view = new DataView(buffer);
		headLen = view.getUint16(2, true);
		if (headLen < HEAD_LEN || headLen > buffer.byteLength) {
			return null;
		}
		return {
			kind: view.getUint8(0),
			isState: (view.getUint8(1) & 2) !== 0,
			sequence: view.getUint32(4, true),
			pts: u64(view, 8),
			width: view.getUint16(20, true),
			height: view.getUint16(22, true),
			payload: new Uint8Array(buffer, headLen)
		};
	}

	/* How many came between two sequences, which count modulo 2^32: 0 for neighbours. */
	function missing(before, after) {
		return ((after - before - 1) >>> 0);
	}

	screenshare.protocol = {PICTURE: 1, PCM: 2, OPUS: 3, parse: parse, missing: missing};
}(window.screenshare = window.screenshare || {}));
