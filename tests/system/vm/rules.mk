# SPDX-License-Identifier: MIT
#
# make check-system: what systemd makes of our units, in a virtual machine (no root, no KVM).
# The machine's disk is built once, with the packages' archive at hand, and kept.

VM_IMAGE ?= $(if $(filter 0,$(shell id -u)),/var/cache,$(or $(XDG_CACHE_HOME),$(HOME)/.cache))/screenshare-vm
VM_DIR   := tests/system/vm
VM_TREE  := $(abspath $(B))/vm/overlay
VM_TOOLS := $(VM_TREE)/usr/local/lib/screenshare-test

VM_PROGRAMS := $(patsubst $(VM_DIR)/%.c,$(B)/vm/%,$(wildcard $(VM_DIR)/*.c))
# Each a boot of its own; the other guest-* are parts of these.
VM_GUESTS   := guest-test guest-service
VM_PARTS    := $(filter-out $(addprefix $(VM_DIR)/,$(VM_GUESTS)),$(wildcard $(VM_DIR)/guest-*))

$(B)/vm/attempts: $(call obj,common/capsock.c common/utf8.c common/stream.c)
$(B)/vm/%: $(B)/obj/$(VM_DIR)/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -ljpeg -lm

check-system: deps-system
	@$(MAKE) --no-print-directory -s -j$$(nproc) all $(B)/testlib/painter $(VM_PROGRAMS)
	@rm -rf $(VM_TREE)
	@$(MAKE) --no-print-directory -s install DESTDIR=$(VM_TREE)
	@install -D -t $(VM_TOOLS) $(B)/testlib/painter $(VM_PROGRAMS) $(VM_PARTS)
	@$(VM_DIR)/build-image $(VM_IMAGE)
	@set -e; for guest in $(VM_GUESTS); do \
		$(VM_DIR)/boot-and-test $(VM_IMAGE) $(VM_TREE) $(VM_DIR)/$$guest; done
