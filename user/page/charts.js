/* SPDX-License-Identifier: GPL-2.0-only */
/* Drawings of one listener: queues and rates over time, distributions. */

const LEFT = 62, RIGHT = 12, TOP = 14, BOTTOM = 26;
const RATE_POINTS = 128;
const PRESSURE = 0.8; /* of the limit: from here on a queue is drawn in amber */

/* One value for each bin of the clock: a queue keeps its length where nothing told of it. */
function carried(report, series, name, last) {
	const out = new Float64Array(report.clock.bins).fill(NaN);
	let k = 0, now = NaN;

	for (let i = 0; i < out.length; i++) {
		if (series.at[k] === i) {
			out[i] = Number.isNaN(series[name][k]) ? now : series[name][k];
			if (!Number.isNaN(series[last][k]))
				now = series[last][k];
			k++;
		} else {
			out[i] = now;
		}
	}
	return out;
}

/* One value for each bin, a second: what is counted in `group` bins is spread over them. */
function spread(report, series, name, group) {
	const out = new Float64Array(report.clock.bins);
	const seconds = (report.clock.bin_us * group) / 1e6;

	series.at.forEach((at, k) => {
		const first = at - (at % group);

		for (let i = first; i < Math.min(first + group, out.length); i++)
			out[i] += series[name][k] / seconds;
	});
	return out;
}

function most(values) {
	return values.reduce((a, b) => (b > a ? b : a), 0);
}

/* Pixels of a chart over time. */
function timeScale(report, width, height, top) {
	const c = report.clock, from = (report.summary.first_us - c.first_us) / c.bin_us;
	const to = Math.max((report.summary.last_us - c.first_us) / c.bin_us, from + 1e-3);
	const x = (bin) => LEFT + ((Math.min(Math.max(bin, from), to) - from) / (to - from)) *
		(width - LEFT - RIGHT);

	return {
		width, height, x, top, span_us: (to - from) * c.bin_us, from, to,
		y: (v) => height - BOTTOM - (v / top) * (height - TOP - BOTTOM),
		bin: (px) => Math.min(c.bins - 1, Math.max(0, Math.floor(from +
			((px - LEFT) / (width - LEFT - RIGHT)) * (to - from)))),
	};
}

/* A line of steps; gaps where nothing is known. */
function stepPath(s, values) {
	let d = '', open = false;

	values.forEach((v, i) => {
		if (Number.isNaN(v)) {
			open = false;
			return;
		}
		const y = s.y(v).toFixed(1);

		d += `${open ? 'L' : 'M'}${s.x(i).toFixed(1)} ${y}H${s.x(i + 1).toFixed(1)}`;
		open = true;
	});
	return d;
}

/* The area between two of them. */
function bandPath(s, low, high) {
	let d = '';

	for (let i = 0; i < high.length;) {
		let end = i;

		while (end < high.length && !Number.isNaN(high[end]))
			end++;
		if (end === i) {
			i++;
			continue;
		}
		d += `M${s.x(i).toFixed(1)} ${s.y(high[i]).toFixed(1)}`;
		for (let k = i; k < end; k++)
			d += `V${s.y(high[k]).toFixed(1)}H${s.x(k + 1).toFixed(1)}`;
		for (let k = end - 1; k >= i; k--)
			d += `V${s.y(low ? low[k] : 0).toFixed(1)}H${s.x(k).toFixed(1)}`;
		d += 'Z';
		i = end;
	}
	return d;
}

function timeAxis(s, unit) {
	const y = s.height - BOTTOM, out = [line(LEFT, y, s.width - RIGHT, y, 'axis')];

	for (const t of ticks(s.span_us, s.width < 500 ? 4 : 8)) {
		const x = LEFT + (t / s.span_us) * (s.width - LEFT - RIGHT);

		out.push(line(x, y, x, y + 4, 'axis'),
			text(x, y + 17, t ? short(duration(t)) : '0', {'text-anchor': x > s.width - 40 ? 'end' : 'middle'}));
	}
	for (const v of unit === '/s' ? ticks(s.top, 4) : wholeTicks(s.top, 4))
		out.push(line(LEFT, s.y(v), s.width - RIGHT, s.y(v), v ? 'grid' : 'axis'),
			text(LEFT - 8, s.y(v) + 4, unit === '/s' && v ? short(rate(v)) : count(v),
				{'text-anchor': 'end'}));
	return out;
}

/* Red marks along the top where connections failed, and bars where events were lost. */
function troubles(report, s, series) {
	const out = [];

	series.at.forEach((at, k) => {
		if (series.failures[k])
			out.push(svg('rect', {x: s.x(at), y: 0, width: Math.max(2, s.x(at + 1) - s.x(at)),
				height: 5, class: 'failed'}));
	});
	if (report.losses)
		report.losses.at.forEach((at) => out.push(svg('rect', {x: s.x(at) - 1, y: TOP,
			width: Math.max(3, s.x(at + 1) - s.x(at)), height: s.height - TOP - BOTTOM,
			class: 'lost'})));
	return out;
}

/* The limit, where it is on the scale; else that it is far away. */
function limitMarks(s, limits) {
	const limit = most(limits);

	if (limit > s.top)
		return [text(s.width - RIGHT, TOP + 8, `limit ${count(limit)}, far above`,
			{'text-anchor': 'end', class: 'limit-text'})];
	return [svg('path', {d: stepPath(s, limits), class: 'limit'}),
		text(s.width - RIGHT, s.y(limit) - 5, `limit ${count(limit)}`,
			{'text-anchor': 'end', class: 'limit-text'})];
}

const QUEUES = {
	acceptq: {title: 'Accept queue', what: 'connections that wait for accept()', cls: 'acceptq'},
	synq: {title: 'SYN queue', what: 'half-open connections that wait for the client’s ACK',
		cls: 'synq'},
};

function queueChart(report, listener, name, width) {
	const q = QUEUES[name], series = listener.series, height = 180;
	const high = carried(report, series, `${name}_high`, `${name}_last`);
	const low = carried(report, series, `${name}_low`, `${name}_last`);
	const limits = carried(report, series, 'limit', 'limit');
	const limit = most(limits), peak = most(high);
	const top = Math.max(1, peak < limit / 8 ? peak * 1.25 : Math.max(limit, peak) * 1.12);
	const s = timeScale(report, width, height, top);
	const clip = fresh('clip'), edge = s.y(limit * PRESSURE);

	return {
		scale: s,
		title: q.title,
		note: q.what,
		keys: [peak >= limit * PRESSURE && [`over ${PRESSURE * 100} % of the limit`, 'pressure'],
			series.failures.some((n) => n > 0) && ['a connection failed', 'failed'],
			report.losses && ['events lost', 'lost']].filter(Boolean),
		say: (i) => (Number.isNaN(high[i]) ? 'not known yet' : low[i] === high[i]
			? `${count(high[i])} of ${count(limits[i])}`
			: `${count(low[i])} to ${count(high[i])} of ${count(limits[i])}`),
		node: drawing(width, height, `${q.title} of ${listener.name} over time`,
			`${q.what}. Peak ${count(peak)}, limit ${count(limit)}.`,
			svg('clipPath', {id: clip}, svg('rect', {x: 0, y: 0, width, height: Math.max(0, edge)})),
			timeAxis(s, ''), troubles(report, s, series),
			svg('path', {d: bandPath(s, null, high), class: `area ${q.cls}`}),
			svg('path', {d: bandPath(s, low, high), class: `band ${q.cls}`}),
			svg('path', {d: stepPath(s, high), class: `line ${q.cls}`}),
			limit && peak >= limit * PRESSURE && svg('g', {'clip-path': `url(#${clip})`},
				svg('path', {d: bandPath(s, null, high), class: 'area pressure'}),
				svg('path', {d: stepPath(s, high), class: 'line pressure'})),
			limitMarks(s, limits)),
	};
}

function rateChart(report, listener, width) {
	const series = listener.series, height = 180;
	const group = Math.ceil(report.clock.bins / RATE_POINTS);
	const per = (name) => spread(report, series, name, group);
	const syns = per('syns'), accepts = per('accepts'), failures = per('failures');
	const top = Math.max(most(syns), most(accepts), most(failures), 1e-6) * 1.12;
	const s = timeScale(report, width, height, top);

	return {
		scale: s,
		title: 'Rates',
		note: `SYNs and accepts a second, in steps of ${short(duration(report.clock.bin_us * group))}`,
		keys: [['SYNs', 'synq'], ['accepted', 'acceptq'], ['failed', 'failed']],
		say: (i) => `SYNs ${rate(syns[i])} · accepted ${rate(accepts[i])} · failed ` +
			rate(failures[i]),
		node: drawing(width, height, `SYN and accept rates of ${listener.name} over time`,
			`At most ${rate(most(syns))} SYNs, ${rate(most(accepts))} accepted, ` +
			`${rate(most(failures))} failed.`,
			timeAxis(s, '/s'), troubles(report, s, {at: [], failures: []}),
			svg('path', {d: bandPath(s, null, failures), class: 'area failed'}),
			svg('path', {d: stepPath(s, syns), class: 'line synq'}),
			svg('path', {d: stepPath(s, accepts), class: 'line acceptq'}),
			most(failures) ? svg('path', {d: stepPath(s, failures), class: 'line failed'}) : null),
	};
}

/* Lines at quantiles; where two are close, one name stands for both. */
function markNodes(marks, x, height) {
	const known = marks.filter(([, us]) => !Number.isNaN(us));

	return known.map(([name, us], i) => [
		line(x(us), TOP - 2, x(us), height - BOTTOM, 'mark'),
		i + 1 < known.length && x(known[i + 1][1]) - x(us) < 34 ? null
			: text(x(us) + 3, TOP + 6, name, {class: 'mark-text'})]).flat();
}

/* A power of two, as people say it. */
function binName(us) {
	return us < 1024 ? `${us} µs` : us < 2 ** 20 ? `${us / 1024} ms` : `${us / 2 ** 20} s`;
}

/* Bars in powers of two of µs; marks: [[name, µs]] */
function histogramChart(hist, width, cls, title, marks) {
	const height = 170, used = [...hist.keys()].filter((i) => hist[i]);
	const from = Math.max(0, (used[0] ?? 4) - 1), to = Math.min(31, (used.at(-1) ?? 12) + 1);
	const top = Math.max(most(hist), 1) * 1.15, all = hist.reduce((a, b) => a + b, 0);
	const step = (width - LEFT - RIGHT) / (to - from + 1);
	const x = (us) => LEFT + (Math.min(Math.max(Math.log2(Math.max(us, 1)), from), to + 1) - from) *
		step;
	const y = (n) => height - BOTTOM - (n / top) * (height - TOP - BOTTOM);
	const every = Math.max(1, Math.ceil(46 / step)), out = [];

	for (const v of wholeTicks(top, 3))
		out.push(line(LEFT, y(v), width - RIGHT, y(v), v ? 'grid' : 'axis'),
			text(LEFT - 8, y(v) + 4, count(v), {'text-anchor': 'end'}));
	for (let i = from; i <= to; i++) {
		out.push(svg('rect', {x: x(2 ** i) + 1, width: Math.max(1, step - 2), y: y(hist[i]),
			height: height - BOTTOM - y(hist[i]), class: `bar ${cls}`},
			svg('title', null, `${i ? duration(2 ** i) : '0'} to ${duration(2 ** (i + 1))}: ` +
				`${count(hist[i])} (${percent(hist[i], all)})`)));
		if ((i - from) % every === 0)
			out.push(text(x(2 ** i), height - 9, i ? binName(2 ** i) : '0', {'text-anchor': 'middle'}));
	}
	out.push(markNodes(marks, x, height));
	return drawing(width, height, title,
		marks.map(([name, us]) => `${name} ${duration(us)}`).join(', '), out);
}
