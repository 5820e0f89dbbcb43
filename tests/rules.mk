# SPDX-License-Identifier: MIT
#
# make check and make check-deep.  Each builds what it runs below $(B), each kind in a folder of its
# own (the same Makefile with another B, CC and SANITIZE), then tests/run.py runs the suite.
#
#     $(B)          the release programs         $(B)/asan    ASan + UBSan
#     $(B)/testlib  the tests' own tools         $(B)/tsan    TSan
#     $(B)/clang    clang, warnings are errors   $(B)/fuzz    libFuzzer (clang)
#
#     make check T='ring walls'      only the jobs whose names contain one of these words

.PHONY: check-build check-deep-build test-tools fake-camera fuzz-targets thread-tests

JOBS  := $(shell nproc)
AGAIN  = $(MAKE) --no-print-directory -s -j$(JOBS)

# Recursive: what the packages bring (llhttp's sources) is looked for anew.
check: deps-check
	@echo "Building the programs and their tests, plainly and with sanitizers"
	@$(MAKE) --no-print-directory -s check-build
	@echo "Running the tests"
	@python3 tests/run.py --build $(B) check $(T)

check-deep: deps-check deps-deep
	@echo "Building the programs with sanitizers, with both compilers, and the fuzz targets"
	@$(MAKE) --no-print-directory -s check-build
	@$(MAKE) --no-print-directory -s check-deep-build
	@echo "Running the tests"
	@python3 tests/run.py --build $(B) deep $(T)

# One after the other: each uses all cores itself.
check-build:
	@$(AGAIN) all test-tools fake-camera
	@$(AGAIN) B=$(B)/asan SANITIZE=address,undefined all unit-tests fake-camera
	@$(AGAIN) B=$(B)/tsan SANITIZE=thread thread-tests
	@$(AGAIN) tests/browser/node_modules/.installed

check-deep-build:
	@$(AGAIN) B=$(B)/tsan SANITIZE=thread all fake-camera
	@$(AGAIN) B=$(B)/gcc-werror CFLAGS='$(CFLAGS) -Werror' all unit-tests
	@$(AGAIN) B=$(B)/clang CC=clang CFLAGS='$(CFLAGS) -Werror' all unit-tests
	@$(AGAIN) B=$(B)/fuzz CC=clang SANITIZE=address,undefined \
		CFLAGS='$(CFLAGS) -fsanitize=fuzzer-no-link' fuzz-targets

# --- what has threads, or is read while another process writes ---
THREAD_TESTS := $(patsubst tests/unit/%.c,$(B)/test/%,$(wildcard tests/unit/test_*_threads.c \
	tests/unit/test_ring.c tests/unit/test_ring_watch.c tests/unit/test_workers.c \
	tests/unit/test_log.c tests/unit/test_camera_source.c))
thread-tests: $(THREAD_TESTS)

# --- the tests' own tools: never with sanitizers ---
TEST_TOOLS := $(B)/testlib/painter $(B)/testlib/lying_daemon $(B)/testlib/words_picture \
	$(B)/testlib/delta_viewer $(B)/testlib/fake_desktop $(B)/testlib/fake_logind \
	$(B)/testlib/fake_systemd $(B)/testlib/fake_firewalld
test-tools: $(TEST_TOOLS)
$(B)/testlib/painter: $(call obj,tests/lib/painter.c tests/lib/reference_jpeg.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lxcb -ljpeg
$(B)/testlib/lying_daemon: $(call obj,tests/lib/lying_daemon.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^
$(B)/testlib/fake_desktop: $(call obj,tests/lib/fake_desktop.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lsystemd
$(B)/testlib/delta_viewer: $(call obj,tests/lib/delta_viewer.c tests/lib/delta_client.c) $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_common) -lxcb -ljpeg -lpng
$(B)/testlib/fake_logind: $(call obj,tests/lib/fake_logind.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lsystemd
$(B)/testlib/fake_systemd: $(call obj,tests/lib/fake_systemd.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lsystemd
$(B)/testlib/fake_firewalld: $(call obj,tests/lib/fake_firewalld.c)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lsystemd
$(B)/testlib/words_picture: $(call obj,tests/lib/words_picture.c) $(B)/lib/libcapd.a $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_common) -ljpeg -lpthread

# --- all programs once more, but the camera's daemon has a camera that tests hold in their hands:
# $(B)/fake.  It is under test itself, so that it is built with sanitizers too ---
FAKE_CAMERA_OBJ := $(call obj,$(filter-out capd/camera/v4l2%,$(SRC_camera)) tests/lib/fake_camera.c)
fake-camera: $(patsubst $(B)/bin/%,$(B)/fake/%,$(PROGRAMS))
$(B)/fake/screenshare-camera: $(FAKE_CAMERA_OBJ) $(B)/lib/libcapd.a $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_common) -ljpeg -lpthread
# Not symbolic: `run` looks for its daemons beside what it really is.
$(B)/fake/%: $(B)/bin/%
	@mkdir -p $(@D)
	ln -f $< $@

# --- fuzz targets: tests/fuzz/x.c with a "links:" line as unit tests have it ---
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_links    = $(shell sed -n 's,^/\* links: \(.*\) \*/,\1,p' tests/fuzz/$(1).c)
fuzz-targets: $(FUZZ_TARGETS:%=$(B)/bin/%)
define FUZZ_RULE
$(B)/bin/$(1): tests/fuzz/$(1).c $(call obj,$(filter %.c,$(call fuzz_links,$(1)))) \
		$$(if $(filter llhttp,$(call fuzz_links,$(1))),$$$$(LLHTTP_OBJ))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CPPFLAGS) $$(ALL_CFLAGS) -Wno-missing-prototypes $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ \
		$(patsubst llhttp,$(LIBS_llhttp),$(filter -l% llhttp,$(call fuzz_links,$(1))))
endef
ifneq ($(filter fuzz-targets,$(MAKECMDGOALS)),)
.SECONDEXPANSION:
$(foreach target,$(FUZZ_TARGETS),$(eval $(call FUZZ_RULE,$(target))))
endif

# --- the browsers' driver ---
tests/browser/node_modules/.installed: tests/browser/package.json tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

-include tests/system/vm/rules.mk
