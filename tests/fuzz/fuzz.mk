# Fuzz targets: make fuzz FUZZ_SECONDS=N runs each so long, from tests/data and what was found.
FUZZ_SECONDS ?= 60
FUZZ_CLANG   ?= clang
FUZZ_FLAGS   := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -DORDER_CAPACITY=256 -DLISTENER_CAPACITY=16 -DCPUS=16
FUZZ_TARGETS := file stream args
FUZZ_SRC     := $(filter-out %/store_schema.c %/report_page.c,$(CORE_SRC)) \
		user/sink/sink_text.c user/sink/sink_json.c
FUZZ_CORE    := $(FUZZ_SRC:%.c=$(B)/fuzz/%.o) $(B)/fuzz/tests/fuzz/fuzz_run.o

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_TARGETS:%=$(B)/fuzz/fuzz_%) $(B)/fuzz/unpack

$(B)/fuzz/%.o: %.c Makefile tests/fuzz/fuzz.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(ALL_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -Itests/fuzz -MMD -MP \
		-c -o $@ $<

$(B)/fuzz/core.a: $(FUZZ_CORE)
	$(Q)rm -f $@
	$(Q)$(AR) rc $@ $^

$(B)/fuzz/fuzz_%: $(B)/fuzz/tests/fuzz/fuzz_%.o $(B)/fuzz/core.a
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(CORE_LIBS) -lm

$(B)/fuzz/unpack: $(B)/fuzz/tests/fuzz/unpack.o $(B)/fuzz/core.a
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CLANG) $(FUZZ_FLAGS) -o $@ $^ $(CORE_LIBS) -lm

# What was found once, and stays mended.
.PHONY: fuzz-found
fuzz-found: fuzz-build
	$(call say,TEST,fuzz-found)
	$(Q)for t in $(FUZZ_TARGETS); do \
		ASAN_OPTIONS=abort_on_error=1 $(B)/fuzz/fuzz_$$t -runs=1 tests/fuzz/found/* \
			tests/fuzz/args/* tests/data/*.rec >$(B)/fuzz/log-found-$$t 2>&1 || \
			{ cat $(B)/fuzz/log-found-$$t; exit 1; }; done

fuzz: fuzz-build
	$(Q)B=$(B) SECONDS_EACH=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_TARGETS)

# The same tests, with every read and write watched.
.PHONY: sanitize
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize:
	$(Q)ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory \
		B=$(B)/sanitize CFLAGS="$(SANITIZE)" LDFLAGS="-fsanitize=address,undefined" unit golden fuzz-found
	$(Q)B=$(B)/sanitize tests/live/run test_record test_replay

-include $(FUZZ_CORE:.o=.d)
