# SPDX-License-Identifier: GPL-2.0-only
# make lint: layout, size of files and functions, clang-tidy, cppcheck, and both compilers without a
# warning; links in documents.  make asan: the unit tests under AddressSanitizer and UBSan.

LINT_SRC := $(wildcard $(foreach dir,bpf include user user/* tests/unit tests/live tests/live/* tests/fuzz \
				     tests/bench,$(dir)/*.c $(dir)/*.h))
LINT_C   := $(CORE_SRC) $(USER_SRC) $(UNIT_SRC) $(wildcard tests/live/*.c tests/live/*/*.c)
# Generated: not to be judged.
$(B)/lint/%: INCLUDES := -Iinclude $(ROOMS) -Itests/live -Itests/unit -isystem $(B)

.PHONY: lint lint-format lint-links lint-rooms lint-tidy lint-cppcheck lint-warnings asan

lint:
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) lint-format lint-links lint-rooms lint-cppcheck \
		lint-warnings lint-tidy

lint-format:
	$(call say,LINT,format)
	$(Q)packaging/format $(LINT_SRC)

lint-links:
	$(call say,LINT,links)
	$(Q)packaging/links $(wildcard *.md docs/*.md)

lint-rooms:
	$(call say,LINT,rooms)
	$(Q)packaging/rooms $(LINT_SRC)

# What libbpf's macros mean is told, because its headers are not read.
lint-cppcheck:
	$(call say,LINT,cppcheck)
	$(Q)mkdir -p $(B)/lint/cppcheck
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j$(shell nproc) \
		--enable=warning,performance,portability --cppcheck-build-dir=$(B)/lint/cppcheck \
		--suppress=missingInclude --suppress=missingIncludeSystem -Iinclude $(ROOMS) -Itests/unit \
		'-DLIBBPF_OPTS(type,name,...)=struct type name = {0}' \
		'-Dbpf_object__for_each_program(program,object)=while (next(program, object))' \
		$(filter user/% tests/unit/%,$(LINT_C))

lint-tidy: $(LINT_C:%.c=$(B)/lint/tidy/%.ok)
$(B)/lint/tidy/%.ok: %.c .clang-tidy $(wildcard include/*.h user/*/*.h tests/*/*.h) | $(SKELS) lint-made
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --line-filter='[{"name":"$<"},{"name":"$(<:.c=.h)"}]' $< -- \
		$(ALL_CFLAGS) 2>$(@:.ok=.log) || { cat $(@:.ok=.log); false; }
	$(Q)touch $@

lint-warnings: $(foreach cc,gcc clang,$(LINT_C:%.c=$(B)/lint/$(cc)/%.o))
define WARNINGS_OF
$$(B)/lint/$(1)/%.o: %.c Makefile | $$(SKELS) lint-made
	$$(call say,$(1),$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(1) $$(ALL_CFLAGS) -Werror -MMD -MP -c -o $$@ $$<
endef
$(foreach cc,gcc clang,$(eval $(call WARNINGS_OF,$(cc))))
-include $(foreach cc,gcc clang,$(LINT_C:%.c=$(B)/lint/$(cc)/%.d))

# What else is generated, and included.
.PHONY: lint-made
lint-made: $(B)/report_head.inc $(B)/report_tail.inc $(B)/terminfo.inc

# The unit tests alone, with every read and write watched; make sanitize runs more.
asan:
	$(Q)UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory B=$(B)/sanitize \
		CFLAGS="$(SANITIZE)" LDFLAGS="-fsanitize=address,undefined" unit
