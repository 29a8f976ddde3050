// SPDX-License-Identifier: GPL-2.0-only
/* Owns the JSON shape of a timeline's steps, and of the account of a stream.  Pure. */
#include "output_json.h"

void output_json_steps(struct json *j, const char *key, const struct story *s)
{
	uint64_t start = story_start_ns(s);

	json_array(j, key);
	for (int i = 0; i < s->step_cnt; i++) {
		const struct step *step = &s->steps[i];

		json_object(j, NULL);
		json_str(j, "step", step_name(step->kind));
		json_u64(j, "at_us", (step->time_ns - start) / 1000);
		if (step->synq != QUEUE_UNKNOWN)
			json_u64(j, "synq", step->synq);
		if (step->acceptq != QUEUE_UNKNOWN)
			json_u64(j, "acceptq", step->acceptq);
		json_end_object(j);
	}
	json_end_array(j);
}

void output_json_account(struct json *j, const struct account *a)
{
	json_u64(j, "connections", a->connections);
	json_u64(j, "failed", a->failed);
	json_u64(j, "incomplete", a->incomplete);
	json_u64(j, "events", a->events);
	json_u64(j, "lost", a->lost);
	json_u64(j, "late", a->late);
	json_u64(j, "evicted", a->evicted);
	json_u64(j, "malformed", a->malformed);
}
