// SPDX-License-Identifier: GPL-2.0-only
/* A key that is not in these tables is refused: what protects must not be skipped in silence. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "web_config_read.h"

#define COST_MAX 14 /* about a second a check; each step more takes twice as long */

struct reading {
	const char *path;
	yaml_document_t doc;
	struct web_settings *s;
	char *why;
};

struct key {
	const char *name;
	int (*set)(struct reading *r, const struct key *key, yaml_node_t *value);
	size_t at; /* of what is set in struct web_settings */
	const struct key *keys;
};

struct word {
	const char *name;
	int value;
};

static int __attribute__((format(printf, 3, 4)))
refuse(const struct reading *r, const yaml_mark_t *mark, const char *fmt, ...)
{
	va_list args;
	int len = snprintf(r->why, HTTP_WHY, "%s:%zu: ", r->path, mark->line + 1);

	if (len < HTTP_WHY) {
		va_start(args, fmt);
		vsnprintf(r->why + len, HTTP_WHY - len, fmt, args);
		va_end(args);
	}
	return -EINVAL;
}

/* A scalar without a zero byte in it; NULL: refused. */
static const char *text_of(struct reading *r, const char *name, yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type == YAML_SCALAR_NODE && *text && strlen(text) == node->data.scalar.length)
		return text;
	refuse(r, &node->start_mark, "%s: a value is wanted", name);
	return NULL;
}

static int set_file(struct reading *r, const struct key *key, yaml_node_t *value)
{
	struct web_file *file = (struct web_file *)((char *)r->s + key->at);
	const char *text = text_of(r, key->name, value), *slash = strrchr(r->path, '/');
	int dir = slash && text && *text != '/' ? (int)(slash + 1 - r->path) : 0;

	if (!text)
		return -EINVAL;
	file->line = value->start_mark.line + 1;
	if (asprintf(&file->path, "%.*s%s", dir, r->path, text) < 0) {
		file->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The value of the word that is text; -1 and a line that lists them. */
static int word_of(struct reading *r, const char *name, yaml_node_t *value,
		   const struct word *words)
{
	const char *text = text_of(r, name, value);
	char list[200] = "";

	if (!text)
		return -1;
	for (const struct word *w = words; w->name; w++) {
		if (!strcmp(w->name, text))
			return w->value;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 w == words ? "" : ", ", w->name);
	}
	refuse(r, &value->start_mark, "%s: one of %s is wanted", name, list);
	return -1;
}

static int set_client_auth(struct reading *r, const struct key *key, yaml_node_t *value)
{
	static const struct word words[] = {
		{"NoClientCert", WEB_NO_CLIENT},
		{"RequestClientCert", WEB_REQUEST},
		{"RequireAnyClientCert", WEB_REQUIRE_ANY},
		{"VerifyClientCertIfGiven", WEB_VERIFY_IF_GIVEN},
		{"RequireAndVerifyClientCert", WEB_REQUIRE_AND_VERIFY},
		{0},
	};
	int auth = word_of(r, key->name, value, words);

	if (auth < 0)
		return -EINVAL;
	r->s->client_auth = auth;
	r->s->client_auth_line = value->start_mark.line + 1;
	return 0;
}

static int set_version(struct reading *r, const struct key *key, yaml_node_t *value)
{
	static const struct word words[] = {
		{"TLS12", WEB_TLS12},
		{"TLS13", WEB_TLS13},
		{0},
	};
	int version = word_of(r, key->name, value, words);

	if (version < 0)
		return -EINVAL;
	*(enum web_tls_version *)((char *)r->s + key->at) = version;
	return 0;
}

/* "$2y$10$…", of a cost that can be borne. */
static bool is_bcrypt(const char *hash, unsigned *cost)
{
	char kind;
	int len = 0;

	if (strlen(hash) != WEB_HASH - 1 || sscanf(hash, "$2%c$%2u$%n", &kind, cost, &len) != 2)
		return false;
	return len == 7 && strchr("aby", kind) && *cost >= 4 &&
	       strspn(hash + 7, "./0123456789abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 53;
}

static int add_user(struct reading *r, yaml_node_t *name_node, yaml_node_t *hash_node)
{
	const char *name = text_of(r, "basic_auth_users", name_node), *hash;
	struct web_user *users;
	unsigned cost = 0;

	hash = name ? text_of(r, name, hash_node) : NULL;
	if (!hash)
		return -EINVAL;
	if (strchr(name, ':'))
		return refuse(r, &name_node->start_mark, "a user's name has no ':' in it");
	if (!is_bcrypt(hash, &cost))
		return refuse(r, &hash_node->start_mark,
			      "%s: no bcrypt hash; `htpasswd -nBC 10 '' ` makes one", name);
	if (cost > COST_MAX)
		return refuse(r, &hash_node->start_mark,
			      "%s: a bcrypt cost of %u; at most %u, or each check takes seconds",
			      name, cost, COST_MAX);
	users = reallocarray(r->s->users, r->s->user_cnt + 1, sizeof(*users));
	if (!users)
		return -ENOMEM;
	r->s->users = users;
	users += r->s->user_cnt;
	memset(users, 0, sizeof(*users));
	memcpy(users->hash, hash, WEB_HASH);
	users->name = strdup(name);
	if (!users->name)
		return -ENOMEM;
	r->s->user_cnt++;
	return 0;
}

static int set_http2(struct reading *r, const struct key *key, yaml_node_t *value)
{
	const char *text = text_of(r, key->name, value);

	if (!text)
		return -EINVAL;
	return strcmp(text, "false") ? refuse(r, &value->start_mark,
					      "http2: false is wanted, HTTP/1.1 is what is spoken")
				     : 0;
}

/* Each key of a mapping once; calls back for each. */
static int each(struct reading *r, const char *name, yaml_node_t *map,
		int (*take)(struct reading *r, const void *ctx, yaml_node_t *key,
			    yaml_node_t *value),
		const void *ctx)
{
	if (map->type != YAML_MAPPING_NODE)
		return refuse(r, &map->start_mark, "%s: keys and values are wanted", name);
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		const char *text = text_of(r, name, key);
		int ret = text ? 0 : -EINVAL;

		for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p && !ret; q++)
			if (!strcmp(text, (char *)yaml_document_get_node(&r->doc, q->key)
						  ->data.scalar.value))
				return refuse(r, &key->start_mark, "'%s' is there twice", text);
		if (!ret)
			ret = take(r, ctx, key, yaml_document_get_node(&r->doc, p->value));
		if (ret)
			return ret;
	}
	return 0;
}

static int take_user(struct reading *r, const void *ctx, yaml_node_t *key, yaml_node_t *value)
{
	return add_user(r, key, value);
}

static int set_users(struct reading *r, const struct key *key, yaml_node_t *value)
{
	return each(r, key->name, value, take_user, NULL);
}

static int take_key(struct reading *r, const void *ctx, yaml_node_t *node, yaml_node_t *value)
{
	const char *text = (const char *)node->data.scalar.value;
	char list[200] = "";

	for (const struct key *k = ctx; k->name; k++) {
		if (!strcmp(k->name, text))
			return k->set(r, k, value);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 k == ctx ? "" : ", ", k->name);
	}
	return refuse(r, &node->start_mark, "'%s' is not supported here; what is: %s", text, list);
}

static int set_keys(struct reading *r, const struct key *key, yaml_node_t *value)
{
	return each(r, key->name, value, take_key, key->keys);
}

#define S(field) offsetof(struct web_settings, field)

static const struct key tls_keys[] = {
	{"cert_file", set_file, S(cert), NULL},
	{"key_file", set_file, S(key), NULL},
	{"client_ca_file", set_file, S(client_ca), NULL},
	{"client_auth_type", set_client_auth, 0, NULL},
	{"min_version", set_version, S(min), NULL},
	{"max_version", set_version, S(max), NULL},
	{0},
};
static const struct key http_keys[] = {
	{"http2", set_http2, 0, NULL},
	{0},
};
static const struct key file_keys[] = {
	{"tls_server_config", set_keys, 0, tls_keys},
	{"http_server_config", set_keys, 0, http_keys},
	{"basic_auth_users", set_users, 0, NULL},
	{0},
};

/* What no key alone can tell. */
static int check(struct reading *r, yaml_node_t *root)
{
	struct web_settings *s = r->s;
	bool verifies = s->client_auth >= WEB_VERIFY_IF_GIVEN;
	yaml_mark_t at = {0};

	if (!s->cert.path != !s->key.path) {
		at.line = (s->cert.path ? s->cert.line : s->key.line) - 1;
		return refuse(r, &at, "cert_file and key_file are wanted together");
	}
	if (!s->cert.path && (s->client_ca.path || s->client_auth_line)) {
		at.line = (s->client_ca.path ? s->client_ca.line : s->client_auth_line) - 1;
		return refuse(r, &at,
			      "clients have certificates with TLS alone: cert_file is "
			      "wanted");
	}
	if (s->client_ca.path && !verifies) {
		at.line = s->client_ca.line - 1;
		return refuse(r, &at,
			      "client_ca_file without a client_auth_type that verifies: "
			      "RequireAndVerifyClientCert or VerifyClientCertIfGiven");
	}
	if (verifies && !s->client_ca.path) {
		at.line = s->client_auth_line - 1;
		return refuse(r, &at, "client_auth_type: by which client_ca_file?");
	}
	if (s->min > s->max)
		return refuse(r, &root->start_mark, "min_version is above max_version");
	return 0;
}

static int read_document(struct reading *r)
{
	const struct key top = {"the file", set_keys, 0, file_keys};
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	int ret;

	/* An empty file is plain HTTP for everybody. */
	if (!root)
		return 0;
	ret = set_keys(r, &top, root);
	return ret ? ret : check(r, root);
}

int web_settings_read(const char *path, struct web_settings *s, char why[HTTP_WHY])
{
	struct reading r = {.path = path, .s = s, .why = why};
	yaml_parser_t parser;
	FILE *in = fopen(path, "re");
	int ret;

	*s = (struct web_settings){.max = WEB_TLS13};
	why[0] = 0;
	if (!in) {
		ret = -errno;
		snprintf(why, HTTP_WHY, "%s: %s", path, strerror(-ret));
		return ret;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(in);
		return -ENOMEM;
	}
	yaml_parser_set_input_file(&parser, in);
	if (yaml_parser_load(&parser, &r.doc)) {
		ret = read_document(&r);
		yaml_document_delete(&r.doc);
	} else if (ferror(in)) {
		ret = -EISDIR; /* what can be opened and not read */
	} else {
		ret = refuse(&r, &parser.problem_mark, "%s",
			     parser.problem ? parser.problem : "no YAML");
	}
	yaml_parser_delete(&parser);
	fclose(in);
	if (ret && !*why)
		snprintf(why, HTTP_WHY, "%s: %s", path, strerror(-ret));
	return ret;
}

void web_settings_free(struct web_settings *s)
{
	for (size_t i = 0; i < s->user_cnt; i++)
		free(s->users[i].name);
	free(s->users);
	free(s->cert.path);
	free(s->key.path);
	free(s->client_ca.path);
	*s = (struct web_settings){0};
}
