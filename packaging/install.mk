# SPDX-License-Identifier: GPL-2.0-only
# What leaves the build: make install, uninstall, deb, static, image.  All below DESTDIR or $(B).

BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man/man8
BASHDIR  ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR   ?= $(PREFIX)/share/zsh/site-functions
UNITDIR  ?= $(PREFIX)/lib/systemd/system
DATADIR  ?= $(PREFIX)/share/sockline
DOCDIR   ?= $(PREFIX)/share/doc/sockline

DEB_DEPS    := debhelper dpkg-dev
STATIC_DEPS := dpkg-dev autoconf automake libtool autopoint nettle-dev libtasn1-6-dev libgmp-dev \
	       libc-ares-dev
IMAGE_DEPS  := buildah ca-certificates

.PHONY: install installed uninstall deb static image packages-test made-for-install

# FILE>PLACE, of every file that is installed.
SHARED    := $(wildcard packaging/queries/* packaging/prometheus/* packaging/grafana/* packaging/kubernetes/*)
INSTALLED := $(B)/sockline>$(BINDIR)/sockline \
	     $(B)/install/sockline.8.gz>$(MANDIR)/sockline.8.gz \
	     $(B)/install/bash>$(BASHDIR)/sockline \
	     $(B)/install/zsh>$(ZSHDIR)/_sockline \
	     $(B)/install/sockline-export.service>$(UNITDIR)/sockline-export.service \
	     packaging/systemd/sockline.default>$(DATADIR)/systemd/sockline.default \
	     $(foreach f,$(SHARED),$(f)>$(f:packaging/%=$(DATADIR)/%)) \
	     $(foreach f,$(wildcard *.md LICENSE LICENSES/* docs/*.md docs/*.png),$(f)>$(DOCDIR)/$(f))

# A package's builder has what it needs, and says where to by DESTDIR.
install: $(if $(DESTDIR),,deps)
	@$(MAKE) --no-print-directory installed

installed: $(B)/sockline made-for-install
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)set -e; for pair in $(foreach p,$(INSTALLED),'$(p)'); do \
		install -D -m 644 "$${pair%%>*}" "$(DESTDIR)$${pair#*>}"; done
	$(Q)chmod 755 $(DESTDIR)$(BINDIR)/sockline

# Files, and of the directories those that are sockline's own, if nobody has put anything there.
uninstall:
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f $(foreach p,$(INSTALLED),'$(DESTDIR)$(lastword $(subst >, ,$(p)))')
	$(Q)for dir in '$(DESTDIR)$(DATADIR)' '$(DESTDIR)$(DOCDIR)'; do \
		[ ! -d "$$dir" ] || find "$$dir" -depth -type d -empty -delete; done

# Anew each time: they name the places, which are this run's.
made-for-install: $(B)/sockline
	$(Q)mkdir -p $(B)/install
	$(Q)packaging/man $< docs/sockline.8.in $(DATADIR) $(DOCDIR) >$(B)/install/sockline.8
	$(Q)gzip -9nf <$(B)/install/sockline.8 >$(B)/install/sockline.8.gz
	$(Q)$< completion bash >$(B)/install/bash
	$(Q)$< completion zsh >$(B)/install/zsh
	$(Q)sed 's|/usr/bin/sockline|$(BINDIR)/sockline|' packaging/systemd/sockline-export.service \
		>$(B)/install/sockline-export.service

deb: deps
	@packaging/need $(DEB_DEPS)
	$(Q)packaging/deb $(B) $(VERSION) '$(BUILD_DEPS)'

# One file that needs no other.  The objects are those of $(B)/sockline; what Debian has no static
# library of that stands alone is built first.
STATIC_LIBS := -Wl,--start-group $(LIBS) -lcares -ltasn1 -lhogweed -lnettle -lgmp -latomic -lm -Wl,--end-group

static: deps
	@packaging/need $(STATIC_DEPS)
	@$(MAKE) --no-print-directory $(B)/static/sockline

# No warnings: GnuTLS's look for a home directory, c-ares's for names of services and SQLite's for
# extensions would load the host's libraries; none of them is asked for.
$(B)/static/sockline: $(USER_OBJ) $(CORE_OBJ) $(B)/static/libs/curl.done
	$(call say,STATIC,$@)
	$(Q)$(CC) -static -s -Wl,--gc-sections,--no-warnings $(LDFLAGS) -L$(B)/static/libs/lib -o $@ \
		$(filter %.o,$^) $(STATIC_LIBS)

$(B)/static/libs/curl.done: packaging/static-libs
	$(Q)packaging/static-libs $(B)/static/libs

image: static
	@packaging/need $(IMAGE_DEPS)
	$(Q)packaging/image $(B)/static/sockline $(VERSION) $(B)

# Not in make test: what it is made of takes minutes to build, once.
packages-test: static test-deps
	@packaging/need $(IMAGE_DEPS)
	$(call say,TEST,packages)
	$(Q)B=$(B) tests/packages/run.py
