/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts the page together. */

const report = readReport($('data').textContent);

function recordedText() {
	const names = report.recordings.map((r) => safe(r.path.split('/').pop()));

	return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}

function writeHead() {
	const s = report.summary, kernels = [...new Set(report.recordings.map((r) => safe(r.release)))];
	const sameDay = day(s.first_us) === day(s.last_us);
	const cpus = report.recordings.length === 1 ? [plural(report.recordings[0].cpus, 'CPU')] : [];

	$('title').textContent = recordedText();
	document.title = `${recordedText()} – sockline report`;
	$('subtitle').textContent = [`${day(s.first_us)} ${clock(s.first_us, 0)} – ` +
		`${sameDay ? '' : `${day(s.last_us)} `}${clock(s.last_us, 0)} UTC`,
	duration(s.last_us - s.first_us), `Linux ${kernels.join(', ')}`, ...cpus].join(' · ');
	$('footer').textContent = `Made by sockline ${report.version} of ${plural(s.events, 'event')}. ` +
		'SYN queue: half-open connections that wait for the client’s ACK. ' +
		'Accept queue: complete ones that wait for accept().';
}

function notice(cls, ...words) {
	$('notices').append(el('p', {class: `notice ${cls}`, role: cls === 'bad' ? 'alert' : 'status'}, words));
}

/* What the reader of the numbers must know, the worst first. */
function writeNotices() {
	const s = report.summary;

	if (s.lost)
		notice('bad', el('strong', null, `${plural(s.lost, 'event')} ${s.lost === 1 ? 'was' : 'were'} lost.`),
			` ${plural(s.incomplete, 'connection')} ${s.incomplete === 1 ? 'is' : 'are'} incomplete; ` +
			'counts and queues are too low where the charts are hatched red.');
	for (const [path, why] of report.faults)
		notice('bad', el('strong', null, safe(path)), `: ${safe(why)}`);
	if (s.evicted)
		notice('bad', `${plural(s.evicted, 'connection')} found no room and ended early; ` +
			'--max-connections makes more.');
	if (s.malformed)
		notice('bad', `${plural(s.malformed, 'event')} could not be understood.`);
	if (s.rows < s.connections)
		notice('warn', `The table lists the first ${count(s.rows)} of ${plural(s.connections, 'connection')}; ` +
			'the charts and counts are of all. --rows lists more, a filter such as -x fewer.');
	if (s.unlisted)
		notice('warn', `${plural(s.unlisted, 'connection')} came to listeners beyond those shown.`);
	if (s.incomplete && !s.lost)
		notice('warn', `${plural(s.incomplete, 'connection')} ${s.incomplete === 1 ? 'is' : 'are'} incomplete: ` +
			'not all of it was seen.');
	if (report.recordings.some((r) => r.filtered))
		notice('', 'Recorded with a filter: not all that happened on this host is in it.');
}

function tile(name, value, more, cls) {
	return el('div', {class: cls}, el('dt', null, name), el('dd', {class: 'num'}, value),
		el('dd', {class: 'more num'}, more));
}

function writeSummary() {
	const s = report.summary, seconds = (s.last_us - s.first_us) / 1e6;
	const sum = (name) => report.listeners.reduce((all, l) => all.map((n, i) => n + l[name][i]),
		new Float64Array(32));
	const shakes = quantiles(valuesOf(report, 'handshake'), sum('handshake'), [0.5, 0.99]);
	const waits = quantiles(valuesOf(report, 'queued'), sum('wait'), [0.5, 0.99]);
	const accepted = report.listeners.reduce((n, l) => n + l.accepted, 0);

	$('summary').append(
		tile('Connections', count(s.connections), seconds > 0 ? `${rate(s.connections / seconds)} over ` +
			duration(seconds * 1e6) : ''),
		tile('Accepted', count(accepted), percent(accepted, s.connections)),
		tile('Failed', count(s.failed), percent(s.failed, s.connections), s.failed ? 'failed' : ''),
		tile('Handshake', duration(shakes[0]), `99 % below ${duration(shakes[1])}`),
		tile('Wait for accept()', duration(waits[0]), `99 % below ${duration(waits[1])}`),
		tile('Events lost', s.lost ? count(s.lost) : 'none', `of ${count(s.events + s.lost)}`,
			s.lost ? 'failed' : ''));
}

function writeListeners(hooks) {
	/* The one in the most trouble first; what came to no listener has no charts of queues. */
	const order = [...report.listeners].sort((a, b) => (a.id === 0) - (b.id === 0) ||
		b.failed - a.failed || pressure(b) - pressure(a) || b.connections - a.connections);
	const body = el('tbody'), rows = new Map();
	let chosen = order[0], width = 0;
	const draw = () => {
		width = $('listener-panel').clientWidth - 48;
		$('listener-panel').replaceChildren(...panel(report, chosen, Math.max(300, width), hooks)
			.flat().filter(Boolean));
	};
	const select = (l) => {
		chosen = l;
		for (const [id, tr] of rows) {
			tr.classList.toggle('chosen', id === l.id);
			tr.querySelector('button').setAttribute('aria-pressed', String(id === l.id));
		}
		draw();
	};
	const add = (list) => list.forEach((l) => {
		rows.set(l.id, listenerRow(report, l, select));
		body.append(rows.get(l.id));
	});

	if (!order.length) {
		$('listener-panel').append(el('p', {class: 'empty dim'}, 'No connection came.'));
		return;
	}
	add(order.slice(0, LISTENERS_SHOWN));
	$('listener-table').append(el('div', {class: 'scroll', role: 'region', tabindex: '0',
		'aria-labelledby': 'listeners-title'}, el('table', {class: 'listeners'},
		el('caption', {class: 'hidden'}, 'Listeners; activate one to see its charts'),
		el('thead', null, el('tr', null, [['Listener'], ['Owner'], ['Connections', 'num'], ['Failed', 'num'],
			['SYN queue, peak'], ['Accept queue, peak'], ['Handshake', 'num'], ['Wait', 'num'], ['Wait, 99 %', 'num']]
			.map(([name, cls]) => el('th', {scope: 'col', class: cls}, name)))), body)));
	if (order.length > LISTENERS_SHOWN)
		$('listener-table').append(el('button', {type: 'button', class: 'plain', onclick: (e) => {
			add(order.slice(LISTENERS_SHOWN));
			e.target.remove();
		}}, `Show ${count(order.length - LISTENERS_SHOWN)} more`));
	select(chosen);
	addEventListener('resize', () => {
		if ($('listener-panel').clientWidth - 48 !== width)
			draw();
	});
}

/* As the system has it, until somebody chooses. */
function writeTheme() {
	const root = document.documentElement, dark = matchMedia('(prefers-color-scheme: dark)');
	const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);
	const say = () => { $('theme').textContent = isDark() ? 'Light' : 'Dark'; };

	$('theme').addEventListener('click', () => {
		root.dataset.theme = isDark() ? 'light' : 'dark';
		say();
	});
	dark.addEventListener('change', say);
	$('theme').setAttribute('title', 'Light or dark');
	say();
}

function start() {
	let current = null;
	const open = (row) => { if (row !== null) { current = row; detail.show(row); } };
	const connections = makeTable(report, open);
	const detail = makeDetail(report, $('detail'), {
		step: (by) => open(connections.beside(current, by)),
		closed: () => connections.focusRow(current),
	});

	writeTheme();
	writeHead();
	writeNotices();
	writeSummary();
	writeListeners({
		range: (from_us, to_us) => connections.filter({from_us, to_us}),
		show: (l, verdict) => connections.filter({listener: l.id, verdict}),
	});
	addEventListener('keydown', (e) => {
		if (e.key === '/' && !e.target.closest('input, select, dialog')) {
			connections.focus();
			e.preventDefault();
		}
	});
	document.documentElement.dataset.ready = Math.round(performance.now());
}

start();
