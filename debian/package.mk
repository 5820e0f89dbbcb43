# SPDX-License-Identifier: MIT
#
#     make dist    build/screenshare-VERSION.tar.xz: what is in git, and what npm brings (vendor/)
#     make deb     build/screenshare_VERSION_ARCH.deb and -dbgsym, of such a tree, in a folder of its own
#                  (build/deb, where the source package lies, too); fails on whatever lintian finds that
#                  neither debian/screenshare.lintian-overrides nor debian/source/lintian-overrides explains
#
# A package is built without the network: the scripts for browsers that are not our own are fetched
# beforehand, here, and checked by npm against package-lock.json.

DIST_TREE := $(B)/deb/screenshare-$(VERSION)
DEB       := $(B)/screenshare_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb

.PHONY: dist deb dist-tree
dist-tree: $(NPM_MODULES)/.complete
	@test -e .git || { echo "make dist is for a git checkout; here: dpkg-buildpackage -us -uc -b"; exit 1; }
	@rm -rf $(DIST_TREE)
	@mkdir -p $(DIST_TREE)/vendor
	@git ls-files -z >$(DIST_TREE).list
	@tar --create --null --files-from=$(DIST_TREE).list | tar --extract --directory=$(DIST_TREE)
	@rm $(DIST_TREE).list
	@cp -a $(NPM_MODULES) $(DIST_TREE)/vendor/
	@chmod -R u=rwX,go=rX $(DIST_TREE)

dist: dist-tree
	tar --create --xz --sort=name --owner=0 --group=0 --numeric-owner \
		--mtime=@$(shell git log -1 --format=%ct 2>/dev/null || echo 0) \
		--file=$(B)/screenshare-$(VERSION).tar.xz --directory=$(B)/deb screenshare-$(VERSION)

# Made anew whenever asked for; $(DEB) is what other targets wait for.
deb: deps-deb
	@$(MAKE) --no-print-directory -s $(DEB)
	@ls -1 $(B)/screenshare*_$(VERSION)_*.deb

$(DEB): FORCE
	@$(MAKE) --no-print-directory -s dist-tree
	@echo "Building the Debian package"
	@cd $(DIST_TREE) && env -u MAKEFLAGS -u MFLAGS dpkg-buildpackage -us -uc -j$(shell nproc) >../log 2>&1 || { tail -n 40 ../log; exit 1; }
	@lintian --tag-display-limit 0 --fail-on error,warning $(B)/deb/screenshare_$(VERSION)_*.changes
	@mv $(B)/deb/*.deb $(B)/
