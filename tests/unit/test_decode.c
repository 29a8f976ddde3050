// SPDX-License-Identifier: GPL-2.0-only
/* decode.c: bytes that are an event, and bytes that are none. */
#include <errno.h>
#include <stddef.h>

#include "build.h"

static const uint8_t kinds[] = {
	EV_SYN,		  EV_SYNACK,	EV_SYNACK_RETRANSMIT, EV_QUEUED,	EV_ACCEPTED,
	EV_DROP,	  EV_REQUEST_GONE, EV_CHILD_STATE,    EV_REFUSED,	EV_CONNECT,
	EV_CONNECT_STATE, EV_SYN_RETRANSMIT, EV_LISTEN,	      EV_UNLISTEN,	EV_CALL,
	EV_HOST,	  EV_LISTENER,	EV_OWNER,	      EV_CGROUP,	EV_IFNAME,
	EV_LOST,	  EV_END,
};

static union event good(uint8_t kind)
{
	return build(&(struct act){.kind = kind, .what = 1});
}

Test(decode, every_kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct event_desc *desc = event_desc(kinds[i]);
		union event in = good(kinds[i]), out;

		cr_assert(desc, "kind %d", kinds[i]);
		cr_assert_leq(desc->size, EVENT_MAX, "%s", desc->name);
		memset(&out, 0x55, sizeof(out));
		cr_expect_eq(decode_event(&in, desc->size, &out), 0, "%s", desc->name);
		cr_expect_eq(memcmp(&in, &out, desc->size), 0, "%s: changed", desc->name);
	}
}

/* The last byte lies at the end of a buffer of its own: reading beyond it is an error under ASan. */
Test(decode, truncated_at_every_byte)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct event_desc *desc = event_desc(kinds[i]);
		union event in = good(kinds[i]), out;

		for (size_t len = 0; len < desc->size; len++) {
			char *bytes = malloc(len + !len);

			memcpy(bytes, &in, len);
			cr_expect_eq(decode_event(bytes, len, &out), -EBADMSG, "%s: %zu bytes",
				     desc->name, len);
			free(bytes);
		}
	}
}

Test(decode, too_long)
{
	char bytes[EVENT_MAX + 64] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct event_desc *desc = event_desc(kinds[i]);
		union event in = good(kinds[i]), out;

		memcpy(bytes, &in, sizeof(in));
		for (size_t len = desc->size + 1; len <= sizeof(bytes); len++)
			cr_expect_eq(decode_event(bytes, len, &out), -EBADMSG, "%s: %zu bytes",
				     desc->name, len);
	}
}

Test(decode, kinds_that_are_none)
{
	union event in, out;
	int known = 0;

	for (int kind = 0; kind < 256; kind++) {
		const struct event_desc *desc = event_desc(kind);

		if (desc) {
			known++;
			continue;
		}
		memset(&in, 0, sizeof(in));
		in.hdr.kind = kind;
		cr_expect_eq(decode_event(&in, sizeof(in), &out), -EPROTO, "kind %d", kind);
		cr_expect_eq(decode_event(&in, sizeof(in.hdr), &out), -EPROTO, "kind %d", kind);
	}
	cr_expect_eq(known, ARRAY_SIZE(kinds), "a kind has no test: %d", known);
}

Test(decode, not_aligned)
{
	char bytes[EVENT_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct event_desc *desc = event_desc(kinds[i]);
		union event in = good(kinds[i]), out;

		memcpy(bytes + 1, &in, desc->size);
		cr_expect_eq(decode_event(bytes + 1, desc->size, &out), 0, "%s", desc->name);
	}
}

#define FIELD(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

/* One field set to one value: does the event still pass? */
static const struct {
	uint8_t kind;
	size_t at;
	size_t size;
	int64_t value;
	int ret;
} fields[] = {
	{EV_SYN, FIELD(ev_syn, syncookies), 2, 0},
	{EV_SYN, FIELD(ev_syn, syncookies), 3, -EBADMSG},
	{EV_SYN, FIELD(ev_syn, hdr.time_ns), INT64_MAX, 0},
	{EV_SYN, FIELD(ev_syn, hdr.time_ns), INT64_MIN, -EBADMSG},
	{EV_SYN, FIELD(ev_syn, hdr.flags), 0xff, 0},
	{EV_DROP, FIELD(ev_drop, reason), DROP_DEFERRED, 0},
	{EV_DROP, FIELD(ev_drop, reason), DROP_DEFERRED + 1, -EBADMSG},
	{EV_DROP, FIELD(ev_drop, reason), UINT32_MAX, -EBADMSG},
	{EV_REQUEST_GONE, FIELD(ev_request_gone, reason), 0, -EBADMSG},
	{EV_REQUEST_GONE, FIELD(ev_request_gone, reason), GONE_LISTENER_CLOSED, 0},
	{EV_REQUEST_GONE, FIELD(ev_request_gone, reason), GONE_LISTENER_CLOSED + 1, -EBADMSG},
	{EV_CHILD_STATE, FIELD(ev_state, new_state), 12, 0},
	{EV_CHILD_STATE, FIELD(ev_state, new_state), 13, -EBADMSG},
	{EV_CONNECT_STATE, FIELD(ev_state, old_state), 13, -EBADMSG},
	{EV_SYN_RETRANSMIT, FIELD(ev_state, error), 4095, 0},
	{EV_SYN_RETRANSMIT, FIELD(ev_state, error), 4096, -EBADMSG},
	{EV_ACCEPTED, FIELD(ev_accepted, fd), 0, 0},
	{EV_ACCEPTED, FIELD(ev_accepted, fd), -EFAULT, 0},
	{EV_ACCEPTED, FIELD(ev_accepted, fd), -4096, -EBADMSG},
	{EV_CONNECT, FIELD(ev_connect, fd), -1, 0},
	{EV_LISTEN, FIELD(ev_listen, family), 10, 0},
	{EV_LISTEN, FIELD(ev_listen, family), 0, -EBADMSG},
	{EV_UNLISTEN, FIELD(ev_listen, family), 1, -EBADMSG},
	{EV_LISTENER, FIELD(ev_listen, family), 0x0a02, -EBADMSG},
	{EV_LISTENER, FIELD(ev_listen, backlog), -1, 0},
	{EV_CALL, FIELD(ev_call, family), 3, -EBADMSG},
	{EV_CALL, FIELD(ev_call, call), 0, -EBADMSG},
	{EV_CALL, FIELD(ev_call, call), CALL_CONNECT + 1, -EBADMSG},
	{EV_CALL, FIELD(ev_call, result), 1, -EBADMSG},
	{EV_CALL, FIELD(ev_call, result), -4095, 0},
	{EV_CALL, FIELD(ev_call, result), -4096, -EBADMSG},
	{EV_CALL, FIELD(ev_call, result), INT32_MIN, -EBADMSG},
	{EV_LOST, FIELD(ev_lost, cpu), 0xffff, 0},
	{EV_LOST, FIELD(ev_lost, cpu), 0x10000, -EBADMSG},
	{EV_LOST, FIELD(ev_lost, events), UINT32_MAX, 0},
	{EV_LOST, FIELD(ev_lost, events), 1LL << 32, -EBADMSG},
};

Test(decode, ranges)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		union event in = good(fields[i].kind), out;
		const struct event_desc *desc = event_desc(fields[i].kind);

		memcpy((char *)&in + fields[i].at, &fields[i].value, fields[i].size);
		cr_expect_eq(decode_event(&in, desc->size, &out), fields[i].ret,
			     "row %zu: %s, offset %zu, value %ld", i, desc->name, fields[i].at,
			     (long)fields[i].value);
	}
}

Test(decode, strings_end)
{
	static const struct {
		uint8_t kind;
		size_t at, size;
	} rows[] = {
		{EV_ACCEPTED, FIELD(ev_accepted, process.comm)},
		{EV_CONNECT, FIELD(ev_connect, process.comm)},
		{EV_LISTEN, FIELD(ev_listen, process.comm)},
		{EV_UNLISTEN, FIELD(ev_listen, process.comm)},
		{EV_LISTENER, FIELD(ev_listen, process.comm)},
		{EV_CALL, FIELD(ev_call, process.comm)},
		{EV_OWNER, FIELD(ev_owner, process.comm)},
		{EV_CGROUP, FIELD(ev_name, name)},
		{EV_IFNAME, FIELD(ev_name, name)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union event in = good(rows[i].kind), out;

		memset((char *)&in + rows[i].at, 'x', rows[i].size);
		cr_expect_eq(decode_event(&in, event_desc(rows[i].kind)->size, &out), 0);
		cr_expect_eq(strnlen((char *)&out + rows[i].at, rows[i].size), rows[i].size - 1,
			     "row %zu", i);
	}
}

/* Whatever the bytes are: no more is read than there is, and what passes is a known kind. */
Test(decode, any_bytes)
{
	uint32_t rnd = 1, passed = 0;
	union event out;

	for (int i = 0; i < 300000; i++) {
		uint8_t kind = kinds[i / 2 % ARRAY_SIZE(kinds)];
		size_t len = i % 2 ? event_desc(kind)->size : i % (EVENT_MAX + 8);
		uint8_t *bytes = malloc(len + !len);

		for (size_t k = 0; k < len; k++)
			bytes[k] = (rnd = rnd * 1664525 + 1013904223) >> 24;
		if (i % 2)
			bytes[offsetof(struct ev_hdr, kind)] = kind;
		if (!decode_event(bytes, len, &out)) {
			passed++;
			cr_assert(event_desc(out.hdr.kind) &&
				  event_desc(out.hdr.kind)->size == len);
		}
		free(bytes);
	}
	cr_expect_gt(passed, 100);
}
