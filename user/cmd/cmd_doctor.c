// SPDX-License-Identifier: GPL-2.0-only
/* sockline doctor: what this kernel and these privileges allow. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd_doctor.h"
#include "cmds.h"
#include "errno_name.h"
#include "text_table.h"

static const char *verdict_name(enum verdict v)
{
	switch (v) {
	case VERDICT_OK:
		return "ok";
	case VERDICT_PARTLY:
		return "partly";
	case VERDICT_MISSING:
		return "missing";
	case VERDICT_ELSE:
		return "not_for_this_kernel";
	}
	return "?";
}

static void tell_json(struct doctor *d, const struct finding *f)
{
	struct json *j = &d->json;

	json_object(j, NULL);
	json_str(j, "type", "check");
	json_str(j, "group", f->group);
	json_str(j, "name", f->name);
	json_str(j, "verdict", verdict_name(f->verdict));
	json_bool(j, "essential", f->essential);
	json_str(j, "errno", f->error ? errno_name(-f->error) : NULL);
	json_str(j, "value", f->value);
	json_str(j, "unseen", f->unseen);
	json_str(j, "advice", f->advice);
	json_end_object(j);
	json_newline(j);
	fwrite(j->buf, 1, j->len, stdout);
	j->len = 0;
}

static void heading(struct doctor *d, const char *group)
{
	static const struct {
		const char *group;
		const char *title;
	} titles[] = {
		{"kernel", "KERNEL"},
		{"capability", "CAPABILITIES"},
		{"probe", "PROBES"},
		{"object", "QUESTIONS TO THE KERNEL"},
	};

	if (d->group && !strcmp(d->group, group))
		return;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (!strcmp(titles[i].group, group) && !d->common->no_header)
			printf("%s%s%s%s\n", d->group ? "\n" : "", colour_on(&d->look, BOLD),
			       titles[i].title, colour_off(&d->look));
	d->group = group;
}

#define NOTE_INDENT 10

static void tell_text(struct doctor *d, const struct finding *f)
{
	static const struct {
		const char *word;
		enum colour colour;
	} words[] = {
		[VERDICT_OK] = {"ok", GREEN},
		[VERDICT_PARTLY] = {"partly", YELLOW},
		[VERDICT_MISSING] = {"MISSING", RED},
		[VERDICT_ELSE] = {"-", DIM},
	};
	char note[400];

	heading(d, f->group);
	printf("%s%-8s%s ", colour_on(&d->look, words[f->verdict].colour), words[f->verdict].word,
	       colour_off(&d->look));
	text_pad(f->name, f->value || f->error ? 25 : 0);
	if (f->value)
		printf(" %s", f->value);
	if (f->error)
		printf("%s%s: %s", f->value ? ", " : " ", errno_name(-f->error),
		       strerror(-f->error));
	putchar('\n');
	if (f->verdict == VERDICT_OK || f->verdict == VERDICT_ELSE)
		return;
	snprintf(note, sizeof(note), "%s%s%s%s", f->unseen ? "not seen without it: " : "",
		 f->unseen ? f->unseen : "", f->unseen && f->advice ? "; " : "",
		 f->advice ? f->advice : "");
	if (*note)
		text_wrap(&d->look, NOTE_INDENT, note);
}

void doctor_tell(struct doctor *d, const struct finding *f)
{
	d->checks += f->verdict != VERDICT_ELSE;
	d->partly += f->verdict == VERDICT_PARTLY;
	d->missing += f->verdict == VERDICT_MISSING;
	if (d->common->json)
		tell_json(d, f);
	else
		tell_text(d, f);
}

static void last_word(struct doctor *d)
{
	struct json *j = &d->json;

	if (d->common->json) {
		json_object(j, NULL);
		json_str(j, "type", "summary");
		json_bool(j, "ok", !d->missing);
		json_u64(j, "checks", d->checks);
		json_u64(j, "partly", d->partly);
		json_u64(j, "missing", d->missing);
		json_end_object(j);
		json_newline(j);
		fwrite(j->buf, 1, j->len, stdout);
	}
	fflush(stdout);
	fprintf(stderr, "%zu checks: ", d->checks);
	if (d->missing)
		fprintf(stderr, "%zu essential missing, sockline cannot work here as this user",
			d->missing);
	else
		fprintf(stderr, "nothing essential is missing");
	if (d->partly)
		fprintf(stderr, "; %zu could be better", d->partly);
	fputc('\n', stderr);
}

static int doctor_run(const struct cmd *cmd, int argc, char **argv)
{
	struct common c = {0};
	struct doctor d = {.cmd = cmd, .common = &c};
	int first = opts_parse(cmd, argc, argv, (void *[]){&c});

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option; see sockline doctor --help",
				  argv[first]);
	look_init(&d.look);
	doctor_kernel(&d);
	doctor_capabilities(&d);
	doctor_probes(&d);
	doctor_sysctls(&d);
	last_word(&d);
	json_free(&d.json);
	if (ferror(stdout))
		return opts_error(cmd, "writing: %s", strerror(EIO));
	return d.missing ? EXIT_NO : EXIT_YES;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "what this kernel and these privileges allow, and which limits bind",
	.help = "Tries every probe, asks for every capability, and reads the sysctls of the queues in\n"
		"every network namespace.  Runs without any privilege, and says what that costs.\n"
		"-w tells what is good about good values, too.  Exit status 1 if something essential\n"
		"is missing.\n",
	.groups = {&common_oneshot},
	.run = doctor_run,
};
