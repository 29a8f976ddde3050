/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rows are wanted, and in which order.  Knows nothing of the page. */

/* For each entry of a dictionary: does its text contain this word? */
function hits(entries, word) {
	return entries.map((e) => e.toLowerCase().includes(word));
}

/* The texts that a search looks at, by dictionary. */
function searchTexts(report) {
	return {
		remote: report.addrs,
		local: report.locals.map(([a, port]) => endpoint(report.addrs[a], port)),
		verdict: report.verdicts.map((v) => `${v.join(' ')} ${verdictText(v)}`),
		place: report.places.map(([netns, ifname]) => `${netns} ${ifname ?? ''}`),
		process: report.processes.map(([pid, , comm, cgroup]) => `${comm}[${pid}] ${cgroup ?? ''}`),
	};
}

/* A test of row numbers for one word; a minus before it turns it around. */
function wordTest(report, texts, word) {
	const rows = report.rows, not = word.length > 1 && word[0] === '-';
	const bare = not ? word.slice(1) : word;
	const found = Object.entries(texts).map(([name, entries]) => [rows[name], hits(entries, bare)]);
	const number = /\d/.test(bare);

	return (i) => {
		const hit = found.some(([column, is]) => is[column[i]]) || (number &&
			endpoint(report.addrs[rows.remote[i]], rows.rport[i]).includes(bare));

		return hit !== not;
	};
}

/* want: {text, outcome, verdict, listener, slow_us, from_us, to_us}; each may be null or ''. */
function wantedTests(report, texts, want) {
	const rows = report.rows, tests = [], has = (x) => x !== null && x !== undefined && x !== '';

	if (want.outcome === 'failed')
		tests.push((i) => report.failed[rows.verdict[i]]);
	else if (want.outcome === 'incomplete')
		tests.push((i) => rows.flags[i] & FLAG.incomplete);
	else if (has(want.outcome))
		tests.push((i) => report.verdicts[rows.verdict[i]][1] === want.outcome);
	if (has(want.verdict))
		tests.push((i) => rows.verdict[i] === want.verdict);
	if (has(want.listener))
		tests.push((i) => rows.listener[i] === want.listener);
	if (has(want.slow_us))
		tests.push((i) => rows.queued[i] >= want.slow_us || rows.handshake[i] >= want.slow_us);
	if (has(want.from_us))
		tests.push((i) => rows.time[i] < want.to_us && rows.time[i] +
			(Number.isNaN(rows.total[i]) ? 0 : rows.total[i]) >= want.from_us);
	for (const word of (want.text || '').toLowerCase().split(/\s+/).filter(Boolean))
		tests.push(wordTest(report, texts, word));
	return tests;
}

/* The place of each text among all of them, sorted. */
function ranks(texts) {
	const order = [...texts.keys()].sort((a, b) => texts[a].localeCompare(texts[b], 'en', {numeric: true}));
	const out = new Float64Array(texts.length);

	order.forEach((entry, place) => { out[entry] = place; });
	return out;
}

/* A number for each row, by which it is sorted. */
function sortKey(report, texts, name) {
	const rows = report.rows;

	switch (name) {
	case 'remote': {
		const place = ranks(report.addrs);

		return rows.rport.map((port, i) => place[rows.remote[i]] * 65536 + port);
	}
	case 'local':
	case 'verdict':
	case 'process': {
		const place = ranks(texts[name]);

		return rows[name].map((n) => (Number.isNaN(n) ? NaN : place[n]));
	}
	default:
		return rows[name];
	}
}

/* The rows that are wanted, as numbers, in order; what is not known goes last. */
function selectRows(report, texts, want, sort) {
	const tests = wantedTests(report, texts, want), n = report.rows.n;
	const out = new Uint32Array(n), key = sortKey(report, texts, sort.by);
	let cnt = 0;

	for (let i = 0; i < n; i++)
		if (tests.every((t) => t(i)))
			out[cnt++] = i;
	return out.subarray(0, cnt).sort((a, b) => {
		const x = key[a], y = key[b];

		if (x === y || (x !== x && y !== y))
			return a - b;
		if (x !== x || y !== y)
			return x !== x ? 1 : -1;
		return sort.down ? y - x : x - y;
	});
}
