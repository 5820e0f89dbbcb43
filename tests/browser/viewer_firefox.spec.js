/* SPDX-License-Identifier: MIT */
'use strict';

require('./viewer_tests').testViewer('firefox');
