/* SPDX-License-Identifier: MIT */
'use strict';

require('./delta_tests').testDelta('firefox');
