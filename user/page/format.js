'use strict';
/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers, times and names as text.  Knows nothing of the page. */

const NONE = '–';
const THIN = '\u202f';

/* 12 345 */
function count(n) {
	if (n === null || n === undefined || Number.isNaN(n))
		return NONE;
	return String(n).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/* Three digits that count. */
function three(x) {
	return x.toFixed(x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2);
}

/* Without the zeros that say nothing: for axes. */
function short(text) {
	return text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');
}

/* 212 µs, 1.3 ms, 4.2 s, 2 min 5 s */
function duration(us) {
	if (us === null || us === undefined || Number.isNaN(us))
		return NONE;
	if (us < 999.5)
		return `${us < 10 && us % 1 ? us.toFixed(1) : Math.round(us)} µs`;
	if (us < 999500)
		return `${three(us / 1000)} ms`;
	if (us < 119.5e6)
		return `${three(us / 1e6)} s`;
	if (us < 7200e6)
		return `${Math.floor(us / 60e6)} min ${Math.round((us % 60e6) / 1e6)} s`;
	return `${Math.floor(us / 3600e6)} h ${Math.round((us % 3600e6) / 60e6)} min`;
}

/* A number a second. */
function rate(n) {
	return `${n >= 9.95 ? count(Math.round(n)) : three(n)}/s`;
}

function percent(part, whole) {
	const p = (100 * part) / whole;

	if (!whole || !part)
		return '0 %';
	if (part === whole)
		return '100 %';
	if (p < 0.1)
		return '< 0.1 %';
	return p > 99.9 && part < whole ? '> 99.9 %' : `${p.toFixed(p < 9.95 || p > 90 ? 1 : 0)} %`;
}

function pad(n, width) {
	return String(n).padStart(width, '0');
}

/* 13:48:44.364005, UTC */
function clock(us, digits = 6) {
	const d = new Date(us / 1000);
	const fraction = pad(Math.floor(us % 1e6), 6).slice(0, digits);

	if (Number.isNaN(d.getTime()))
		return NONE;
	return `${pad(d.getUTCHours(), 2)}:${pad(d.getUTCMinutes(), 2)}:${pad(d.getUTCSeconds(), 2)}` +
		(digits ? `.${fraction}` : '');
}

function day(us) {
	const d = new Date(us / 1000);

	return Number.isNaN(d.getTime()) ? NONE : d.toISOString().slice(0, 10);
}

/* Names come from whoever was recorded: what cannot be seen, or turns the text around, is shown
 * as a replacement character. */
function safe(text) {
	return String(text).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

function endpoint(addr, port) {
	if (addr === null || addr === undefined)
		return '?';
	return (addr.includes(':') ? `[${addr}]` : addr) + ':' + (port === null ? '?' : port);
}

function processName(comm, pid) {
	return `${safe(comm)}[${pid}]`;
}

function plural(n, one, many = one + 's') {
	return `${count(n)} ${n === 1 ? one : many}`;
}

const OUTCOMES = {
	accepted: 'accepted',
	established: 'connected',
	open: 'still open',
	syn_dropped: 'SYN dropped',
	ack_dropped: 'ACK dropped',
	expired: 'expired',
	reset: 'reset by the client',
	closed: 'closed by the client',
	listener_closed: 'listener closed',
	refused: 'refused',
	timed_out: 'timed out',
	unreachable: 'unreachable',
	aborted: 'given up',
};

const REASONS = {
	accept_queue_full: 'accept queue full',
	syn_queue_full: 'SYN queue full',
	syn_queue_last_quarter: 'last quarter of the SYN queue kept for known peers',
	authentication: 'TCP authentication did not match',
	socket_filter: 'a socket filter said no',
	tcp_flags: 'impossible TCP flags',
};

const STATES = {
	accept_queue: 'in the accept queue',
	syn_queue: 'in the SYN queue',
	syncookie_sent: 'SYN cookie sent',
	syn_received: 'SYN received',
	syn_sent: 'SYN sent',
};

/* [role, outcome, reason, state] as words. */
function verdictText([role, outcome, reason, state]) {
	const more = reason ? REASONS[reason] || reason : state ? STATES[state] || state : '';
	const what = OUTCOMES[outcome] || outcome;

	if (outcome === 'refused' && role === 'passive')
		return 'refused: nobody listens';
	return more ? `${what}: ${more}` : what;
}
