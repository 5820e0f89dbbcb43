/* SPDX-License-Identifier: MIT */
/*
 * The journal's message IDs: one for each kind of line that needs explaining, or that somebody may
 * look for.  What each means, and what to do, stands in conf/screenshare.catalog under the same ID,
 * and `journalctl -x` shows it; tests/catalog_check.sh compares the two.  An ID never changes its
 * meaning, and a new meaning is a new ID (systemd-id128 new).
 */
#pragma once

#include "common/stream.h"

/* milestones */
#define MESSAGE_SERVING      "18789bf107b2424ea8536d0aeab2850a"
#define MESSAGE_FIRST_VIEWER "0def3db07411485e80c78a51e46574b1"
#define MESSAGE_LAST_VIEWER  "087582a5cb4e42628d84dc71cd961c0f"
#define MESSAGE_WANTED       "db9a84e9c17b402d83537f83fe253535"
#define MESSAGE_UNWANTED     "60b96a5624eb4958b11074cd0b34fae6"
#define MESSAGE_REACHED      "4f329eac68b844c09983bbd31a8c2c8c"
#define MESSAGE_UPLOADED     "5da771d6ae51489490801027d29410c0"
#define MESSAGE_SESSION      "ad3a31fc19894cadbf2ed789acd5a0f8"
#define MESSAGE_SWITCHED     "2ab555ebc09140eda70e98ec0d06632f"

/* states of a source */
#define MESSAGE_NO_DISPLAY      "368f4a44e2724665b1fbdd8199be7221"
#define MESSAGE_NOT_ALLOWED     "9de812b8855c4851b38ede7568f0f56f"
#define MESSAGE_WAYLAND         "0d88894fe06b4ef085087af5cd75741b"
#define MESSAGE_NO_MONITOR      "257dad3d397d40e098a04e7b241030a9"
#define MESSAGE_NO_SESSION      "9f4dc8169d8b410ebcebdae1c98ad59d"
#define MESSAGE_LOCKED          "a89feb6cbfda4f5aa452442bfc809b96"
#define MESSAGE_PAUSED          "9289a217767847218917f48666cea664"
#define MESSAGE_NO_MEMORY       "a1489a62fbec4d0e880e4d96e171ea6f"
#define MESSAGE_NO_DEVICE       "e0cae91b0dc24d6c9d0a64442d91e6bb"
#define MESSAGE_DEVICE_BUSY     "d042aa5dbc4a407d95deb5db4442d633"
#define MESSAGE_DEVICE_REFUSES  "927b7898275a45ff956b9f308c8dd726"
#define MESSAGE_NO_SOUND_SERVER "bb652c403f6740318d8ac07e4b9dfe9f"
#define MESSAGE_BACK            "f9a144ba4dbe43f5b1c0b777a77c1548"

/* faults */
#define MESSAGE_DAEMON_FAILS    "eddbe40dd76f476faa8fd50b6a96c5a7"
#define MESSAGE_DAEMON_ENDED    "298d110d4a7b44039e3e1b1f4099783d"
#define MESSAGE_WATCHDOG        "582b66a4680143d7b0e11c7a89d4e823"
#define MESSAGE_CONFIG_WRONG    "ca94deee129f45e391de58e1158ed787"
#define MESSAGE_PORT_TAKEN      "9856ab2292f54030bc3bc3b5450144ed"
#define MESSAGE_NO_SOCKET       "9e97f99ea6d84395a78b8b7bb975a949"
#define MESSAGE_FOLDER_UNUSABLE "3a4c65bd92164b6d8f5336dd86430573"
#define MESSAGE_UPLOAD_FAILED   "310026ef104047f4a451a854a2f882a0"
#define MESSAGE_DISK_FULL       "9327d03b60e1444cbe8886389d79db08"

/* refusals */
#define MESSAGE_FORBIDDEN     "c55c44f4530841989532e3262bedee62"
#define MESSAGE_NOT_PRESENTER "1d0093a95b3747b4b666a5451421cd03"
#define MESSAGE_FULL          "3b251ffc495842d2b6ade002e24ef872"

/* That of a state in which `source` gives nothing; NULL: it explains itself. */
const char *message_of_state(enum source_id source, enum source_state state);
