# SPDX-License-Identifier: MIT
#
#   make run           install what is missing, build, share this screen on port 8001 (PORT=…)
#   make check         install what is missing, build, run the whole suite once
#   make check-deep    … the real programs under sanitizers, clang, the hundred kills, fuzzing
#   make check-system  … in a virtual machine with a real systemd
#   make bench         figures, beside their yardsticks
#   make install       into DESTDIR; PREFIX=/usr/local, sysconfdir=/etc (systemd/rules.mk); make uninstall
#   make deb           the Debian package, build/screenshare_*.deb (debian/package.mk)
#
# CC, CPPFLAGS, CFLAGS, LDFLAGS, AR, INSTALL and PKG_CONFIG are the caller's.  For another kind of
# computer give CC, AR and STATE_PICTURE: build/tool/state_picture, made on this one.
# Everything is built below $(B).  The sanitizer and clang builds are this Makefile again with
# another B, CC and SANITIZE.

PREFIX     ?= /usr/local
prefix     ?= $(PREFIX)
bindir     ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec/screenshare
mandir     ?= $(prefix)/share/man
sysconfdir ?= /etc

# Of the newest entry, so that programs and package cannot differ.
VERSION  := $(shell sed -n '1s/.*(\([^-)]*\).*/\1/p' debian/changelog)
B        ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
SANITIZE ?=
PORT     ?= 8001

OPT      ?= -O2 -g
FLAGS     =
LINK      =
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN   := -fstack-protector-strong -fno-plt
ifeq ($(SANITIZE),)
# A distribution's own level, if it gives one, and no other beside it.
HARDEN   += $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2) -fPIE
LINK      = -pie -Wl,-z,relro,-z,now
else
SANFLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
ifeq ($(SANITIZE)$(findstring gcc,$(CC)),threadgcc)
# Fences: every access to the ring is atomic, so TSan needs none of them to be exact.
SANFLAGS += -Wno-tsan
endif
endif
# CPPFLAGS, CFLAGS and LDFLAGS are the caller's alone, from the environment or the command line: what
# is ours stands beside them.  FLAGS is a file's own, set by rules.
ALL_CPPFLAGS = -I. -I$(B)/gen -D_GNU_SOURCE -DSCREENSHARE_VERSION='"$(VERSION)"' $(FLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS  = $(SANFLAGS) -Wl,--as-needed $(LINK) $(LDFLAGS)

# What apt installs.  build: to compile; run: build and the programs' own needs; check, deep, bench,
# system: what those targets need on top.
# Where node is not Debian's own, npm comes with it and the package `npm` does not fit.
NODE := $(if $(shell command -v npm 2>/dev/null),,nodejs npm)
# Debian 12 has its C sources there, which are compiled in; later ones have the library.
LLHTTP := $(if $(filter 12,$(shell . /etc/os-release 2>/dev/null && echo $$VERSION_ID)),node-llhttp,libllhttp-dev)
PACKAGES_build := build-essential libevent-dev libxcb1-dev libxcb-shm0-dev libxcb-damage0-dev \
	libxcb-xfixes0-dev libxcb-randr0-dev libxau-dev libjpeg62-turbo-dev libsystemd-dev libinih-dev libjansson-dev \
	libqrencode-dev $(LLHTTP) libwslay-dev nettle-dev libarchive-dev libv4l-dev libasound2-dev libasound2-plugins \
	libpulse-dev libopus-dev libdeflate-dev $(NODE)
PACKAGES_check := libcmocka-dev libpng-dev libxcb-xtest0-dev xvfb xauth x11-xserver-utils curl ffmpeg mandoc \
	clang-format python3 python3-pytest python3-pil python3-numpy chromium firefox-esr procps nftables iproute2 systemd \
	pulseaudio pulseaudio-utils pipewire pipewire-pulse wireplumber dbus-daemon
PACKAGES_deep := clang libclang-rt-dev
PACKAGES_bench := ffmpeg xvfb libxcb-xtest0-dev pkg-config libfreetype-dev fonts-dejavu-core iproute2 python3 \
	chromium pulseaudio pulseaudio-utils libpulse-dev python3-numpy python3-pil \
	nginx-light libnginx-mod-http-dav-ext \
	tigervnc-scraping-server websockify novnc xpra python3-lz4 xterm
PACKAGES_system := qemu-system-x86 mmdebstrap e2fsprogs
PACKAGES_deb := debhelper dpkg-dev lintian

LLHTTP_INCLUDE := -isystem /usr/share/include/llhttp
LLHTTP_SRC     := $(wildcard /usr/share/llhttp/*.c)
LIBS_llhttp    := $(if $(LLHTTP_SRC),,-lllhttp)

LIBS_common := -lsystemd -linih
LIBS_screen := $(LIBS_common) -ljpeg -ldeflate -lxcb -lxcb-shm -lxcb-damage -lxcb-xfixes -lxcb-randr -lXau -lpthread
LIBS_camera := $(LIBS_common) -lv4l2 -ljpeg -lpthread
LIBS_audio  := $(LIBS_common) -ljpeg -lasound -lpulse -lopus -lm -lpthread
LIBS_httpd  := $(LIBS_common) $(LIBS_llhttp) -levent_core -lwslay -lnettle -ljansson -larchive -lpthread
LIBS_cli    := $(LIBS_common) -ljansson -lqrencode

SRC_common := $(wildcard common/*.c)
SRC_capd   := $(wildcard capd/*.c capd/encode/*.c capd/session/*.c)
SRC_screen := $(wildcard capd/screen/*.c)
SRC_camera := $(wildcard capd/camera/*.c)
SRC_audio  := $(wildcard capd/audio/*.c)
SRC_httpd  := $(wildcard httpd/*.c httpd/files/*.c)
SRC_cli    := $(wildcard cli/*.c cli/doctor/*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

PROGRAMS := $(B)/bin/screenshare $(B)/bin/screenshare-screen $(B)/bin/screenshare-camera \
	$(B)/bin/screenshare-audio $(B)/bin/screenshare-httpd

.PHONY: all run check check-deep check-system bench install clean format unit-tests
all: $(PROGRAMS)

# --- rules of one folder each: generated pages, tests, benchmarks, install ---
GEN_httpd :=
-include httpd/rules.mk
-include tests/rules.mk
-include tests/bench/rules.mk
-include systemd/rules.mk
-include debian/package.mk

$(B)/lib/libcommon.a: $(call obj,$(SRC_common))
$(B)/lib/libcapd.a: $(call obj,$(SRC_capd))
$(B)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/bin/screenshare-screen: $(call obj,$(SRC_screen)) $(B)/lib/libcapd.a $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_screen)

$(B)/bin/screenshare-camera: $(call obj,$(SRC_camera)) $(B)/lib/libcapd.a $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_camera)

$(B)/bin/screenshare-audio: $(call obj,$(SRC_audio)) $(B)/lib/libcapd.a $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_audio)

# What strangers send goes through it first: hardened as our own; but its warnings are not ours.
LLHTTP_OBJ := $(patsubst /usr/share/llhttp/%.c,$(B)/obj/llhttp/%.o,$(LLHTTP_SRC))
$(B)/obj/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(LLHTTP_INCLUDE) -DLLHTTP_STRICT_MODE=1 $(OPT) $(HARDEN) $(SANFLAGS) $(CFLAGS) -w \
		-c -o $@ $<

$(B)/bin/screenshare-httpd: $(call obj,$(SRC_httpd)) $(GEN_httpd) $(LLHTTP_OBJ) $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_httpd)

$(B)/bin/screenshare: $(call obj,$(SRC_cli)) $(B)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_cli)

$(B)/obj/httpd/%.o: FLAGS += $(LLHTTP_INCLUDE) -DLLHTTP_STRICT_MODE=1
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# --- unit tests: each links only what its "links:" line names, so that the linker checks the walls ---
# First line of tests/unit/test_x.c:  /* links: common/ring_reader.c common/ring_writer.c -lfoo */
# (the word llhttp stands for its objects, or the library)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/test/%,$(wildcard tests/unit/test_*.c))
unit_links  = $(shell sed -n 's,^/\* links: \(.*\) \*/,\1,p' tests/unit/$(1).c)
unit_libs   = $(patsubst llhttp,$(LIBS_llhttp),$(filter -l% llhttp,$(call unit_links,$(1))))
# A function of its own: in the rule itself the stem would take the place of each %.
unit_objs   = $(call obj,$(filter %.c,$(call unit_links,$(1)))) $(if $(filter llhttp,$(call unit_links,$(1))),$(LLHTTP_OBJ))
.SECONDEXPANSION:
$(B)/test/test_%: tests/unit/test_%.c $$(call unit_objs,test_$$*)
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call unit_libs,test_$*) -lcmocka -lpthread
unit-tests: $(UNIT_TESTS)

# --- packages: asks for sudo only when something is missing ---
missing = $(shell for p in $(1); do dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || echo $$p; done)
# Another apt may be at work, as often on a computer that has just been started.
APT_WAITS := -o DPkg::Lock::Timeout=300
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
deps-%:
	@set -e; m='$(call missing,$(sort $(PACKAGES_build) $(PACKAGES_$*)))'; \
	if [ -n "$$m" ]; then \
		echo "Installing missing packages: $$m"; \
		$(SUDO) apt-get $(APT_WAITS) update -qq || echo "Going on with the lists of packages that are there"; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get $(APT_WAITS) install -y --no-install-recommends $$m; \
	fi

# A second make: the first has looked for libraries and sources before they were installed.
run: deps-build
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all
	@exec $(B)/bin/screenshare run --listen '[::]:$(PORT)'

FORMAT_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
format:
	clang-format -i $(FORMAT_FILES)

# All that make has made, but for what others have asked for with another B.
clean:
	rm -rf $(B) tests/browser/node_modules
	find tests -name __pycache__ -prune -exec rm -rf {} +
