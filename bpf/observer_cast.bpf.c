// SPDX-License-Identifier: GPL-2.0-only
/* The observer for kernels that have bpf_rdonly_cast(), 6.2 and later.  It is an object of its own
 * because the verifiers of 5.12 to 5.15 refuse what they do not know even where it is never reached. */
#define HAS_CAST 1
#include "observer.bpf.c"
