/* SPDX-License-Identifier: GPL-2.0-only */
/* Elements, and scales for drawings.  Text becomes text nodes, never markup. */

const SVG = 'http://www.w3.org/2000/svg';

function $(id) {
	return document.getElementById(id);
}

/* Attributes; on… functions listen; css sets style properties; null and false are left out. */
function dress(node, attrs, children) {
	for (const [name, value] of Object.entries(attrs || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (typeof value === 'function')
			node.addEventListener(name.slice(2), value);
		else if (name === 'css')
			Object.assign(node.style, value);
		else
			node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
	return node;
}

function el(name, attrs, ...children) {
	return dress(document.createElement(name), attrs, children);
}

function svg(name, attrs, ...children) {
	return dress(document.createElementNS(SVG, name), attrs, children);
}

let serial = 0;

/* An id that nothing else has. */
function fresh(prefix) {
	return `${prefix}-${++serial}`;
}

/* A drawing with a name and a description for those who do not see it. */
function drawing(width, height, title, desc, ...children) {
	const ids = [fresh('title'), fresh('desc')];

	return svg('svg', {viewBox: `0 0 ${width} ${height}`, width, height, role: 'img',
		'aria-labelledby': ids.join(' ')},
		svg('title', {id: ids[0]}, title), svg('desc', {id: ids[1]}, desc), ...children);
}

function text(x, y, words, attrs) {
	return svg('text', {x, y, ...attrs}, words);
}

function line(x1, y1, x2, y2, cls) {
	return svg('line', {x1, y1, x2, y2, class: cls});
}

/* 0, 5, 10, …: at most `most` steps up to `top`. */
function ticks(top, most) {
	const raw = top / most;
	const power = 10 ** Math.floor(Math.log10(raw || 1));
	const step = Math.max([1, 2, 5, 10].find((f) => f * power >= raw * 0.999) * power, 1e-9);
	const out = [];

	for (let i = 0; i * step <= top * 1.0001; i++)
		out.push(i * step);
	return out;
}

/* Counts have no fractions between them. */
function wholeTicks(top, most) {
	return ticks(top, most).filter((t) => t === Math.round(t));
}

/* A table; columns: [{name, cls}], rows of texts or nodes. */
function table(caption, columns, rows, cls) {
	return el('table', {class: cls},
		el('caption', {class: 'hidden'}, caption),
		el('thead', null, el('tr', null,
			columns.map((c) => el('th', {scope: 'col', class: c.cls}, c.name)))),
		el('tbody', null, rows.map((cells) => el('tr', null, cells.map((c, i) =>
			el(i ? 'td' : 'th', {scope: i ? null : 'row', class: columns[i].cls}, c))))));
}
