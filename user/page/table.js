/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of connections: filters, sorting, pages. */

const COLUMNS = [
	{by: 'time', name: 'Time, UTC', cls: 'num left'},
	{by: 'remote', name: 'Remote', cls: 'num left'},
	{by: 'local', name: 'Local', cls: 'num left'},
	{by: 'verdict', name: 'Outcome'},
	{by: 'synq', name: 'SYN queue', cls: 'num'},
	{by: 'acceptq', name: 'Accept queue', cls: 'num'},
	{by: 'handshake', name: 'Handshake', cls: 'num'},
	{by: 'queued', name: 'Wait', cls: 'num'},
	{by: 'process', name: 'Process'},
];
const PAGE_SIZES = [25, 50, 100, 500];

function depthCell(q) {
	const cls = q && q.depth > 0 && q.depth >= q.limit * PRESSURE ? 'pressure' : '';

	return q ? el('span', {class: cls}, count(q.depth), el('span', {class: 'dim'}, ` / ${count(q.limit)}`))
		: el('span', {class: 'dim'}, NONE);
}

function makeRow(report, row, open) {
	const c = connection(report, row), v = report.rows.verdict[row], p = c.process;
	const button = el('button', {type: 'button', class: 'link',
		'aria-label': `Timeline of ${ends(c).join(' to ')} at ${clock(c.time_us)}`}, clock(c.time_us));
	const cells = [button, endpoint(c.remote.addr, c.remote.port), endpoint(c.local.addr, c.local.port),
		[el('span', {class: `dot ${verdictClass(report, v)}`}), verdictText(report.verdicts[v]),
			!c.complete && el('small', {class: 'dim'}, ' incomplete')],
		depthCell(c.synq), depthCell(c.acceptq), duration(c.handshake_us), duration(c.queued_us),
		p ? processName(p.comm, p.pid) : NONE];

	return el('tr', {'data-row': row, class: verdictClass(report, v), onclick: () => open(row)},
		cells.map((cell, i) => el(i ? 'td' : 'th', {scope: i ? null : 'row', class: COLUMNS[i].cls}, cell)));
}

/* The form; its state is `want`, and every change is told. */
function makeFilters(report, form, want, changed) {
	const outcomes = [...new Set(report.verdicts.map((v) => v[1]))];
	const listeners = report.listeners.filter((l) => l.addr !== undefined);
	const option = (value, name) => el('option', {value}, name);
	const field = (name, control) => el('label', null, el('span', null, name), control);
	const inputs = {
		text: el('input', {type: 'search', name: 'text', autocomplete: 'off', spellcheck: 'false',
			placeholder: 'address, port, process, reason … -word: not', 'aria-keyshortcuts': '/'}),
		outcome: el('select', {name: 'outcome'}, option('', 'any'), option('failed', 'all that failed'),
			outcomes.map((o) => option(o, OUTCOMES[o] || o)), option('incomplete', 'incomplete')),
		listener: el('select', {name: 'listener'}, option('', 'any'),
			listeners.map((l) => option(String(l.id), `${l.name} ${l.owner}`))),
		slow: el('input', {type: 'number', name: 'slow', min: '0', step: 'any', inputmode: 'decimal',
			placeholder: '0'}),
	};
	const chip = el('span', {class: 'chips'});
	const read = () => {
		want.text = inputs.text.value;
		want.outcome = inputs.outcome.value;
		want.listener = inputs.listener.value === '' ? null : Number(inputs.listener.value);
		want.slow_us = inputs.slow.value === '' ? null : Number(inputs.slow.value) * 1000;
		changed();
	};
	const drop = (...names) => { names.forEach((n) => { want[n] = null; }); changed(); };

	dress(form, {oninput: read, onsubmit: (e) => e.preventDefault()},
		[field('Search', inputs.text), field('Outcome', inputs.outcome), field('Listener', inputs.listener),
			field('Slower than, ms', inputs.slow), chip]);
	return {
		focus: () => inputs.text.focus(),
		/* After `want` was changed from elsewhere. */
		write() {
			inputs.text.value = want.text || '';
			inputs.outcome.value = want.outcome || '';
			inputs.listener.value = want.listener ?? '';
			inputs.slow.value = want.slow_us ? want.slow_us / 1000 : '';
			const chips = [];
			const add = (label, ...names) => chips.push(el('button', {type: 'button', class: 'chip',
				'aria-label': `Remove the filter ${label}`, onclick: () => drop(...names)}, label, ' ×'));

			if (want.verdict !== null && want.verdict !== undefined)
				add(verdictText(report.verdicts[want.verdict]), 'verdict');
			if (want.from_us)
				add(`${clock(want.from_us, 3)} – ${clock(want.to_us, 3)}`, 'from_us', 'to_us');
			if (want.text || want.outcome || want.slow_us || typeof want.listener === 'number' || chips.length)
				add('clear all', ...Object.keys(want));
			chip.replaceChildren(...chips);
		},
	};
}

function headRow(sort, choose) {
	return el('tr', null, COLUMNS.map((c) => {
		const now = sort.by === c.by;

		return el('th', {scope: 'col', class: c.cls,
			'aria-sort': now ? (sort.down ? 'descending' : 'ascending') : 'none'},
		el('button', {type: 'button', class: 'sort', onclick: () => choose(c.by)}, c.name,
			el('span', {'aria-hidden': 'true'}, now ? (sort.down ? ' ↓' : ' ↑') : '')));
	}));
}

function makePager(nav, state, turn) {
	const button = (label, words, page, off) => el('button', {type: 'button', class: 'plain',
		'aria-label': words, disabled: off, onclick: () => turn(page)}, label);
	const last = Math.max(0, Math.ceil(state.rows.length / state.size) - 1);
	const sizes = el('select', {'aria-label': 'Rows on a page',
		onchange: (e) => { state.size = Number(e.target.value); turn(0); }},
	PAGE_SIZES.map((n) => el('option', {value: n, selected: n === state.size}, `${n} a page`)));

	nav.replaceChildren(
		button('«', 'First page', 0, state.page === 0),
		button('‹ Previous', 'Previous page', state.page - 1, state.page === 0),
		el('span', {class: 'num'}, `${count(state.page + 1)} of ${count(last + 1)}`),
		button('Next ›', 'Next page', state.page + 1, state.page === last),
		button('»', 'Last page', last, state.page === last), sizes);
}

function makeTable(report, open) {
	const texts = searchTexts(report), want = {}, sort = {by: 'time', down: false};
	const state = {rows: new Uint32Array(0), page: 0, size: 50};
	const head = el('thead'), body = el('tbody');
	const draw = () => {
		const first = state.page * state.size;

		head.replaceChildren(headRow(sort, choose));
		body.replaceChildren(...[...state.rows.subarray(first, first + state.size)]
			.map((row) => makeRow(report, row, open)));
		makePager($('pager'), state, (page) => { state.page = page; draw(); $('table').scrollTop = 0; });
	};
	const changed = () => {
		state.rows = selectRows(report, texts, want, sort);
		state.page = 0;
		$('count').textContent = state.rows.length === report.rows.n
			? plural(report.rows.n, 'connection')
			: `${count(state.rows.length)} of ${plural(report.rows.n, 'connection')}`;
		draw();
		filters.write();
	};
	const choose = (by) => {
		sort.down = sort.by === by ? !sort.down : ['handshake', 'queued', 'synq', 'acceptq'].includes(by);
		sort.by = by;
		changed();
		head.querySelector(`th:nth-child(${COLUMNS.findIndex((c) => c.by === by) + 1}) button`).focus();
	};
	const filters = makeFilters(report, $('filters'), want, changed);

	/* Up and down through the rows, without a stop at each. */
	dress(body, {onkeydown: (e) => {
		const tr = e.target.closest('tr');
		const to = {ArrowUp: tr.previousElementSibling, ArrowDown: tr.nextElementSibling}[e.key];

		if (!to)
			return;
		to.querySelector('button').focus();
		e.preventDefault();
	}}, []);
	$('table').append(el('table', {class: 'connections'},
		el('caption', {class: 'hidden'}, 'Connections; activate one to see its timeline'), head, body));
	changed();
	return {
		state, focus: filters.focus,
		filter(wish) {
			Object.keys(want).forEach((k) => { want[k] = null; });
			Object.assign(want, wish);
			changed();
			$('connections').scrollIntoView();
		},
		/* The row beside this one, turning the page if it must. */
		beside(row, by) {
			const at = state.rows.indexOf(row) + by;

			if (at < 0 || at >= state.rows.length)
				return null;
			if (Math.floor(at / state.size) !== state.page) {
				state.page = Math.floor(at / state.size);
				draw();
			}
			return state.rows[at];
		},
		focusRow: (row) => body.querySelector(`tr[data-row="${row}"] button`)?.focus(),
	};
}
