/*
 * Messages of the delta stream, read (doc/protocol.md): what each is a list of, and whether it
 * applies to what a canvas shows.  Pure.
 */
(function (screenshare) {
	'use strict';

	var COPY = 1, PNG = 2, JPEG = 3, SHAPE = 4, POINTER = 5, FILL = 6, GLYPHS = 7;
	var HEAD_LEN = 8;
	var N_FIELDS = [0, 6, 4, 4, 2, 2, 6, 4]; /* of 16 bits, of each kind */
	var HAS_DATA = [false, false, true, true, true, false, false, true];
	var GLYPH_LEN = 6;
	var WHOLE = 1, REFINEMENT = 4, EXACT = 8;
	var TURNED = 1, VISIBLE = 1;

	/* [{fromX, fromY, x, width}], of a line that begins at `x`; null: they are none. */
	function glyphsOf(view, at, end, x) {
		var all = [], one;
		if ((end - at) % GLYPH_LEN !== 0) {
			return null;
		}
		for (; at < end; at += GLYPH_LEN) {
			one = {fromX: view.getUint16(at, true), fromY: view.getUint16(at + 2, true),
				x: x + view.getUint8(at + 4), width: view.getUint8(at + 5)};
			all.push(one);
			x = one.x + one.width;
		}
		return all;
	}

	/* The operation of `len` bytes at `at`; null: there is none such. */
	function operation(view, payload, at, len) {
		var kind = view.getUint8(at), fieldsEnd = HEAD_LEN + 2 * N_FIELDS[kind], op, fields = [], i;
		if (!N_FIELDS[kind] || (HAS_DATA[kind] ? len <= fieldsEnd : len !== fieldsEnd)) {
			return null;
		}
		for (i = 0; i < N_FIELDS[kind]; i++) {
			fields.push(view.getUint16(at + HEAD_LEN + 2 * i, true));
		}
		op = {kind: kind, shape: view.getUint16(at + 2, true)};
		if (kind === COPY) {
			op.fromX = fields[0];
			op.fromY = fields[1];
			fields = fields.slice(2);
		}
		if (kind === POINTER) {
			op.x = view.getInt16(at + HEAD_LEN, true);
			op.y = view.getInt16(at + HEAD_LEN + 2, true);
			op.isVisible = (view.getUint8(at + 1) & VISIBLE) !== 0;
			return op;
		}
		if (kind !== SHAPE) {
			op.x = fields[0];
			op.y = fields[1];
			fields = fields.slice(2);
		}
		op.width = fields[0];
		op.height = fields[1];
		if (kind === FILL) {
			op.colour = fields[3] * 65536 + fields[2];
		}
		if (kind === GLYPHS) {
			op.glyphs = glyphsOf(view, at + fieldsEnd, at + len, op.x);
			return op.glyphs && op;
		}
		op.isTurned = kind === PNG && (view.getUint8(at + 1) & TURNED) !== 0;
		op.data = HAS_DATA[kind] ? payload.subarray(at + fieldsEnd, at + len) : null;
		return op;
	}

	/* All operations of a payload, in order; null: it is none of the delta stream. */
	function operations(payload) {
		var view = new DataView(payload.buffer, payload.byteOffset, payload.length);
		var all = [], at = 0, len, one;
		while (at < payload.length) {
			len = payload.length - at >= HEAD_LEN ? view.getUint32(at + 4, true) : 0;
			one = len >= HEAD_LEN && len <= payload.length - at ?
				operation(view, payload, at, len) : null;
			if (!one) {
				return null;
			}
			all.push(one);
			at += Math.ceil(len / 4) * 4;
		}
		return all;
	}

	/* Whether it may be painted on a canvas that shows `held` (0: nothing). */
	function applies(message, held) {
		if (message.kind === screenshare.protocol.STEP) {
			return held !== 0 && held === message.base;
		}
		if (message.flags & WHOLE) {
			return true;
		}
		if (message.flags & EXACT) {
			return held !== 0 && held === message.sequence;
		}
		/* base <= held < sequence, which count modulo 2^32 */
		return held !== 0 && ((held - message.base) >>> 0) < ((message.sequence - message.base) >>> 0);
	}

	screenshare.delta = {
		COPY: COPY, PNG: PNG, JPEG: JPEG, SHAPE: SHAPE, POINTER: POINTER, FILL: FILL,
		GLYPHS: GLYPHS,
		operations: operations,
		applies: applies,
		isWhole: function (message) {
			return (message.flags & WHOLE) !== 0;
		},
		/* Its pts tells when the pixels changed, and not long before. */
		isFresh: function (message) {
			return message.kind === screenshare.protocol.PICTURE ||
				(message.flags & (WHOLE | REFINEMENT | EXACT)) === 0;
		}
	};
}(window.screenshare = window.screenshare || {}));
