// SPDX-License-Identifier: GPL-2.0-only
/* The generator's model of the bind bucket.  Proven, with the rules, by every situation. */
#include "bucket.h"
#include "world.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

void bucket_reset(struct bucket *b)
{
	memset(b, 0, sizeof(*b));
	b->view.known = true;
}

static struct bucket2 *find2(struct bucket *b, const uint8_t addr[16])
{
	for (int i = 0; i < b->n_second; i++)
		if (!memcmp(b->second[i].addr, addr, 16))
			return &b->second[i];
	return NULL;
}

static struct bucket2 *get2(struct bucket *b, const uint8_t addr[16], int fast)
{
	struct bucket2 *tb2 = find2(b, addr);

	if (tb2)
		return tb2;
	if (b->n_second == BUCKET_MAX)
		world_die(__FILE__, __LINE__);
	tb2 = &b->second[b->n_second++];
	*tb2 = (struct bucket2){.fastreuse = fast, .fastreuseport = fast};
	memcpy(tb2->addr, addr, 16);
	return tb2;
}

static struct bucket_member *member(struct bucket *b, int id)
{
	for (int i = 0; i < b->n_members; i++)
		if (b->members[i].id == id)
			return &b->members[i];
	return NULL;
}

static void add(struct bucket *b, int id, const uint8_t addr[16], bool connect_bind, int fast)
{
	struct bucket_member *m = &b->members[b->n_members++];

	if (b->n_members > BUCKET_MAX)
		world_die(__FILE__, __LINE__);
	get2(b, addr, fast)->owners++;
	m->id = id;
	m->connect_bind = connect_bind;
	memcpy(m->addr, addr, 16);
}

/* inet_csk_update_fastreuse().  Its branch for an empty bucket (which alone sets fastreuse to 1,
 * and fastreuseport to FASTREUSEPORT_ANY) does not run since 6.9: it asks whether tb->bhash2 is
 * empty, and get_port() has just put the new socket's inet_bind2_bucket there. */
static void update(struct bind_bucket *v, const struct bind_sock *s)
{
	struct bind_cand c = {.family = s->family,
			      .port = s->port,
			      .uid = s->uid,
			      .reuseport = s->reuseport,
			      .v6only = s->v6only};
	struct rule_ask ask;

	memcpy(c.addr, s->addr, 16);
	ask = rule_ask_of(&c, s->netns);
	if (!s->reuse || s->state == TCP_LISTEN)
		v->fastreuse = 0;
	if (!s->reuseport) {
		v->fastreuseport = 0;
	} else if (!rule_reuseport_match(v, &ask)) {
		v->fastreuseport = 2;
		v->fastuid = s->uid;
		v->fast_family = s->family;
		v->fast_v6only = s->v6only;
		memcpy(v->fast_addr, s->addr, 16);
	}
}

void bucket_get_port(struct bucket *b, int id, const struct bind_sock *s)
{
	struct bucket2 *tb2;

	update(&b->view, s);
	if (!member(b, id))
		add(b, id, s->addr, false, 0);
	tb2 = find2(b, s->addr);
	tb2->fastreuse = b->view.fastreuse;
	tb2->fastreuseport = b->view.fastreuseport;
}

void bucket_join(struct bucket *b, int id, const uint8_t addr[16], bool connect_bind)
{
	add(b, id, addr, connect_bind, 0);
}

void bucket_connect(struct bucket *b, int id, const uint8_t addr[16])
{
	if (!b->n_members)
		b->view.fastreuse = b->view.fastreuseport = -1;
	add(b, id, addr, true, -1);
}

/* inet_bind2_bucket_destroy(): freed when empty, forgotten when only connect() uses it. */
static void put2(struct bucket *b, const uint8_t addr[16])
{
	struct bucket2 *tb2 = find2(b, addr);

	if (!--tb2->owners) {
		*tb2 = b->second[--b->n_second];
		return;
	}
	for (int i = 0; i < b->n_members; i++)
		if (!memcmp(b->members[i].addr, addr, 16) && !b->members[i].connect_bind)
			return;
	tb2->fastreuse = tb2->fastreuseport = -1;
}

static struct bucket_member take_out(struct bucket *b, int id)
{
	struct bucket_member *m = member(b, id), was = *m;

	*m = b->members[--b->n_members];
	put2(b, was.addr);
	return was;
}

void bucket_move(struct bucket *b, int id, const uint8_t addr[16])
{
	struct bucket_member was;

	if (!memcmp(member(b, id)->addr, addr, 16))
		return;
	was = take_out(b, id);
	add(b, id, addr, was.connect_bind, was.connect_bind ? -1 : 0);
}

/* inet_bind_bucket_destroy() */
void bucket_leave(struct bucket *b, int id)
{
	if (!member(b, id))
		return;
	take_out(b, id);
	if (!b->n_members) {
		bucket_reset(b);
		return;
	}
	for (int i = 0; i < b->n_second; i++)
		if (b->second[i].fastreuse != -1 || b->second[i].fastreuseport != -1)
			return;
	b->view.fastreuse = b->view.fastreuseport = -1;
}
