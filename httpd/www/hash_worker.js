/*
 * Computes the SHA-256 of files beside the page (crypto.subtle does not exist on plain HTTP).  Its
 * address says where hash-wasm lies: ?hash=URL.  One file after the other:  {id, file} → {id, hash}.
 */
(function () {
	'use strict';

	var STEP = 4194304;
	var todo = Promise.resolve();
	var made = null; /* one for all: of hundreds of small files most of the time would go into making it */

	function hashOf(file) {
		made = made || self.hashwasm.createSHA256();
		return made.then(function (hasher) {
			var reader = new FileReaderSync(), at;
			hasher.init();
			for (at = 0; at < file.size; at += STEP) {
				hasher.update(new Uint8Array(reader.readAsArrayBuffer(file.slice(at, at + STEP))));
			}
			return hasher.digest('hex');
		});
	}

	importScripts(decodeURIComponent(/[?&]hash=([^&]*)/.exec(self.location.search)[1]));
	self.onmessage = function (event) {
		todo = todo.then(function () {
			return hashOf(event.data.file);
		}).then(function (hash) {
			self.postMessage({id: event.data.id, hash: hash});
		}, function () {
			self.postMessage({id: event.data.id, hash: null}); /* gone from the disk, perhaps */
		});
	};
}());
