/* SPDX-License-Identifier: MIT */
/* The pages' scripts are read by ten-year-old browsers. */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const acorn = require('acorn');
const { ROOT } = require('./stage');

const folder = path.join(ROOT, 'httpd', 'www');

for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.js'))) {
	test(`${name} is ES5`, () => {
		const text = fs.readFileSync(path.join(folder, name), 'utf8');
		assert.doesNotThrow(() => acorn.parse(text, { ecmaVersion: 5, sourceType: 'script' }));
	});
}

for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.html'))) {
	test(`${name} has no script of its own in it`, () => {
		const text = fs.readFileSync(path.join(folder, name), 'utf8');
		assert.doesNotMatch(text, /<script(?![^>]* src=)[^>]*>/i);
		assert.doesNotMatch(text, /\son[a-z]+\s*=\s*["']/i);
		assert.doesNotMatch(text, /javascript:/i);
	});
}
