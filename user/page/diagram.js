/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection as a sequence diagram: who said what, when, and how long it stood in which queue. */

const LANES = {
	passive: [['client', 'Client'], ['synq', 'SYN queue'], ['acceptq', 'Accept queue'],
		['process', 'Process']],
	active: [['process', 'Process'], ['kernel', 'Kernel'], ['server', 'Server']],
};

/* Each step's arrow; `reached` is the queue in which the connection stands.  Without `to` it
 * happens in one place. */
const ARROWS = {
	passive: {
		syn: {from: 'client', to: 'synq', label: 'SYN'},
		syn_retransmit: {from: 'client', to: 'synq', label: 'SYN again', cls: 'pressure'},
		synack: {from: 'synq', to: 'client', label: 'SYN-ACK'},
		synack_retransmit: {from: 'synq', to: 'client', label: 'SYN-ACK again', cls: 'pressure'},
		syn_dropped: {from: 'synq', label: 'dropped', cls: 'failed'},
		ack_dropped: {from: 'client', to: 'acceptq', label: 'ACK', lost: true, cls: 'failed'},
		ack_deferred: {from: 'client', to: 'synq', label: 'ACK, no data'},
		queued: {from: 'client', to: 'acceptq', label: 'ACK'},
		established: {from: 'client', to: 'acceptq', label: 'ACK'},
		accepted: {from: 'acceptq', to: 'process', label: 'accept()', cls: 'good'},
		reset: {from: 'client', to: 'reached', label: 'RST', cls: 'failed'},
		closed: {from: 'client', to: 'reached', label: 'FIN', cls: 'pressure'},
		expired: {from: 'reached', label: 'given up', cls: 'failed'},
		listener_closed: {from: 'process', to: 'reached', label: 'close()', cls: 'failed'},
		refused: {from: 'synq', to: 'client', label: 'RST', cls: 'failed'},
		failed: {from: 'reached', label: 'failed', cls: 'failed'},
		syn_sent: {from: 'process', to: 'client', label: 'SYN'},
	},
	active: {
		syn_sent: {from: 'process', to: 'server', label: 'SYN'},
		syn_retransmit: {from: 'kernel', to: 'server', label: 'SYN again', cls: 'pressure'},
		established: {from: 'server', to: 'process', label: 'SYN-ACK', cls: 'good'},
		failed: {from: 'kernel', to: 'process', label: 'failed', cls: 'failed'},
	},
};

const STEP_WORDS = {
	syn: ['SYN', 'The client asks for a connection.'],
	syn_retransmit: ['SYN', 'Asked once more: no answer came in time.'],
	synack: ['SYN-ACK', 'The kernel answers, and keeps the half-open connection in the SYN queue.'],
	synack_retransmit: ['SYN-ACK', 'Sent again: no ACK came in time.'],
	syn_dropped: ['drop', 'The SYN is thrown away without a word; the client will try again.'],
	ack_dropped: ['drop', 'The ACK is thrown away; the connection stays half-open.'],
	ack_deferred: ['ACK', 'TCP_DEFER_ACCEPT: it waits until data come.'],
	queued: ['ACK', 'The handshake is complete; it waits in the accept queue.'],
	established: ['ACK', 'The handshake is complete.'],
	accepted: ['accept()', 'The process takes it out of the accept queue.'],
	reset: ['RST', 'The client does not want it any more.'],
	closed: ['FIN', 'The client has nothing more to say.'],
	expired: ['expired', 'All retries are used up; the kernel forgets it.'],
	listener_closed: ['close()', 'The listener closed: nobody can accept it any more.'],
	refused: ['RST', 'No socket listens there; the kernel answers with a reset.'],
	syn_sent: ['SYN', 'connect() asks the other side for a connection.'],
	failed: ['failed', 'The connection was not made; connect() says so.'],
};

/* What the kernel did, where the connection says more than the step. */
function stepWords(c, step) {
	const words = STEP_WORDS[step] || [step, ''];

	if (step === 'synack' && c.syncookie)
		return [words[0], 'A SYN cookie: the kernel answers, and keeps nothing.'];
	if (step === 'accepted' && c.process)
		return [words[0], `${processName(c.process.comm, c.process.pid)} takes it` +
			(c.process.fd === null ? '.' : ` as ${c.flags & FLAG.direct ? 'io_uring slot' : 'fd'} ` +
				`${c.process.fd}.`)];
	if ((step === 'syn_dropped' || step === 'ack_dropped') && c.reason)
		return [words[0], `${step[0] === 's' ? 'SYN' : 'ACK'} thrown away: ` +
			`${REASONS[c.reason] || c.reason}.`];
	return words;
}

/* A longer wait takes more room, though not in proportion: from a microsecond to a minute. */
function stepHeights(c) {
	let y = 96;

	return c.steps.map((s, i) => {
		if (i)
			y += 42 + Math.min(84, 12 * Math.log10(1 + (s.at_ns - c.steps[i - 1].at_ns) / 1000));
		return y;
	});
}

/* From when to when it stood in each queue: [lane, first step, last step or none, ns]. */
function stays(c) {
	const at = (...kinds) => c.steps.findIndex((s) => kinds.includes(s.step));
	const out = [], queued = at('queued'), answered = at('synack', 'synack_retransmit');
	const gone = at('expired', 'listener_closed', 'accepted');
	const add = (lane, from, to) => out.push([lane, from, to, to < 0 ? null
		: c.steps[to].at_ns - c.steps[from].at_ns]);

	if (c.role !== 'passive')
		return out;
	if (answered >= 0 && !c.syncookie && !(c.flags & FLAG.fastopen))
		add('synq', Math.max(0, at('syn') >= 0 ? at('syn') : answered),
			queued >= 0 ? queued : at('expired', 'listener_closed', 'reset', 'accepted'));
	if (queued >= 0)
		add('acceptq', queued, gone > queued ? gone : -1);
	return out;
}

function arrowNode(x1, x2, y, arrow, narrow) {
	const dir = Math.sign(x2 - x1), tip = x2 - dir * 7, out = [];
	const cls = arrow.cls || '';

	out.push(line(x1 + dir * 6, y, tip - dir * (arrow.lost ? 8 : 0), y, `arrow ${cls}`));
	if (arrow.lost)
		out.push(crossNode(tip - dir * 6, y));
	else
		out.push(svg('path', {d: `M${tip - dir * 8} ${y - 4.5}L${tip} ${y}L${tip - dir * 8} ${y + 4.5}`,
			class: `arrow ${cls}`}));
	/* In the first gap that it crosses: there no other line is in the way. */
	out.push(text(x1 + (Math.min(Math.abs(x2 - x1), arrow.span) / 2) * dir, y - 7, arrow.label,
		{'text-anchor': 'middle', class: `label ${cls}${narrow ? ' narrow' : ''}`}));
	return out;
}

function crossNode(x, y) {
	return svg('path', {d: `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`,
		class: 'cross'});
}

function depthNode(x, y, depth, limit) {
	const cls = limit !== null && depth >= limit * PRESSURE && depth > 0 ? 'pressure' : '';

	return text(x + 9, y + 15, limit === null ? count(depth) : `${count(depth)} of ${count(limit)}`,
		{class: `depth ${cls}`});
}

function laneNodes(lanes, x, bottom, c) {
	const names = {client: endpoint(c.remote.addr, c.remote.port),
		server: endpoint(c.remote.addr, c.remote.port),
		process: c.process ? processName(c.process.comm, c.process.pid)
			: c.listener && c.listener.owner};

	return lanes.map(([id, name]) => [
		line(x[id], 58, x[id], bottom, `lane ${id}`),
		text(x[id], 34, name, {'text-anchor': 'middle', class: 'lane-name'}),
		text(x[id], 50, names[id] || '', {'text-anchor': 'middle', class: 'lane-more'})]);
}

/* The time that a connection stood in a queue, as a bar on its lane. */
function stayNode([lane, from, to, ns], x, ys, bottom) {
	const y1 = ys[from], y2 = to < 0 ? bottom : ys[to], between = [...ys.slice(from, to < 0 ? undefined : to), y2];
	let at = 0;

	/* The words stand in the widest gap, below the depth that is told at its beginning. */
	for (let i = 1; i + 1 < between.length; i++)
		if (between[i + 1] - between[i] > between[at + 1] - between[at])
			at = i;
	return [svg('rect', {x: x[lane] - 5, y: y1, width: 10, height: Math.max(2, y2 - y1), rx: 3,
		class: `stay ${lane}`}),
	text(x[lane] + 9, Math.max((between[at] + between[at + 1]) / 2 + 6, between[at] + 31),
		to < 0 ? 'still there' : duration(Math.floor(ns / 1000)), {class: `stay-text ${lane}`})];
}

function stepNodes(c, i, y, x, reached, gap) {
	const s = c.steps[i], before = c.steps[i - 1], arrow = (ARROWS[c.role] || {})[s.step];
	const out = [text(6, y + 4, duration(s.at_us), {class: 'when'})];
	const lane = (id) => x[id === 'reached' ? reached : id] ?? x.process;

	/* Late in a long story the digits that change are not shown. */
	if (before && s.at_us > before.at_us && duration(s.at_us) === duration(before.at_us))
		out.push(text(6, y + 18, `+ ${duration(s.at_us - before.at_us)}`));
	if (arrow && arrow.to)
		out.push(arrowNode(lane(arrow.from), lane(arrow.to), y, {...arrow, span: gap}, gap < 110));
	else if (arrow)
		out.push(crossNode(lane(arrow.from), y),
			text(lane(arrow.from) + 12, y + 4, arrow.label, {class: `label ${arrow.cls}`}));
	if (s.synq !== null && x.synq)
		out.push(depthNode(x.synq, y, s.synq, c.synq && c.synq.limit));
	if (s.acceptq !== null && x.acceptq)
		out.push(depthNode(x.acceptq, y, s.acceptq, c.acceptq && c.acceptq.limit));
	return out;
}

function sequenceDiagram(c, width) {
	const lanes = LANES[c.role], gutter = 84, ys = stepHeights(c);
	const gap = (width - gutter - 90) / (lanes.length - 1);
	const x = Object.fromEntries(lanes.map(([id], i) => [id, gutter + 34 + i * gap]));
	const bottom = (ys.at(-1) || 96) + 44;
	let reached = c.role === 'active' ? 'kernel' : 'synq';
	const steps = c.steps.map((s, i) => {
		const nodes = stepNodes(c, i, ys[i], x, reached, gap);

		if (s.step === 'queued')
			reached = 'acceptq';
		return nodes;
	});
	const kernel = c.role === 'passive' && [
		svg('rect', {x: x.synq - gap * 0.35, y: 4, width: gap * 1.7, height: bottom - 6, rx: 8, class: 'kernel'}),
		text(x.synq + gap / 2, 18, 'kernel', {'text-anchor': 'middle', class: 'kernel-name'})];

	return drawing(width, bottom + 6, 'Timeline of the connection',
		c.steps.map((s) => `${duration(s.at_us)}: ${stepWords(c, s.step).join(': ')}`).join(' '),
		...[kernel || [], laneNodes(lanes, x, bottom, c), stays(c).map((st) => stayNode(st, x, ys, bottom)),
			steps].flat(Infinity).filter(Boolean));
}
