// SPDX-License-Identifier: GPL-2.0-only
/* Owns the syntax and the meaning of `audit --allow`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "allow.h"
#include "exposure.h"

#define ITEM_LEN 80

static int parse_ports(const char *text, struct allow_item *item)
{
	const char *dash = strchr(text, '-');
	char low[8];

	if (!strcmp(text, "*")) {
		item->port_low = 1;
		item->port_high = 65535;
		return 0;
	}
	if (!dash) {
		if (port_parse(text, &item->port_low))
			return -EINVAL;
		item->port_high = item->port_low;
		return item->port_low ? 0 : -EINVAL;
	}
	if ((size_t)(dash - text) >= sizeof(low))
		return -EINVAL;
	memcpy(low, text, dash - text);
	low[dash - text] = 0;
	if (port_parse(low, &item->port_low) || port_parse(dash + 1, &item->port_high))
		return -EINVAL;
	return item->port_low && item->port_low <= item->port_high ? 0 : -EINVAL;
}

/* What stands before the port: an address, a process name, or nothing. */
static int parse_who(char *text, struct allow_item *item)
{
	size_t len = strlen(text);

	if (!len || !strcmp(text, "*"))
		return 0;
	item->has_addr = true;
	if (*text == '[') {
		if (text[len - 1] != ']')
			return -EINVAL;
		text[len - 1] = 0;
		return addr_parse(text + 1, item->addr);
	}
	if (!addr_parse(text, item->addr))
		return addr_is_v4(item->addr) ? 0 : -EINVAL; /* IPv6 stands in brackets */
	item->has_addr = false;
	if (len >= EV_COMM_LEN || strpbrk(text, "/[]:") || strspn(text, "0123456789.") == len)
		return -EINVAL;
	memcpy(item->comm, text, len + 1);
	return 0;
}

static int parse_item(char *text, struct allow_item *item)
{
	char *colon = strrchr(text, ':');

	memset(item, 0, sizeof(*item));
	if (!colon)
		return parse_ports(text, item);
	*colon = 0;
	return parse_ports(colon + 1, item) || parse_who(text, item) ? -EINVAL : 0;
}

int allow_add(struct allow *a, const char *list)
{
	struct allow_item *items;
	char text[ITEM_LEN];
	size_t len;

	do {
		len = strcspn(list, ",");
		if (!len || len >= sizeof(text))
			return -EINVAL;
		memcpy(text, list, len);
		text[len] = 0;
		items = realloc(a->items, (a->cnt + 1) * sizeof(*items));
		if (!items)
			return -ENOMEM;
		a->items = items;
		if (parse_item(text, &items[a->cnt]))
			return -EINVAL;
		a->cnt++;
		list += len;
	} while (*list++ == ',');
	return 0;
}

void allow_free(struct allow *a)
{
	free(a->items);
	*a = (struct allow){0};
}

static bool addr_has(const struct allow_item *item, const struct snap_sock *s)
{
	if (!memcmp(item->addr, s->laddr, 16))
		return true;
	if (!addr_is_any(item->addr))
		return false;
	return !addr_is_v4(item->addr) || (addr_is_v4(s->laddr) && !exposure_dual_stack(s));
}

static bool comm_has(const struct allow_item *item, const struct snap_owner *owners, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (strncmp(item->comm, owners[i].comm, EV_COMM_LEN))
			return false;
	return cnt > 0;
}

bool allow_has(const struct allow *a, const struct snap_sock *s, const struct snap_owner *owners,
	       uint32_t owner_cnt)
{
	for (size_t i = 0; i < a->cnt; i++) {
		const struct allow_item *item = &a->items[i];

		if (s->lport < item->port_low || s->lport > item->port_high)
			continue;
		if (item->has_addr && !addr_has(item, s))
			continue;
		if (!*item->comm || comm_has(item, owners, owner_cnt))
			return true;
	}
	return false;
}
