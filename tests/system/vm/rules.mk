# SPDX-License-Identifier: MIT
#
# make check-system: what systemd makes of our units, and apt of our package, in a virtual machine (no
# root, no KVM).
# The machine's disk is built once, with the packages' archive at hand, and kept.

VM_IMAGE ?= $(if $(filter 0,$(shell id -u)),/var/cache,$(or $(XDG_CACHE_HOME),$(HOME)/.cache))/screenshare-vm
VM_DIR   := tests/system/vm
VM_TREE  := $(abspath $(B))/vm/overlay
VM_TOOLS := $(VM_TREE)/usr/local/lib/screenshare-test

VM_PROGRAMS := $(patsubst $(VM_DIR)/%.c,$(B)/vm/%,$(wildcard $(VM_DIR)/*.c))
# Each a boot of its own, on what make install makes; the other guest-* are parts of these.
VM_GUESTS   := $(addprefix $(VM_DIR)/,guest-service guest-session guest-test guest-reboot)
VM_PARTS    := $(filter-out $(VM_GUESTS) $(VM_DIR)/guest-package,$(wildcard $(VM_DIR)/guest-*))

$(B)/vm/attempts: $(call obj,common/capsock.c common/utf8.c common/stream.c)
$(B)/vm/%: $(B)/obj/$(VM_DIR)/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -ljpeg -lm

# The package, and the same as of an older version, beside the tools.
VM_DEBS := $(abspath $(B))/vm/package
vm-debs: deb $(B)/testlib/painter $(VM_PROGRAMS)
	@rm -rf $(VM_DEBS) $(B)/vm/older
	@install -D -m644 $(DEB) $(VM_DEBS)/root/debs/new.deb
	@dpkg-deb --raw-extract $(DEB) $(B)/vm/older
	@sed -i 's/^Version: .*/&~older/' $(B)/vm/older/DEBIAN/control
	@dpkg-deb --root-owner-group --build $(B)/vm/older $(VM_DEBS)/root/debs/old.deb >/dev/null
	@install -D -t $(VM_DEBS)/usr/local/lib/screenshare-test $(B)/testlib/painter $(VM_PROGRAMS) $(VM_PARTS)

.PHONY: vm-debs
check-system: deps-system
	@$(MAKE) --no-print-directory -s -j$$(nproc) all $(B)/testlib/painter $(VM_PROGRAMS)
	@rm -rf $(VM_TREE)
	@$(MAKE) --no-print-directory -s install DESTDIR=$(VM_TREE)
	@install -D -t $(VM_TOOLS) $(B)/testlib/painter $(VM_PROGRAMS) $(VM_PARTS)
	@$(VM_DIR)/build-image $(VM_IMAGE)
	@$(MAKE) --no-print-directory -s vm-debs
	@$(VM_DIR)/run-guests $(VM_IMAGE) $(VM_DEBS) $(VM_DIR)/guest-package \
		$(foreach guest,$(VM_GUESTS),$(VM_TREE) $(guest))
