// SPDX-License-Identifier: GPL-2.0-only
/* A story step by step, and with --explain what the kernel did at each and why. */
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "errno_name.h"
#include "sink_text.h"
#include "story_diagram.h"

/* One row a step: what it is called, what happened, and why, for those who want to learn. */
static const struct step_text {
	const char *label;
	const char *what;
	const char *why;
} texts[] = {
	[STEP_SYN] = {"SYN", "arrives",
		      "The client asks for a connection and names its first sequence number. The "
		      "kernel finds the listener by address and port, and looks whether its queues "
		      "have room."},
	[STEP_SYN_REPEATED] = {"SYN", "arrives again",
			       "The client has not seen the SYN-ACK in time and asks once more; it is "
			       "the same connection, its sequence number tells."},
	[STEP_SYNACK] = {"SYN-ACK", "sent",
			 "The kernel answers by itself, no process is involved, and remembers the "
			 "half-open connection in the SYN queue until the client's ACK comes."},
	[STEP_SYNACK_RETRANSMIT] = {"SYN-ACK", "sent again",
				    "No ACK came in time. The kernel tries net.ipv4.tcp_synack_retries "
				    "times, waiting twice as long each time."},
	[STEP_SYN_DROPPED] = {"drop", "SYN thrown away",
			      "The kernel forgets it without a word. The client will think that the "
			      "packet was lost and try again after 1, 3, 7… seconds."},
	[STEP_ACK_DROPPED] = {"drop", "ACK thrown away",
			      "The handshake is done for the client, but the accept queue is full: the "
			      "connection stays half-open here, and the SYN-ACK will be sent again."},
	[STEP_ACK_DEFERRED] = {"ACK", "handshake complete, data awaited",
			       "The listener has TCP_DEFER_ACCEPT: a bare ACK is not enough, the "
			       "connection waits in the SYN queue until data come."},
	[STEP_QUEUED] = {"ACK", "handshake complete",
			 "Both sides know that the other one hears them. The connection leaves the SYN "
			 "queue and waits in the accept queue; it has no file descriptor yet."},
	[STEP_ESTABLISHED] = {"ACK", "handshake complete", "The three-way handshake has ended."},
	[STEP_ACCEPTED] = {"accept()", "",
			   "The process takes the connection out of the accept queue; only now does it "
			   "get a file descriptor."},
	[STEP_RESET] = {"RST", "the client reset it",
			"The client does not want it any more. In the accept queue it stays all the "
			"same: accept() will return it, and the first read will fail."},
	[STEP_CLOSED] = {"FIN", "the client closed its side",
			 "The client has nothing more to say. The connection stays in the accept "
			 "queue: what it sent before can still be read."},
	[STEP_EXPIRED] = {"expired", "no ACK came",
			  "All retries are used up; the kernel forgets the half-open connection."},
	[STEP_LISTENER_CLOSED] = {"close", "the listener closed",
				  "Nobody can accept it any more: what waited in its queues is reset or "
				  "forgotten."},
	[STEP_REFUSED] = {"RST", "sent: nobody listens there",
			  "No socket listens on this address and port; the kernel answers with a "
			  "reset, and the client sees \"connection refused\"."},
	[STEP_CONNECT] = {"SYN", "sent",
			  "connect() chooses a local port and asks the other side for a connection."},
	[STEP_SYN_SENT_AGAIN] = {"SYN", "sent again",
				 "No answer came in time; the kernel tries net.ipv4.tcp_syn_retries "
				 "times."},
	[STEP_FAILED] = {"failed", "", "The connection was not made; connect() says so."},
};

static void queue_change(const struct look *look, const char *name, uint32_t from, uint32_t to,
			 uint32_t limit)
{
	if (to == QUEUE_UNKNOWN)
		return;
	printf("   %s ", name);
	if (from != QUEUE_UNKNOWN && from != to)
		printf("%u %s ", from, look_arrow(look));
	printf("%u", to);
	if (limit != QUEUE_UNKNOWN)
		printf(" of %u", limit);
}

static void wrap(const struct look *look, const char *text)
{
	int column = 0, width = look->columns > 60 ? look->columns - 13 : 87;
	const char *p = text;

	printf("            %s", colour_on(look, DIM));
	while (*p) {
		size_t word = strcspn(p, " "), cols;
		char piece[64];

		snprintf(piece, sizeof(piece), "%.*s", (int)word, p);
		cols = text_width(piece);
		if (column && column + 1 + (int)cols > width) {
			printf("\n            ");
			column = 0;
		}
		column += printf("%s%s", column ? " " : "", piece) - (int)(strlen(piece) - cols);
		p += word + (p[word] == ' ');
	}
	printf("%s\n", colour_off(look));
}

static void taken_by(const struct look *look, const struct story *s)
{
	char who[PROCESS_LEN], span[DURATION_LEN];

	process_format(who, &s->process);
	if (s->fd < 0)
		printf("%s gets %s, the kernel closes it", who, errno_name(s->error));
	else
		printf("%s has it as %s %d", who, s->direct ? "io_uring slot" : "fd", s->fd);
	if (story_queued_ns(s) >= 0)
		printf(", waited %s", duration_format(span, look, story_queued_ns(s)));
}

static enum colour step_colour(enum step_kind kind)
{
	switch (kind) {
	case STEP_SYN_DROPPED:
	case STEP_ACK_DROPPED:
	case STEP_RESET:
	case STEP_EXPIRED:
	case STEP_LISTENER_CLOSED:
	case STEP_REFUSED:
	case STEP_FAILED:
		return RED;
	case STEP_SYN_REPEATED:
	case STEP_SYNACK_RETRANSMIT:
	case STEP_SYN_SENT_AGAIN:
	case STEP_CLOSED:
		return YELLOW;
	case STEP_SYN:
	case STEP_SYNACK:
	case STEP_ACK_DEFERRED:
	case STEP_QUEUED:
	case STEP_ESTABLISHED:
	case STEP_ACCEPTED:
	case STEP_CONNECT:
		return PLAIN;
	}
	return PLAIN;
}

static void title(const struct look *look, const struct sink_view *view, const struct story *s)
{
	const struct listener *l = listeners_find(view->listeners, s->listener);
	const char *ifname = names_ifname(view->names, s->tuple.netns, s->ifindex);
	char from[ENDPOINT_LEN], to[ENDPOINT_LEN], who[PROCESS_LEN], name[32];

	endpoint_format(from, s->tuple.raddr, s->tuple.rport);
	endpoint_format(to, s->tuple.laddr, s->tuple.lport);
	if (s->role == ROLE_ACTIVE)
		printf("%s%s %s %s%s", colour_on(look, BOLD), to, look_arrow(look), from,
		       colour_off(look));
	else
		printf("%s%s %s %s%s", colour_on(look, BOLD), from, look_arrow(look), to,
		       colour_off(look));
	if (ifname)
		printf(" on %s", printable(name, sizeof(name), ifname));
	if (l) {
		printf("   listener %s", endpoint_format(to, l->addr, l->port));
		if (l->owner_cnt)
			printf(", %s", process_format(who, &l->owners[0].process));
	}
	putchar('\n');
}

/* What the drawing does not say already. */
static void remark(const struct look *look, const struct story *s, enum step_kind kind)
{
	switch (kind) {
	case STEP_ACCEPTED:
		printf("   ");
		taken_by(look, s);
		return;
	case STEP_SYN:
	case STEP_SYNACK:
	case STEP_QUEUED:
	case STEP_ESTABLISHED:
	case STEP_CONNECT:
		return;
	case STEP_SYN_REPEATED:
	case STEP_SYNACK_RETRANSMIT:
	case STEP_SYN_DROPPED:
	case STEP_ACK_DROPPED:
	case STEP_ACK_DEFERRED:
	case STEP_RESET:
	case STEP_CLOSED:
	case STEP_EXPIRED:
	case STEP_LISTENER_CLOSED:
	case STEP_REFUSED:
	case STEP_SYN_SENT_AGAIN:
	case STEP_FAILED:
		printf("   %s", texts[kind].what);
		return;
	}
}

static void words(const struct look *look, const struct story *s, enum step_kind kind)
{
	printf("%-9s", texts[kind].label);
	if (kind == STEP_ACCEPTED)
		taken_by(look, s);
	else
		text_pad(texts[kind].what, 28);
}

/* A drawing needs room, and two sides that can be seen: an outgoing connect has one. */
static bool draws(const struct look *look, const struct story *s)
{
	return s->role == ROLE_PASSIVE && (!look->columns || look->columns >= 100);
}

void story_steps(const struct look *look, const struct sink_view *view, const struct story *s,
		 bool explain)
{
	uint32_t synq = QUEUE_UNKNOWN, acceptq = QUEUE_UNKNOWN;
	char text[320], span[DURATION_LEN];
	bool queued = false, drawn = draws(look, s);

	title(look, view, s);
	if (drawn) {
		printf("%*s%s", 12, "", colour_on(look, DIM));
		diagram_header(s);
		printf("%s\n", colour_off(look));
	}
	for (int i = 0; i < s->step_cnt; i++) {
		const struct step *step = &s->steps[i];

		text_pad(duration_format(span, look, step->time_ns - story_start_ns(s)), -10);
		printf("  %s", colour_on(look, step_colour(step->kind)));
		if (drawn) {
			diagram_step(look, s, step->kind, queued);
			remark(look, s, step->kind);
		} else {
			words(look, s, step->kind);
		}
		fputs(colour_off(look), stdout);
		queue_change(look, "SYN queue", synq, step->synq, s->synq.limit);
		queue_change(look, "accept queue", acceptq, step->acceptq, s->acceptq.limit);
		putchar('\n');
		if (explain)
			wrap(look, texts[step->kind].why);
		queued |= step->kind == STEP_QUEUED;
		synq = step->synq;
		acceptq = step->acceptq;
	}
	story_sentence(text, sizeof(text), look, view, s);
	printf("            %s %s%s%s\n\n", look_arrow(look),
	       colour_on(look, story_failed(s) ? RED : GREEN), text, colour_off(look));
}
