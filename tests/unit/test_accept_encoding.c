// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>

#include "accept_encoding.h"

Test(accept_encoding, gzip)
{
	static const struct {
		const char *header;
		bool accepts;
	} cases[] = {
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"gzip, deflate, br", true},
		{"deflate,\tgzip;q=1.0", true},
		{"br;q=1.0, gzip;q=0.001", true},
		{" , ,gzip", true},
		{"*", true},
		{"*;q=0.1", true},
		{"gzip;q=0", false},
		{"gzip;q=0.", false},
		{"gzip; q=0.000", false},
		{"gzip;Q=0", false},
		{"*;q=0", false},
		{"*, gzip;q=0", false},
		{"gzip;q=0, *", false},
		{"identity", false},
		{"x-gzip", false},
		{"gzipped", false},
		{"gzi", false},
		{",", false},
		{";q=1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(accepts_gzip(cases[i].header), cases[i].accepts, "'%s'",
			     cases[i].header);
}
