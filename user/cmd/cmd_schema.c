// SPDX-License-Identifier: GPL-2.0-only
/* sockline schema: the tables of the stores. */
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "store_schema.h"

struct schema {
	const char *cluster;
};

static const struct opt schema_opts[] = {
	{0, "cluster", "NAME", "ClickHouse: replicated over this cluster, and distributed",
	 opt_set_str, offsetof(struct schema, cluster), "the name of a cluster"},
	{0},
};
static const struct opt_group schema_group = {"Schema", schema_opts};

static void sqlite(struct store_text *t, const char *cluster)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		store_create(t, STORE_SQLITE, store_tables[i], NULL);
		store_text_add(t, ";\n\n");
	}
	store_create_sqlite_rest(t);
}

static void clickhouse(struct store_text *t, const char *cluster)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		store_create(t, STORE_CLICKHOUSE, store_tables[i], cluster);
		store_text_add(t, ";\n\n");
		if (!cluster)
			continue;
		store_create_distributed(t, store_tables[i], cluster);
		store_text_add(t, ";\n\n");
	}
}

static void markdown(struct store_text *t, const char *cluster)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		const struct store_table *table = store_tables[i];

		store_text_add(t,
			       "### `%s`: %s\n\n| column | SQLite | ClickHouse | what |\n"
			       "|---|---|---|---|\n",
			       table->name, table->what);
		for (size_t k = 0; k < table->column_cnt; k++)
			store_describe(t, &table->columns[k]);
		store_text_add(t, "\n");
	}
}

static const struct {
	const char *name;
	void (*print)(struct store_text *t, const char *cluster);
} kinds[] = {{"sqlite", sqlite}, {"clickhouse", clickhouse}, {"markdown", markdown}};

static int schema_run(const struct cmd *cmd, int argc, char **argv)
{
	struct schema s = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&s});
	struct store_text text = {0};

	if (first < 0)
		return opts_exit(first);
	if (argc - first != 1)
		return opts_error(cmd, "wants one of sqlite, clickhouse, markdown");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[first], kinds[i].name))
			kinds[i].print(&text, s.cluster);
	if (text.failed)
		return opts_error(cmd, "out of memory");
	if (!text.len)
		return opts_error(cmd, "'%s' is none of sqlite, clickhouse, markdown", argv[first]);
	fputs(text.buf, stdout);
	store_text_free(&text);
	return fflush(stdout) ? opts_error(cmd, "cannot write") : EXIT_YES;
}

const struct cmd cmd_schema = {
	.name = "schema",
	.args = "sqlite|clickhouse|markdown",
	.summary = "the tables that export --store fills",
	.help = "Prints the statements that make the tables, or what their columns mean.\n"
		"export makes them itself where there are none; a cluster's are made by hand.\n",
	.groups = {&schema_group},
	.run = schema_run,
};
