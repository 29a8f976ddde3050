/* SPDX-License-Identifier: GPL-2.0-only */
/* The dialog that shows one connection. */

function fact(name, value, cls) {
	return value === null || value === undefined || value === '' || value === false ? null
		: el('div', null, el('dt', null, name), el('dd', {class: cls}, value));
}

/* What else is worth knowing, in words. */
function remarks(c) {
	const out = [];

	if (c.syn_retransmits)
		out.push(`the SYN came ${c.syn_retransmits + 1} times`);
	if (c.synack_retransmits)
		out.push(`the SYN-ACK was sent ${c.synack_retransmits + 1} times`);
	if (c.syncookie)
		out.push('by SYN cookie');
	if (c.flags & FLAG.fastopen)
		out.push('TCP Fast Open');
	if (c.flags & FLAG.mptcp)
		out.push('Multipath TCP');
	if (c.flags & FLAG.io_uring)
		out.push('accepted by io_uring');
	if (c.flags & FLAG.cut)
		out.push('more steps than are kept');
	if (!c.complete)
		out.push('incomplete: not all of it was seen');
	return out.join(' · ');
}

function facts(c) {
	const p = c.process, queue = (q) => q && gauge(q.depth, q.limit);

	return el('dl', {class: 'facts'},
		fact('Began', `${day(c.time_us)} ${clock(c.time_us)} UTC`, 'num'),
		fact('Handshake', duration(c.handshake_us), 'num'),
		c.role === 'passive' && fact('Wait for accept()', duration(c.queued_us), 'num'),
		fact('In all', duration(c.total_us), 'num'),
		fact('SYN queue met', queue(c.synq)),
		fact('Accept queue met', queue(c.acceptq)),
		fact('Process', p && `${processName(p.comm, p.pid)}${p.fd === null ? '' : ` fd ${p.fd}`}`),
		fact('Control group', p && p.cgroup && safe(p.cgroup)),
		fact('Listener', c.listener && c.listener.addr !== undefined ? c.listener.name : null),
		fact('Interface', c.ifname && safe(c.ifname)),
		fact('Network namespace', String(c.netns), 'num'),
		fact('Socket cookie', c.cookie === null ? null : String(c.cookie), 'num'),
		fact('Remarks', remarks(c)));
}

function stepTable(c) {
	const depth = (d, q) => (d === null ? NONE : q ? `${count(d)} of ${count(q.limit)}` : count(d));

	return table('Steps of the connection',
		[{name: 'After', cls: 'num'}, {name: 'Step'}, {name: 'What happened', cls: 'words'},
			{name: 'SYN queue', cls: 'num'}, {name: 'Accept queue', cls: 'num'}],
		c.steps.map((s) => [duration(s.at_us), ...stepWords(c, s.step),
			depth(s.synq, c.synq), depth(s.acceptq, c.acceptq)]), 'steps');
}

function ends(c) {
	const there = endpoint(c.remote.addr, c.remote.port), here = endpoint(c.local.addr, c.local.port);

	return c.role === 'active' ? [here, there] : [there, here];
}

/* hooks.step(±1) shows the next one of the table, hooks.closed() gives the focus back. */
function makeDetail(report, dialog, hooks) {
	let shown = null;
	const title = el('h2', {id: 'detail-title', tabindex: '-1'}), verdict = el('p', {class: 'verdict'});
	const body = el('div'), button = (label, words, fn) => el('button', {type: 'button',
		class: 'plain', 'aria-label': words, title: words, onclick: fn}, label);

	const draw = () => {
		const c = connection(report, shown), v = report.rows.verdict[shown];
		const width = Math.max(320, Math.min(920, dialog.clientWidth - 48));

		title.replaceChildren(...ends(c).flatMap((e, i) => (i ? [el('span', {class: 'dim'}, ' → '), e] : [e])));
		verdict.replaceChildren(el('span', {class: `dot ${verdictClass(report, v)}`}),
			verdictText(report.verdicts[v]));
		body.replaceChildren(el('div', {class: 'scroll'}, sequenceDiagram(c, width)), facts(c),
			el('div', {class: 'scroll'}, stepTable(c)));
	};

	dialog.append(el('div', {class: 'detail-head'}, el('div', null, title, verdict),
		el('div', {class: 'tools'}, button('←', 'Previous connection', () => hooks.step(-1)),
			button('→', 'Next connection', () => hooks.step(1)),
			button('Close', 'Close (Esc)', () => dialog.close()))), body);
	dress(dialog, {
		onclose: () => { shown = null; hooks.closed(); },
		onclick: (e) => { if (e.target === dialog) dialog.close(); },
		onkeydown: (e) => {
			const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];

			if (step) {
				hooks.step(step);
				e.preventDefault();
			}
		},
	}, []);
	addEventListener('resize', () => { if (shown !== null) draw(); });
	return {
		show(row) {
			shown = row;
			if (!dialog.open)
				dialog.showModal();
			draw();
			dialog.scrollTop = 0;
			title.focus();
		},
	};
}
