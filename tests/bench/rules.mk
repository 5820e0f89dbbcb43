# SPDX-License-Identifier: MIT
# make bench         the table of figures beside their yardsticks (about half an hour)
# make bench-quick   one short round of the main cases, to see that nothing is far off
# make bench-sound   sound, camera and the WebSocket: one round (about four minutes)
# make bench-delta   the delta stream beside VNC and xpra, its crowds, and whether it is exact: one round
#   BENCH='--cases typing,film --rounds 1'   choose cases and rounds (--help lists them)

PKG_CONFIG ?= pkg-config
BENCH_OUT  := $(B)/bench
BENCH_DIR  := tests/bench
bench_objs  = $(patsubst %,$(B)/obj/$(BENCH_DIR)/%.o,$(1))
BENCH_SCRIPTS  := $(addprefix $(BENCH_OUT)/,browser.js desk.js drawn.js page.js timecode.js)
BENCH_PROGRAMS := $(addprefix $(BENCH_OUT)/,workload floor client jpeg_alone delta_alone beats hear sound_card)

$(B)/obj/$(BENCH_DIR)/text.o: FLAGS += $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags-only-I freetype2))
$(BENCH_OUT)/workload: $(call bench_objs,workload canvas film text timecode)
$(BENCH_OUT)/workload: LIBS_bench = -lxcb -lfreetype
$(BENCH_OUT)/floor: $(call bench_objs,floor floor_viewers screen_grab jpeg_strips)
$(BENCH_OUT)/floor: LIBS_bench = -lxcb -lxcb-shm -lxcb-damage -ljpeg
$(BENCH_OUT)/jpeg_alone: $(call bench_objs,jpeg_alone screen_grab)
$(BENCH_OUT)/jpeg_alone: LIBS_bench = -lxcb -lxcb-shm -lxcb-damage -ljpeg
$(BENCH_OUT)/delta_alone: $(call bench_objs,delta_alone film text timecode) $(B)/obj/capd/screen/tiles.o $(B)/lib/libcapd.a $(B)/lib/libcommon.a
$(BENCH_OUT)/delta_alone: LIBS_bench = -lfreetype -ldeflate -ljpeg -lpthread
$(BENCH_OUT)/client: $(call bench_objs,client mjpeg_finder timecode_jpeg timecode)
$(BENCH_OUT)/client: LIBS_bench = -ljpeg
$(BENCH_OUT)/beats: $(call bench_objs,beats sound_server canvas timecode)
$(BENCH_OUT)/beats: LIBS_bench = -lpulse -lxcb
$(BENCH_OUT)/hear: $(call bench_objs,hear sound_server)
$(BENCH_OUT)/hear: LIBS_bench = -lpulse
$(BENCH_OUT)/sound_card: $(call bench_objs,sound_card)
$(BENCH_PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_bench)

# Chromium's driver; its own copy of the lock file, so that nothing is installed beside the sources.
$(BENCH_OUT)/node_modules/.installed: $(addprefix $(BENCH_DIR)/,package.json package-lock.json .npmrc)
	@mkdir -p $(@D)
	cp $^ $(BENCH_OUT)/
	cd $(BENCH_OUT) && npm ci --ignore-scripts --silent
	@touch $@
$(BENCH_OUT)/%.js: $(BENCH_DIR)/%.js $(BENCH_OUT)/node_modules/.installed
	cp $< $@

.PHONY: bench bench-quick bench-sound bench-delta bench-run bench-programs
bench-programs: $(BENCH_PROGRAMS) $(BENCH_SCRIPTS)

# A second make: the first has looked for libraries before they were installed.
bench: deps-bench
	@$(MAKE) --no-print-directory -s bench-run
bench-quick: deps-bench
	@$(MAKE) --no-print-directory -s bench-run BENCH='--quick --cases still,typing,scroll,film $(BENCH)'
bench-sound: deps-bench
	@$(MAKE) --no-print-directory -s bench-run \
		BENCH='--rounds 1 --cases sink,heard,socket,audio,camera,cameramjpeg,slow,sound50,skew $(BENCH)'
bench-delta: deps-bench
	@$(MAKE) --no-print-directory -s bench-run BENCH='--rounds 1 --cases delta $(BENCH)'
bench-run: all fake-camera bench-programs
	@/usr/bin/python3 -B $(BENCH_DIR)/bench.py --bin $(B)/bin --programs $(BENCH_OUT) \
		--json $(BENCH_OUT)/results.json $(BENCH)

include tests/bench/files.mk
