# sockline.  Two commands matter, both as root on a fresh Debian 12:  make run   make test
# Everything is built below $(B).  V=1 shows the commands.

B       ?= build
CC      ?= gcc
CLANG   ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PREFIX  ?= /usr/local
VERSION := 0.1.0

BUILD_DEPS := gcc clang llvm bpftool pkg-config libbpf-dev libelf-dev zlib1g-dev libzstd-dev libcap-dev \
	      libncurses-dev \
	      libsqlite3-dev libcurl4-openssl-dev libmicrohttpd-dev libgnutls28-dev \
	      libyaml-dev libcrypt-dev
TEST_DEPS  := libcriterion-dev iproute2 nftables nginx-light curl wrk tshark tmux python3 jq \
	      apache2-utils openssl liburing-dev libclang-rt-14-dev valgrind chromium chromium-driver sqlite3 \
	      clickhouse-server prometheus python3-prometheus-client systemd strace libcap2-bin python3-yaml procps \
	      clang-format clang-tidy cppcheck lintian debhelper dpkg-dev zsh mandoc groff-base

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Werror=switch -Wno-unused-parameter -Wshadow -Wmissing-prototypes
ROOMS    := $(patsubst %,-Iuser/%,core keep host sink cmd)
INCLUDES := -Iinclude $(ROOMS) -I$(B)
ALL_CFLAGS = -std=gnu11 $(WARN) $(INCLUDES) -D_GNU_SOURCE -DSOCKLINE_VERSION='"$(VERSION)"' \
	     $(CFLAGS)
CORE_LIBS := -lzstd -lz
LIBS     := -lbpf -lelf -lcap -lncursesw -ltinfo -lsqlite3 -lcurl -lmicrohttpd -lgnutls -lyaml -lcrypt \
	    -lpthread $(CORE_LIBS)

# The core reads no clock and knows neither libbpf nor the terminal; what is kept (recordings, rows,
# the report) is made of bytes alone.  Unit tests link these two without the rest, so that a slip
# does not link.
CORE_SRC := $(wildcard user/core/*.c user/keep/*.c)
USER_SRC := $(wildcard user/*.c user/host/*.c user/sink/*.c user/cmd/*.c)
BPF_SRC  := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/*.c)

CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o)
USER_OBJ := $(USER_SRC:%.c=$(B)/%.o)
UNIT_OBJ := $(UNIT_SRC:%.c=$(B)/%.o)
SKELS    := $(BPF_SRC:bpf/%.bpf.c=$(B)/%.skel.h)
LIVE_BIN := $(patsubst tests/live/%.c,$(B)/live/%,$(wildcard tests/live/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run test check unit live bench kernels clean deps test-deps bench-deps golden golden-update

all: $(B)/sockline

run: deps
	@$(MAKE) --no-print-directory all
	@$(B)/sockline watch --steps

test: deps test-deps
	@$(MAKE) --no-print-directory all check

check: lint unit golden sanitize live

# Installs what is missing, and says nothing when nothing is.
deps:
	@packaging/need $(BUILD_DEPS)
test-deps:
	@packaging/need $(TEST_DEPS)
bench-deps:
	@packaging/need iproute2 python3 libbpf-tools bpftool procps hyperfine sqlite3 clickhouse-server

$(B)/sockline: $(USER_OBJ) $(CORE_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(USER_OBJ): | $(SKELS)
$(B)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/*.h vmlinux/*.h) Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations \
		-target bpf -mcpu=v3 -Ivmlinux -Iinclude -Ibpf -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@ # the verifier's log lives on BTF, not on DWARF

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $(SKELFLAGS) $< name $(notdir $*)_bpf > $@ 2>$@.err || { cat $@.err; false; }

# Light ones: no libbpf at run time, the kernel does what it would do.
$(B)/holders.skel.h $(B)/listeners.skel.h: SKELFLAGS := -L

# report's page, in two halves as C arrays: the data goes between them.
$(B)/report_%.inc: $(wildcard user/page/*)
	$(call say,PAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)user/page/assemble $* > $@
$(B)/user/keep/report_page.o: $(B)/report_head.inc $(B)/report_tail.inc

$(B)/terminfo.inc: packaging/terminfo
	$(Q)mkdir -p $(@D)
	$(Q)packaging/terminfo >$@
$(B)/user/cmd/terminfo.o: $(B)/terminfo.inc

unit: $(B)/unit
	$(call say,TEST,unit)
	$(Q)ASAN_OPTIONS=abort_on_error=1 $(B)/unit --jobs 2

$(B)/unit: $(UNIT_OBJ) $(CORE_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) -lcriterion

$(B)/live/%: tests/live/%.c $(CORE_OBJ)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/live -o $@ $< $(filter %.o,$^) $(LIVE_LIBS) $(CORE_LIBS) -lpthread -luring

$(B)/live/who_truth: LIVE_LIBS := $(LIBS)
$(B)/live/who_truth: $(addprefix $(B)/user/host/,lookup.o snapshot.o snapshot_build.o \
				     snapshot_load.o snapshot_holders.o netns.o netns_inside.o) \
		   $(patsubst %.c,$(B)/%.o,$(wildcard tests/live/who_truth/*.c))
$(B)/live/do_pod: $(B)/user/host/pod.o
$(B)/live/do_http: LIVE_LIBS := $(LIBS)
$(B)/live/do_http: $(patsubst %.c,$(B)/%.o,$(wildcard user/sink/http*.c user/sink/web_config*.c))
$(B)/live/bind_fuzz: $(patsubst %.c,$(B)/%.o,$(wildcard tests/live/bind_fuzz/*.c))

# What the recordings in tests/data say; golden-update takes what they say now for right.
golden: $(B)/sockline
	$(call say,TEST,golden)
	$(Q)B=$(B) tests/golden/run
golden-update: $(B)/sockline
	$(Q)B=$(B) tests/golden/run --update

live: $(B)/sockline $(LIVE_BIN)
	$(call say,TEST,live)
	$(Q)B=$(B) tests/live/run

$(B)/bench/%: tests/bench/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -D_GNU_SOURCE -o $@ $< -lpthread

# Longer than a test, and never asserted: figures of this machine, written to $(B)/bench/*.md.
bench: deps bench-deps $(B)/sockline $(B)/bench/storm $(B)/bench/many $(B)/live/do_timelines
	$(Q)tests/bench/bench_storm.py $(B) --pairs $(or $(BENCH_PAIRS),12) --out $(B)/bench/storm.md
	$(Q)tests/bench/bench_listeners.sh $(B) $(B)/bench/listeners.md
	$(Q)tests/bench/bench_top.py $(B) --pairs $(or $(BENCH_PAIRS),12) --out $(B)/bench/top.md
	$(Q)tests/bench/bench_store.py $(B) --pairs $(or $(BENCH_PAIRS),12) --out $(B)/bench/store.md

# Boots other kernels under emulation; fetches them first.
kernels: deps $(B)/sockline
	@packaging/need qemu-system-x86 busybox-static cpio
	$(Q)tests/kernels/run.py $(B)

clean:
	$(call say,CLEAN,$(B))
	$(Q)rm -rf $(B)

include packaging/lint.mk
include tests/fuzz/fuzz.mk
include packaging/install.mk

-include $(CORE_OBJ:.o=.d) $(USER_OBJ:.o=.d) $(UNIT_OBJ:.o=.d)
