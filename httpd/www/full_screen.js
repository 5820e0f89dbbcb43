/* Full screen, under the names that it has had in browsers of ten years. */
(function (screenshare) {
	'use strict';

	function call(object, names) {
		var promise = null, i;
		for (i = 0; i < names.length; i++) {
			if (object[names[i]]) {
				promise = object[names[i]]();
				break;
			}
		}
		if (promise && promise['catch']) {
			promise['catch'](function () { return null; }); /* refused: it stays as it is */
		}
	}

	screenshare.fullScreen = {
		isPossible: function () {
			return !!(document.fullscreenEnabled || document.webkitFullscreenEnabled ||
				document.mozFullScreenEnabled || document.msFullscreenEnabled);
		},
		isOn: function () {
			return !!(document.fullscreenElement || document.webkitFullscreenElement ||
				document.webkitCurrentFullScreenElement || document.mozFullScreenElement ||
				document.msFullscreenElement);
		},
		toggle: function () {
			if (screenshare.fullScreen.isOn()) {
				call(document, ['exitFullscreen', 'webkitExitFullscreen',
					'webkitCancelFullScreen', 'mozCancelFullScreen', 'msExitFullscreen']);
			} else {
				call(document.documentElement, ['requestFullscreen', 'webkitRequestFullscreen',
					'webkitRequestFullScreen', 'mozRequestFullScreen', 'msRequestFullscreen']);
			}
		},
		onChange: function (callback) {
			document.addEventListener('fullscreenchange', callback);
			document.addEventListener('webkitfullscreenchange', callback);
			document.addEventListener('mozfullscreenchange', callback);
			document.addEventListener('MSFullscreenChange', callback);
		}
	};
}(window.screenshare = window.screenshare || {}));
