/* SPDX-License-Identifier: GPL-2.0-only */
/* The embedded data, made arrays again (report_rows.h says what its columns mean), and what
 * follows from them.  Knows nothing of the page. */

const FLAG = {syncookie: 1, fastopen: 2, mptcp: 4, io_uring: 8, direct: 16, incomplete: 32, cut: 64};
const KNOWS_SYNQ = 1;
const KNOWS_ACCEPTQ = 2;

/* [number, times] stands for so many of it; null becomes NaN. */
function unroll(column) {
	let length = 0, at = 0;

	for (const x of column)
		length += Array.isArray(x) ? x[1] : 1;
	const out = new Float64Array(length);
	for (const x of column) {
		if (Array.isArray(x)) {
			out.fill(x[0] === null ? NaN : x[0], at, at + x[1]);
			at += x[1];
		} else {
			out[at++] = x === null ? NaN : x;
		}
	}
	return out;
}

function unrollAll(columns) {
	return Object.fromEntries(Object.entries(columns).map(([name, c]) => [name, unroll(c)]));
}

/* Differences to sums; a gap stays one. */
function accumulate(column) {
	let sum = 0;

	for (let i = 0; i < column.length; i++)
		if (!Number.isNaN(column[i]))
			column[i] = sum += column[i];
	return column;
}

/* Where the steps of each kind that matters stand in a shape, -1 if nowhere. */
function readShape(shape, names) {
	const kinds = shape.map((s) => names[s >> 2]);

	return {
		kinds,
		known: shape.map((s) => s & 3),
		synqs: shape.filter((s) => s & KNOWS_SYNQ).length,
		acceptqs: shape.filter((s) => s & KNOWS_ACCEPTQ).length,
		syn: kinds.indexOf('syn'),
		queued: kinds.indexOf('queued'),
		accepted: kinds.indexOf('accepted'),
		connect: kinds.indexOf('syn_sent'),
		established: kinds.indexOf('established'),
	};
}

/* Microseconds from one step to another, NaN if one is missing. */
function between(at, first, from, to) {
	if (from < 0 || to < 0 || at[first + to] < at[first + from])
		return NaN;
	return Math.floor((at[first + to] - at[first + from]) / 1000);
}

/* Adds to rows: where each one's steps begin, and its durations in µs. */
function readSteps(rows, shapes, verdicts) {
	const n = rows.n;
	const at = rows.at = new Float64Array(rows.step_at.length + n);
	let step = 0, gap = 0, synq = 0, acceptq = 0;

	for (const name of ['first', 'first_synq', 'first_acceptq', 'handshake', 'queued', 'total'])
		rows[name] = new Float64Array(n);
	for (let i = 0; i < n; i++) {
		const shape = shapes[rows.shape[i]];
		const active = verdicts[rows.verdict[i]][0] === 'active';
		const last = step + shape.kinds.length - 1;
		const starts = shape.kinds[0] === 'syn' || shape.kinds[0] === 'syn_sent';

		rows.first[i] = step;
		rows.first_synq[i] = synq;
		rows.first_acceptq[i] = acceptq;
		for (let k = step + 1; k <= last; k++)
			at[k] = at[k - 1] + rows.step_at[gap++];
		rows.handshake[i] = active ? between(at, step, shape.connect, shape.established)
			: between(at, step, shape.syn, shape.queued);
		rows.queued[i] = between(at, step, shape.queued, shape.accepted);
		rows.total[i] = starts ? Math.floor((at[last] + rows.ended[i]) / 1000) : NaN;
		step = last + 1;
		synq += shape.synqs;
		acceptq += shape.acceptqs;
	}
}

/* The whole report, from the text of the page. */
function readReport(text) {
	const r = JSON.parse(text);
	const rows = unrollAll(r.rows);

	r.rows = rows;
	rows.n = rows.verdict.length;
	accumulate(rows.time);
	accumulate(rows.cookie);
	r.shapes = r.shapes.map((s) => readShape(s, r.steps));
	readSteps(rows, r.shapes, r.verdicts);
	for (const l of r.listeners) {
		l.handshake = unroll(l.handshake);
		l.wait = unroll(l.wait);
		l.series = l.series ? unrollAll(l.series) : null;
		l.name = l.addr === undefined ? 'no listener' : endpoint(l.addr, l.port);
		l.owner = l.owners && l.owners.length ? processName(l.owners[0].comm, l.owners[0].pid) : '';
	}
	r.losses = r.losses ? unrollAll(r.losses) : null;
	r.listenerById = new Map(r.listeners.map((l) => [l.id, l]));
	r.failed = r.verdicts.map(([, o]) => !['accepted', 'established', 'open'].includes(o));
	return r;
}

function orNull(x) {
	return Number.isNaN(x) ? null : x;
}

function stepsOf(r, i) {
	const rows = r.rows, shape = r.shapes[rows.shape[i]];
	let synq = rows.first_synq[i], acceptq = rows.first_acceptq[i];

	return shape.kinds.map((step, k) => ({
		step,
		at_ns: rows.at[rows.first[i] + k],
		at_us: Math.floor(rows.at[rows.first[i] + k] / 1000),
		synq: shape.known[k] & KNOWS_SYNQ ? rows.step_synq[synq++] : null,
		acceptq: shape.known[k] & KNOWS_ACCEPTQ ? rows.step_acceptq[acceptq++] : null,
	}));
}

/* Row i, with the keys of `watch --json`. */
function connection(r, i) {
	const rows = r.rows;
	const [role, outcome, reason, state] = r.verdicts[rows.verdict[i]];
	const [netns, ifname] = r.places[rows.place[i]];
	const [laddr, lport] = r.locals[rows.local[i]];
	const [synLimit, acceptLimit] = r.limits[rows.limits[i]];
	const [syns, synacks] = r.repeats[rows.repeats[i]];
	const process = Number.isNaN(rows.process[i]) ? null : r.processes[rows.process[i]];
	const flags = rows.flags[i];

	return {
		role, outcome, reason, state, netns, ifname, flags,
		time_us: rows.time[i],
		cookie: orNull(rows.cookie[i]),
		local: {addr: r.addrs[laddr], port: lport},
		remote: {addr: r.addrs[rows.remote[i]], port: rows.rport[i] || null},
		listener: r.listenerById.get(rows.listener[i]),
		process: process && {pid: process[0], tid: process[1], comm: process[2],
			cgroup: process[3], fd: orNull(rows.fd[i])},
		synq: synLimit === null ? null : {depth: rows.synq[i], limit: synLimit},
		acceptq: acceptLimit === null ? null : {depth: rows.acceptq[i], limit: acceptLimit},
		handshake_us: orNull(rows.handshake[i]),
		queued_us: orNull(rows.queued[i]),
		total_us: orNull(rows.total[i]),
		syn_retransmits: syns,
		synack_retransmits: synacks,
		syncookie: Boolean(flags & FLAG.syncookie),
		complete: !(flags & FLAG.incomplete),
		steps: stepsOf(r, i),
	};
}

/* [at q of the values, is it exact?]; from the buckets of hist if not every value is listed. */
function quantiles(values, hist, qs) {
	const sorted = values.filter((x) => !Number.isNaN(x)).sort();
	const all = hist.reduce((a, b) => a + b, 0);

	if (!all)
		return qs.map(() => NaN);
	if (sorted.length === all)
		return qs.map((q) => sorted[Math.max(0, Math.ceil(q * all) - 1)]);
	return qs.map((q) => histQuantile(hist, q * all));
}

function histQuantile(hist, rank) {
	let below = 0;

	for (let i = 0; i < hist.length; i++) {
		if (hist[i] && below + hist[i] >= rank) {
			const low = i ? 2 ** i : 0;

			return low + ((2 ** (i + 1) - low) * (rank - below)) / hist[i];
		}
		below += hist[i];
	}
	return NaN;
}

/* The values of this column of passive rows, of one listener or of all. */
function valuesOf(r, name, listener = null) {
	const rows = r.rows, out = new Float64Array(rows.n);
	let n = 0;

	for (let i = 0; i < rows.n; i++)
		if ((listener === null || rows.listener[i] === listener) &&
		    r.verdicts[rows.verdict[i]][0] === 'passive')
			out[n++] = rows[name][i];
	return out.subarray(0, n);
}
