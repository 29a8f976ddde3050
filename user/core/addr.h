/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as event.h has them: 16 bytes, IPv4 v4-mapped, ports in host order. */
#ifndef SOCKLINE_ADDR_H
#define SOCKLINE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

#define ADDR_LEN     46 /* INET6_ADDRSTRLEN */
#define ENDPOINT_LEN 56 /* [addr]:port and the final 0 */

bool addr_is_v4(const uint8_t addr[16]);
bool addr_is_any(const uint8_t addr[16]); /* 0.0.0.0 or :: */
bool addr_is_loopback(const uint8_t addr[16]);
/* fe80::/10 */
bool addr_is_link_local(const uint8_t addr[16]);

/* "10.0.0.1", "::1".  Returns buf. */
char *addr_format(char buf[ADDR_LEN], const uint8_t addr[16]);
/* "10.0.0.1:80", "[::1]:80".  Returns buf. */
char *endpoint_format(char buf[ENDPOINT_LEN], const uint8_t addr[16], uint16_t port);

/* 0 or -EINVAL.  "*" is not an address here. */
int addr_parse(const char *text, uint8_t addr[16]);
/* "10.0.0.0/8", "::1"; bits outside the mask are cleared. */
int prefix_parse(const char *text, struct config_prefix *prefix);
bool prefix_contains(const struct config_prefix *prefix, const uint8_t addr[16]);

/* A decimal port from 0 to 65535, nothing behind it. */
int port_parse(const char *text, uint16_t *port);

/*
 * "ADDR:PORT", "[ADDR]:PORT", ":PORT", "*:PORT" or "PORT".  has_addr tells whether an address was
 * named; "*" and an empty one leave addr all zero (::).  An interface behind "%" is copied to
 * scope (16 bytes, "" if none).  0 or -EINVAL.
 */
int endpoint_parse(const char *text, uint8_t addr[16], bool *has_addr, uint16_t *port,
		   char scope[16]);

#endif
