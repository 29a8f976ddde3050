// SPDX-License-Identifier: GPL-2.0-only
/* Text and bytes of addresses.  Pure. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t zero[16];

bool addr_is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, v4_prefix, sizeof(v4_prefix));
}

bool addr_is_any(const uint8_t addr[16])
{
	return !memcmp(addr, zero, 16) || (addr_is_v4(addr) && !memcmp(addr + 12, zero, 4));
}

bool addr_is_loopback(const uint8_t addr[16])
{
	if (addr_is_v4(addr))
		return addr[12] == 127;
	return !memcmp(addr, zero, 15) && addr[15] == 1;
}

bool addr_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static char *put_byte(char *to, unsigned int n)
{
	if (n > 99)
		*to++ = '0' + n / 100;
	if (n > 9)
		*to++ = '0' + n / 10 % 10;
	*to++ = '0' + n % 10;
	return to;
}

/* inet_ntop() goes through sprintf(): for a store a third of all work. */
static void format_v4(char buf[ADDR_LEN], const uint8_t v4[4])
{
	for (int i = 0; i < 4; i++) {
		buf = put_byte(buf, v4[i]);
		*buf++ = i < 3 ? '.' : 0;
	}
}

char *addr_format(char buf[ADDR_LEN], const uint8_t addr[16])
{
	if (addr_is_v4(addr))
		format_v4(buf, addr + 12);
	else
		inet_ntop(AF_INET6, addr, buf, ADDR_LEN);
	return buf;
}

char *endpoint_format(char buf[ENDPOINT_LEN], const uint8_t addr[16], uint16_t port)
{
	char text[ADDR_LEN];

	addr_format(text, addr);
	snprintf(buf, ENDPOINT_LEN, addr_is_v4(addr) ? "%s:%u" : "[%s]:%u", text, port);
	return buf;
}

int addr_parse(const char *text, uint8_t addr[16])
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		memcpy(addr, v4_prefix, 12);
		memcpy(addr + 12, v4, 4);
		return 0;
	}
	return inet_pton(AF_INET6, text, addr) == 1 ? 0 : -EINVAL;
}

static int number_parse(const char *text, unsigned long max, unsigned long *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	*n = strtoul(text, &end, 10);
	return *end || *n > max ? -EINVAL : 0;
}

int port_parse(const char *text, uint16_t *port)
{
	unsigned long n;

	if (number_parse(text, 65535, &n))
		return -EINVAL;
	*port = n;
	return 0;
}

int prefix_parse(const char *text, struct config_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, max;
	char buf[ADDR_LEN];

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = 0;
	memset(prefix, 0, sizeof(*prefix));
	if (addr_parse(buf, prefix->addr))
		return -EINVAL;
	max = bits = addr_is_v4(prefix->addr) && !strchr(buf, ':') ? 32 : 128;
	if (slash && number_parse(slash + 1, max, &bits))
		return -EINVAL;
	bits += 128 - max;
	for (unsigned int i = 0; i < 128; i++)
		if (i < bits)
			prefix->mask[i / 8] |= 0x80 >> i % 8;
	for (int i = 0; i < 16; i++)
		prefix->addr[i] &= prefix->mask[i];
	prefix->on = 1;
	return 0;
}

bool prefix_contains(const struct config_prefix *prefix, const uint8_t addr[16])
{
	for (int i = 0; i < 16; i++)
		if ((addr[i] & prefix->mask[i]) != prefix->addr[i])
			return false;
	return true;
}

/* Splits at the last colon, or behind "]"; a bare number is a port. */
static int endpoint_split(const char *text, char host[80], const char **port)
{
	const char *colon = strrchr(text, ':'), *start = text;
	size_t len;

	if (*text == '[') {
		start = text + 1;
		colon = strchr(text, ']');
		if (!colon || colon[1] != ':')
			return -EINVAL;
		len = colon - start;
		*port = colon + 2;
	} else if (!colon) {
		len = 0;
		*port = text;
	} else {
		len = colon - text;
		*port = colon + 1;
		/* An IPv6 address without brackets: where would the port begin? */
		if (memchr(text, ':', len))
			return -EINVAL;
	}
	if (len >= 80)
		return -EINVAL;
	memcpy(host, start, len);
	host[len] = 0;
	return 0;
}

int endpoint_parse(const char *text, uint8_t addr[16], bool *has_addr, uint16_t *port,
		   char scope[16])
{
	const char *port_text;
	char host[80], *percent;

	memset(addr, 0, 16);
	scope[0] = 0;
	if (endpoint_split(text, host, &port_text) || port_parse(port_text, port))
		return -EINVAL;
	percent = strchr(host, '%');
	if (percent) {
		*percent++ = 0;
		if (!*percent || strlen(percent) > 15)
			return -EINVAL;
		strcpy(scope, percent);
	}
	*has_addr = *host && strcmp(host, "*");
	return *has_addr ? addr_parse(host, addr) : 0;
}
