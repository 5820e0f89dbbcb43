# SPDX-License-Identifier: MIT
#
# make install: programs, units, sysusers, tmpfiles, configuration and man pages into $(DESTDIR).
# Starts and enables nothing; a configuration that is there stays as it is.

INSTALL ?= install

UNITS_plain := $(wildcard systemd/*.socket systemd/*.target systemd/*.service)
UNITS_made  := $(patsubst systemd/%.in,$(B)/gen/systemd/%,$(wildcard systemd/*.in))
MAN_pages   := $(wildcard cli/*.1 capd/*/*.8 httpd/*.8 conf/*.5)

# Where the command looks for the other programs, and their units for them.  Written only when it
# has changed, so that another prefix makes again what has it in it.
$(B)/gen/libexecdir: FORCE
	@mkdir -p $(@D)
	@echo '$(libexecdir) $(bindir) $(sysconfdir)' | cmp -s - $@ || echo '$(libexecdir) $(bindir) $(sysconfdir)' >$@
.PHONY: FORCE

$(B)/obj/cli/places.o: $(B)/gen/libexecdir
$(B)/obj/cli/places.o: CPPFLAGS += -DLIBEXECDIR='"$(libexecdir)"'

# The programs look in /etc by themselves.
UNIT_ARGUMENTS = $(if $(filter-out /etc,$(sysconfdir)), --config $(sysconfdir)/screenshare/screenshare.conf)
$(B)/gen/systemd/%: systemd/%.in $(B)/gen/libexecdir
	@mkdir -p $(@D)
	@sed -e 's,@libexecdir@,$(libexecdir),' -e 's,@bindir@,$(bindir),' -e 's,@arguments@,$(UNIT_ARGUMENTS),' $< >$@.new
	@mv $@.new $@

install: all $(UNITS_made)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(unitdir) \
		$(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(sysconfdir)/screenshare \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m755 $(B)/bin/screenshare $(DESTDIR)$(bindir)/
	$(INSTALL) -m755 $(filter-out $(B)/bin/screenshare,$(PROGRAMS)) $(DESTDIR)$(libexecdir)/
	$(INSTALL) -m644 $(UNITS_plain) $(UNITS_made) $(DESTDIR)$(unitdir)/
	$(INSTALL) -m644 systemd/sysusers.conf $(DESTDIR)$(sysusersdir)/screenshare.conf
	$(INSTALL) -m644 systemd/tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/screenshare.conf
	test -e $(DESTDIR)$(sysconfdir)/screenshare/screenshare.conf || \
		$(INSTALL) -m644 conf/screenshare.conf $(DESTDIR)$(sysconfdir)/screenshare/
	set -e; for page in $(MAN_pages); do \
		$(INSTALL) -m644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/; done
