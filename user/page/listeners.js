/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of listeners, and the panel that shows one of them. */

const LISTENERS_SHOWN = 8;

/* The fullest a queue was, 0 to 1 and beyond. */
function pressure(listener) {
	return Math.max(listener.acceptq_peak || 0, listener.synq_peak || 0) / (listener.limit || 1);
}

/* "482 of 511" with a bar; amber when it is nearly full, red when it is. */
function gauge(depth, limit) {
	if (depth === null || depth === undefined || limit === undefined)
		return el('span', {class: 'dim'}, NONE);
	const part = limit ? depth / limit : depth ? 1 : 0;
	const cls = part > 1 || (limit && depth >= limit) ? 'failed' : part >= PRESSURE ? 'pressure' : '';

	return el('span', {class: `gauge ${cls}`},
		el('span', {class: 'track', 'aria-hidden': 'true'},
			el('span', {class: 'fill', css: {width: `${Math.min(100, part * 100)}%`}})),
		el('span', {class: 'num'}, `${count(depth)} `, el('span', {class: 'dim'}, `of ${count(limit)}`)));
}

function failedCell(n, whole) {
	return n ? el('span', {class: 'failed'}, count(n), ' ', el('small', null, percent(n, whole)))
		: el('span', {class: 'dim'}, '0');
}

function listenerRow(report, l, select) {
	const waits = quantiles(valuesOf(report, 'queued', l.id), l.wait, [0.5, 0.99]);
	const shakes = quantiles(valuesOf(report, 'handshake', l.id), l.handshake, [0.5]);
	const button = el('button', {type: 'button', class: 'link', 'aria-pressed': 'false',
		onclick: () => select(l)}, l.name);

	return el('tr', {'data-listener': l.id, onclick: (e) => e.target.closest('button') || select(l)},
		el('th', {scope: 'row'}, button),
		el('td', null, l.owner || el('span', {class: 'dim'}, NONE),
			l.owner_cnt > 1 && el('small', null, ` + ${l.owner_cnt - 1}`)),
		el('td', {class: 'num'}, count(l.connections)),
		el('td', {class: 'num'}, failedCell(l.failed, l.connections)),
		el('td', null, gauge(l.synq_peak, l.limit)),
		el('td', null, gauge(l.acceptq_peak, l.limit)),
		el('td', {class: 'num'}, duration(shakes[0])),
		el('td', {class: 'num'}, duration(waits[0])),
		el('td', {class: 'num'}, duration(waits[1])));
}

/* One time chart, with what the cursor says beside its name. */
function timeFigure(chart, cursor) {
	const said = el('output', {class: 'said num'});
	const hair = line(0, TOP - 4, 0, chart.scale.height - BOTTOM, 'hair');
	const range = svg('rect', {y: TOP - 4, height: chart.scale.height - BOTTOM - TOP + 4, class: 'range'});

	chart.node.append(range, hair);
	cursor.watchers.push(() => {
		const at = cursor.bin, [a, b] = cursor.range || [0, -1];

		hair.classList.toggle('on', at !== null);
		said.textContent = at === null ? '' : `${cursor.when(at)}  ${chart.say(at)}`;
		if (at !== null)
			for (const end of ['x1', 'x2'])
				hair.setAttribute(end, (chart.scale.x(at) + chart.scale.x(at + 1)) / 2);
		range.setAttribute('x', chart.scale.x(a));
		range.setAttribute('width', b < a ? 0 : chart.scale.x(b + 1) - chart.scale.x(a));
	});
	pointing(chart, cursor);
	return el('figure', {class: 'wide'},
		el('figcaption', null, el('strong', null, chart.title), ' ',
			el('span', {class: 'dim'}, chart.note),
			(chart.keys || []).map(([name, cls]) => el('span', {class: `key ${cls}`}, name)), said),
		chart.node);
}

/* Pointer and keys move the cursor of all charts; dragging, or Shift and the arrows, choose a
 * span of time. */
function pointing(chart, cursor) {
	const bin = (e) => chart.scale.bin((e.clientX - chart.node.getBoundingClientRect().left) *
		(chart.scale.width / chart.node.getBoundingClientRect().width));
	let from = null;

	dress(chart.node, {
		tabindex: '0', class: 'time',
		onpointerdown: (e) => { from = bin(e); chart.node.setPointerCapture(e.pointerId); },
		onpointermove: (e) => cursor.go(bin(e), e.buttons && from !== bin(e) ? from : null),
		onpointerup: () => { from = null; cursor.choose(); },
		onpointerleave: () => { if (from === null) cursor.go(null, null); },
		onkeydown: (e) => {
			const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
			const now = cursor.bin ?? Math.floor(chart.scale.from);

			if (step)
				cursor.go(Math.min(Math.max(now + step, 0), cursor.bins - 1),
					e.shiftKey ? cursor.anchor ?? now : null);
			else if (e.key === 'Enter' && cursor.range)
				cursor.choose();
			else if (e.key === 'Escape')
				cursor.go(null, null);
			else
				return;
			e.preventDefault();
		},
	}, []);
}

/* Where the eye is on the axis of time; what was chosen of it goes to onRange(from_us, to_us). */
function makeCursor(report, onRange) {
	const c = report.clock;

	return {
		bin: null, anchor: null, range: null, watchers: [], bins: c.bins,
		when(bin) {
			return `+${duration(Math.max(0, c.first_us + bin * c.bin_us - report.summary.first_us))}`;
		},
		go(bin, anchor) {
			this.bin = bin;
			this.anchor = anchor;
			this.range = anchor === null || bin === null ? null
				: [Math.min(anchor, bin), Math.max(anchor, bin)];
			this.watchers.forEach((w) => w());
		},
		choose() {
			if (this.range)
				onRange(c.first_us + this.range[0] * c.bin_us,
					c.first_us + (this.range[1] + 1) * c.bin_us);
			this.go(this.bin, null);
		},
	};
}

function histogramFigure(report, l, name, column, title, width) {
	const marks = quantiles(valuesOf(report, column, l.id), l[name], [0.5, 0.9, 0.99]);
	const all = l[name].reduce((a, b) => a + b, 0);
	const cls = name === 'wait' ? 'acceptq' : 'synq';

	return el('figure', null,
		el('figcaption', null, el('strong', null, title), ' ', all
			? el('span', {class: 'dim num'}, `median ${duration(marks[0])} · 90 % ${duration(marks[1])}` +
				` · 99 % ${duration(marks[2])}`)
			: el('span', {class: 'dim'}, 'none')),
		all ? histogramChart(l[name], width, cls, `${title} of ${l.name}`,
			[['50 %', marks[0]], ['90 %', marks[1]], ['99 %', marks[2]]])
			: el('p', {class: 'empty dim'}, 'No connection came this far.'));
}

/* How they ended, the failures first. */
function endings(report, l, show) {
	const rows = [];

	for (let i = 0; i < l.verdicts.length; i += 2)
		rows.push([l.verdicts[i], l.verdicts[i + 1]]);
	rows.sort((a, b) => report.failed[b[0]] - report.failed[a[0]] || b[1] - a[1]);
	const top = Math.max(...rows.map(([, n]) => n));

	return el('figure', {class: 'wide'},
		el('figcaption', null, el('strong', null, 'How they ended')),
		table(`How connections to ${l.name} ended`,
			[{name: 'Outcome'}, {name: 'Connections', cls: 'num'}, {name: 'Part', cls: 'num'}, {name: '', cls: 'bars'}],
			rows.map(([v, n]) => [
				el('button', {type: 'button', class: 'link', onclick: () => show(l, v)},
					el('span', {class: `dot ${verdictClass(report, v)}`}), verdictText(report.verdicts[v])),
				count(n), percent(n, l.connections),
				el('span', {class: `track long ${verdictClass(report, v)}`, 'aria-hidden': 'true'},
					el('span', {class: 'fill', css: {width: `${Math.max(0.5, (100 * n) / top)}%`}}))]), 'endings'));
}

function verdictClass(report, v) {
	return report.failed[v] ? 'failed' : report.verdicts[v][1] === 'open' ? 'open' : 'good';
}

/* The numbers that are drawn, for those who want numbers. */
function seriesTable(report, l) {
	const s = l.series, c = report.clock;
	const body = el('div', {class: 'scroll short', tabindex: '0', role: 'region',
		'aria-label': 'Numbers of the charts'});
	const depth = (k, q) => (Number.isNaN(s[`${q}_high`][k]) ? NONE
		: `${count(s[`${q}_low`][k])}–${count(s[`${q}_high`][k])}`);

	return el('details', {ontoggle: () => body.firstChild || body.append(
		table(`Queues and counts of ${l.name} over time`,
			['Time, UTC', 'SYNs', 'Accepted', 'Failed', 'SYN queue', 'Accept queue', 'Limit']
				.map((name) => ({name, cls: 'num'})),
			[...s.at.keys()].map((k) => [clock(c.first_us + s.at[k] * c.bin_us, 3),
				count(s.syns[k]), count(s.accepts[k]), count(s.failures[k]),
				depth(k, 'synq'), depth(k, 'acceptq'), count(s.limit[k])])))},
		el('summary', null, 'The same as numbers'), body);
}

function panel(report, l, width, hooks) {
	const half = width >= 744 ? Math.floor((width - 24) / 2) : width;
	const cursor = makeCursor(report, hooks.range);
	const charts = [];

	if (l.series && l.addr !== undefined)
		charts.push(queueChart(report, l, 'acceptq', width), queueChart(report, l, 'synq', width));
	if (l.series)
		charts.push(rateChart(report, l, width));
	return [
		el('div', {class: 'panel-head'},
			el('h3', {id: 'panel-title'}, l.name, ' ', el('span', {class: 'dim'}, l.owner)),
			el('button', {type: 'button', class: 'plain', onclick: () => hooks.show(l, null)},
				`Show its ${plural(l.connections, 'connection')}`)),
		charts.map((c) => timeFigure(c, cursor)),
		l.series && el('p', {class: 'hint dim'},
			'Drag over a chart, or use ← → with Shift and Enter, to list the connections of that time.'),
		el('div', {class: 'pair'},
			histogramFigure(report, l, 'handshake', 'handshake', 'Handshake', half),
			histogramFigure(report, l, 'wait', 'queued', 'Wait for accept()', half)),
		endings(report, l, hooks.show),
		l.series && seriesTable(report, l),
	];
}
