# SPDX-License-Identifier: MIT
#
# make install: everything into $(DESTDIR); make uninstall: away again.  Starts and enables nothing; a
# configuration that is there stays as it is.
#
#     make install                                     /usr/local, where systemd and man look too
#     make install PREFIX=/opt/x systemdprefix=/usr/local      elsewhere, and units where systemd looks
#     make install PREFIX=/usr sysconfdir=/etc DESTDIR=tree    for a package
#
# User units are made of the system's (user_unit.awk): `systemctl --user start screenshare`.

INSTALL ?= install

# systemd looks below /usr and /usr/local, and nowhere else.
systemdprefix  ?= $(prefix)
unitdir        ?= $(systemdprefix)/lib/systemd/system
userunitdir    ?= $(systemdprefix)/lib/systemd/user
sysusersdir    ?= $(systemdprefix)/lib/sysusers.d
tmpfilesdir    ?= $(systemdprefix)/lib/tmpfiles.d
catalogdir     ?= $(systemdprefix)/lib/systemd/catalog
completionsdir ?= $(prefix)/share/bash-completion/completions
ufwdir         ?= $(sysconfdir)/ufw/applications.d
# firewalld looks in /usr/lib and /etc.
firewalldir    ?= $(if $(filter /usr,$(prefix)),/usr/lib,$(sysconfdir))/firewalld/services

UNITS_plain := $(wildcard systemd/*.socket systemd/*.target systemd/*.service)
UNITS_made  := $(patsubst systemd/%.in,$(B)/gen/systemd/%,$(wildcard systemd/*.in))
UNITS_user  := $(patsubst systemd/%,$(B)/gen/systemd/user/%,$(UNITS_plain)) \
	$(patsubst $(B)/gen/systemd/%,$(B)/gen/systemd/user/%,$(UNITS_made))
MAN_pages   := $(wildcard cli/*.1 capd/*/*.8 httpd/*.8 conf/*.5)
CATALOGS    := $(wildcard conf/*.catalog)
CONFIG_file := $(sysconfdir)/screenshare/screenshare.conf

# Where programs look for each other and for the configuration.  Written only when it has changed, so
# that another prefix makes again what has it in it, and nothing else.
$(B)/gen/places: FORCE
	@mkdir -p $(@D)
	@echo '$(libexecdir) $(bindir) $(sysconfdir)' | cmp -s - $@ || echo '$(libexecdir) $(bindir) $(sysconfdir)' >$@
.PHONY: FORCE

PLACED := $(patsubst %.c,$(B)/obj/%.o,$(shell grep -lE 'CONFIG_PATH_SERVICE|LIBEXECDIR' \
	$(SRC_common) $(SRC_capd) $(SRC_screen) $(SRC_camera) $(SRC_audio) $(SRC_httpd) $(SRC_cli)))
$(PLACED): $(B)/gen/places
$(PLACED): FLAGS += -DLIBEXECDIR='"$(libexecdir)"' -DSYSCONFDIR='"$(sysconfdir)"'

UNIT_ARGUMENTS = $(if $(filter-out /etc,$(sysconfdir)), --config $(CONFIG_file))
$(B)/gen/systemd/%: systemd/%.in $(B)/gen/places
	@mkdir -p $(@D)
	@sed -e 's,@libexecdir@,$(libexecdir),' -e 's,@bindir@,$(bindir),' -e 's,@arguments@,$(UNIT_ARGUMENTS),' $< >$@.new
	@mv $@.new $@

$(B)/gen/systemd/user/%: systemd/% systemd/user_unit.awk
	@mkdir -p $(@D)
	@awk -f systemd/user_unit.awk $< >$@.new
	@mv $@.new $@
$(B)/gen/systemd/user/%: $(B)/gen/systemd/% systemd/user_unit.awk
	@mkdir -p $(@D)
	@awk -f systemd/user_unit.awk $< >$@.new
	@mv $@.new $@

# $(1): the files' mode, $(2): a folder, $(3): files.  Files keep their names.
install_files = $(INSTALL) -d "$(DESTDIR)$(2)" && $(INSTALL) -m$(1) -t "$(DESTDIR)$(2)" $(3)
# $(1): a folder, $(2): files, as they are called there.  DESTDIR may have spaces in it.
installed = $(foreach file,$(notdir $(2)),"$(DESTDIR)$(1)/$(file)")

# With the programs: what `sudo make install` made below $(B) would be root's.
all: $(UNITS_made) $(UNITS_user)

.PHONY: uninstall
install: all
	$(call install_files,755,$(bindir),$(B)/bin/screenshare)
	$(call install_files,755,$(libexecdir),$(filter-out $(B)/bin/screenshare,$(PROGRAMS)))
	$(call install_files,644,$(unitdir),$(UNITS_plain) $(UNITS_made))
	$(call install_files,644,$(userunitdir),$(UNITS_user))
	$(INSTALL) -D -m644 systemd/sysusers.conf "$(DESTDIR)$(sysusersdir)/screenshare.conf"
	$(INSTALL) -D -m644 systemd/tmpfiles.conf "$(DESTDIR)$(tmpfilesdir)/screenshare.conf"
	$(if $(CATALOGS),$(call install_files,644,$(catalogdir),$(CATALOGS)))
	$(INSTALL) -D -m644 cli/screenshare.bash "$(DESTDIR)$(completionsdir)/screenshare"
	$(INSTALL) -D -m644 conf/ufw "$(DESTDIR)$(ufwdir)/screenshare"
	$(INSTALL) -D -m644 conf/firewalld.xml "$(DESTDIR)$(firewalldir)/screenshare.xml"
	test -e "$(DESTDIR)$(CONFIG_file)" || $(INSTALL) -D -m644 conf/screenshare.conf "$(DESTDIR)$(CONFIG_file)"
	set -e; for page in $(MAN_pages); do \
		$(INSTALL) -D -m644 -t "$(DESTDIR)$(mandir)/man$${page##*.}" $$page; done

# What the state folders hold stays, and so does a configuration that somebody has changed.
uninstall:
	rm -f $(call installed,$(bindir),screenshare)
	rm -f $(call installed,$(libexecdir),$(filter-out $(B)/bin/screenshare,$(PROGRAMS)))
	rm -f $(call installed,$(unitdir),$(UNITS_plain) $(UNITS_made))
	rm -f $(call installed,$(userunitdir),$(UNITS_user))
	rm -f "$(DESTDIR)$(sysusersdir)/screenshare.conf" "$(DESTDIR)$(tmpfilesdir)/screenshare.conf"
	rm -f $(call installed,$(catalogdir),$(CATALOGS))
	rm -f "$(DESTDIR)$(completionsdir)/screenshare"
	rm -f "$(DESTDIR)$(ufwdir)/screenshare" "$(DESTDIR)$(firewalldir)/screenshare.xml"
	set -e; for page in $(MAN_pages); do \
		rm -f "$(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}"; done
	! cmp -s conf/screenshare.conf "$(DESTDIR)$(CONFIG_file)" || rm "$(DESTDIR)$(CONFIG_file)"
	-rmdir "$(DESTDIR)$(libexecdir)" "$(DESTDIR)$(dir $(CONFIG_file))"
