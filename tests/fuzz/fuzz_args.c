// SPDX-License-Identifier: GPL-2.0-only
/* Options and addresses, as a command line has them: a word a line.  What is taken must come back
 * the same when it is printed and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "filter.h"
#include "fuzz_run.h"
#include "opts.h"

#define WORDS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cmd cmd = {
	.name = "fuzz",
	.args = "[WORD]...",
	.summary = "takes what other commands take",
	.groups = {&filter_group, &common_group},
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void addresses(const char *word)
{
	uint8_t addr[16], again[16];
	char text[ENDPOINT_LEN], scope[16];
	struct config_prefix prefix;
	uint16_t port, port_again;
	bool has_addr;

	if (!addr_parse(word, addr)) {
		must(!addr_parse(addr_format(text, addr), again));
		must(!memcmp(addr, again, 16));
		fuzz_check_text("address", text, strlen(text));
	}
	if (!prefix_parse(word, &prefix))
		must(prefix_contains(&prefix, prefix.addr));
	if (!port_parse(word, &port))
		must(atoi(word) == port);
	if (!endpoint_parse(word, addr, &has_addr, &port, scope)) {
		must(memchr(scope, 0, sizeof(scope)) != NULL);
		endpoint_format(text, addr, port);
		must(!endpoint_parse(text, again, &has_addr, &port_again, scope));
		must(!memcmp(addr, again, 16) && port == port_again);
	}
}

static void options(int argc, char **argv)
{
	struct filter f = {0};
	struct common c = {0};
	struct config config = {0};
	int first = opts_parse(&cmd, argc, argv, (void *[]){&f, &c});

	must(first <= argc);
	if (first < 0)
		must(opts_exit(first) == EXIT_YES || opts_exit(first) == EXIT_UNABLE);
	filter_to_config(&f, &config);
	must(c.duration >= 0);
	must(!f.ports_on || !filter_port(&f, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS + 2] = {"fuzz"}, *words = malloc(size + 1), *save = NULL;
	int argc = 1;

	if (!words)
		abort();
	stdout = stderr = fopen("/dev/null", "w");
	memcpy(words, data, size);
	words[size] = 0;
	for (char *w = strtok_r(words, "\n", &save); w && argc <= WORDS;
	     w = strtok_r(NULL, "\n", &save)) {
		addresses(w);
		argv[argc++] = w;
	}
	options(argc, argv);
	fclose(stdout);
	free(words);
	return 0;
}
