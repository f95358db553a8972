/** What differs between runs: inputs, numbers, curves and maps. Pure: nothing here asks or draws. */
import { isArray } from './arrays.js';
import { MAPS } from './colourmaps.js';
import { same } from './inputs.js';

export const LETTERS = 'ABCDEF';
const DASHES = ['solid', 'dash', 'dot', 'dashdot', 'longdash'];
const GRIDS = new Set(['heatmap', 'contour']);

/** @typedef {{ run: string, label: string, short: string, figure: any, colour: string }} Part `short`: its letter */
/** @typedef {{ x: ArrayLike<number>, y: ArrayLike<number>, interpolated: boolean }} Curve */

/**
 * The inputs of several runs side by side: {input, values, differs}, in the order of the declaration; what it no longer has at the end.
 * @param {any} code its declaration, or undefined
 * @param {(any | null)[]} made {inputs, files} of each
 */
export function inputsSideBySide(code, made) {
  const declared = code?.inputs ?? [], known = new Set(declared.map((one) => one.name));
  const strange = new Set(made.flatMap((one) => Object.keys(one?.inputs ?? {})).filter((name) => !known.has(name)));
  const all = [...declared, ...[...strange].map((name) => ({ name, title: name, type: 'string', unit: '' }))];
  const there = made.filter(Boolean);
  const found = all.map((input) => {
    const value = (one) => (Object.hasOwn(one.inputs, input.name) ? one.inputs[input.name] : input.default);
    return { input, values: made.map((one) => (one ? value(one) : undefined)), differs: there.some((one) => !same(value(one), value(there[0]))) };
  });
  const files = [...new Set(there.flatMap((one) => Object.keys(one.files ?? {})))].sort();
  return [...found, ...files.map((name) => ({
    input: { name: `file ${name}`, title: name, type: 'content', unit: '' },
    values: made.map((one) => (one ? one.files?.[name] ?? '' : undefined)),
    differs: there.some((one) => (one.files?.[name] ?? '') !== (there[0].files?.[name] ?? '')),
  }))];
}

/** The plain number that a result is, or NaN. */
export function numberOf(results, key) {
  const given = results?.[key], value = given !== null && typeof given === 'object' && 'value' in given ? given.value : given;
  return typeof value === 'number' ? value : NaN;
}

const isCurve = (trace) => (trace.type ?? 'scatter').startsWith('scatter') && !/3d|polar|ternary|geo|smith|carpet/.test(trace.type ?? '') && isArray(trace.y);
export const isGrid = (trace) => GRIDS.has(trace.type) && isArray(trace.z) && isArray(trace.z[0]);

/**
 * All curves of these figures in one: named by their run, each run of one colour, each trace of one dash.
 * @param {Part[]} parts figures whose arrays are read
 * @returns {any} null where there is nothing that can be laid over something else
 */
export function overlaid(parts) {
  if (!parts.length || !parts.every(({ figure }) => (figure.data ?? []).some(isCurve))) return null;
  if (parts.some(({ figure }) => isOther(parts[0].figure, figure))) return null;
  const many = parts.some(({ figure }) => figure.data.filter(isCurve).length > 1);
  const data = parts.flatMap(({ figure, label, short, colour }) => figure.data.filter(isCurve).map((trace, at) => ({
    ...trace,
    name: many && trace.name ? `${short} · ${trace.name}` : short,
    legendgroup: label,
    showlegend: true,
    line: { ...trace.line, color: colour, dash: DASHES[at % DASHES.length] },
    marker: { ...trace.marker, color: colour },
    fill: undefined, fillcolor: undefined,
  })));
  return { data, layout: bare(parts[0].figure.layout) };
}

const wordsOf = (/** @type {any} */ axis) => axis?.title?.text ?? axis?.title;

/** Whether the axes of two figures are of other quantities or units. @param {any} one @param {any} other */
function isOther(one, other) {
  return Object.entries(one.layout ?? {}).some(([key, axis]) => {
    const [a, b] = /^[xy]axis\d*$/.test(key) ? [wordsOf(axis), wordsOf(other.layout?.[key])] : [];
    return Boolean(a && b && a !== b);
  });
}

// what it shows stands above it
const bare = ({ title, ...layout } = /** @type {any} */ ({})) => ({ ...layout, showlegend: true });

/** Several differences of curves in one figure. @param {{ part: Part, figure?: any }[]} some */
export function together(some) {
  const there = some.filter((one) => one.figure);
  if (!there.length) return null;
  const { layout } = there[0].figure, of = wordsOf(layout.yaxis);
  return {
    data: there.flatMap(({ figure }) => figure.data),
    layout: { ...bare(layout), yaxis: { ...layout.yaxis, ...(typeof of === 'string' && { title: { text: `Δ ${of}` } }), type: 'linear', range: undefined, autorange: true } },
  };
}

/**
 * `other` − `base`, trace by trace: {figure, interpolated}, or {why} where there is none.
 * @param {Part} base
 * @param {Part} other
 */
export function difference(base, other) {
  const pairs = pairsOf(base.figure.data ?? [], other.figure.data ?? []);
  if (isOther(base.figure, other.figure)) return { why: 'quantity' };
  if (!pairs.length) return { why: 'missing' };
  if (pairs.every(([one, two]) => isGrid(one) && isGrid(two))) return gridDifference(base, pairs);
  if (!pairs.every(([one, two]) => isCurve(one) && isCurve(two))) return { why: 'type' };
  let interpolated = false;
  const data = [];
  for (const [one, two] of pairs) {
    const curve = minus(two, one);
    if (!curve) return { why: 'x' };
    interpolated ||= curve.interpolated;
    const dash = DASHES[data.length % DASHES.length];
    data.push({ type: 'scatter', mode: 'lines', name: `${other.short} − ${base.short}${pairs.length > 1 && one.name ? ` · ${one.name}` : ''}`, xaxis: one.xaxis, yaxis: one.yaxis, x: curve.x, y: curve.y, line: { color: other.colour, dash, width: 1.8 } });
  }
  const identical = !interpolated && data.every(({ y }) => Array.prototype.every.call(y, (value) => !value));
  return { figure: { data, layout: { ...base.figure.layout, shapes: [], annotations: [] } }, interpolated, identical };
}

function pairsOf(ones, others) {
  // one name may stand in several plots of a figure
  const nameOf = (/** @type {any} */ one) => one?.name && `${one.name} ${one.yaxis ?? 'y'}`;
  const named = new Map(others.filter(nameOf).map((one) => [nameOf(one), one])), mine = new Set(ones.map(nameOf));
  // by its place, unless what stands there is another's by its name
  const atPlace = (/** @type {number} */ at) => (nameOf(others[at]) && mine.has(nameOf(others[at])) ? undefined : others[at]);
  return ones.map((one, at) => [one, named.get(nameOf(one)) || atPlace(at)]).filter(([one, two]) => one && two && (isCurve(one) || isGrid(one)));
}

/**
 * `two` − `one` at the points of `one`; where their points differ, as far as both are known, in between by a straight line.
 * @returns {Curve | null} null where they are no functions of x, or have no x in common
 */
export function minus(two, one) {
  const a = points(one), b = points(two);
  if (!a || !b) return null;
  if (a.x.length === b.x.length && Array.prototype.every.call(a.x, (value, at) => value === b.x[at])) {
    return { x: a.x, y: Float64Array.from(a.y, (value, at) => b.y[at] - value), interpolated: false };
  }
  const x = [], y = [], first = b.x[0], last = b.x[b.x.length - 1];
  let at = 0;
  for (let n = 0; n < a.x.length; n += 1) {
    const here = a.x[n];
    if (here < first || here > last) continue;
    while (at < b.x.length - 2 && b.x[at + 1] < here) at += 1;
    const width = b.x[at + 1] - b.x[at], share = width > 0 ? (here - b.x[at]) / width : 0;
    x.push(here);
    y.push(b.y[at] + share * (b.y[at + 1] - b.y[at]) - a.y[n]);
  }
  return x.length > 1 ? { x, y, interpolated: true } : null;
}

/** Numbers whose x never goes back; null otherwise. */
function points(trace) {
  const { y } = trace, x = trace.x ?? Array.from(y, (_, at) => (trace.x0 ?? 0) + at * (trace.dx ?? 1));
  if (!isArray(x) || x.length < 2 || x.length !== y.length) return null;
  for (let at = 0; at < x.length; at += 1) if (typeof x[at] !== 'number' || typeof y[at] !== 'number' || (at && !(x[at] >= x[at - 1]))) return null;
  return { x, y };
}

function gridDifference(base, pairs) {
  const [one, two] = pairs[0], size = (trace) => `${trace.z.length} × ${trace.z[0].length}`;
  if (size(one) !== size(two)) return { why: 'grid', sizes: `${size(one)}, ${size(two)}` };
  let most = 0;
  const z = Array.from(one.z, (row, r) => Float64Array.from(row, (value, c) => {
    const found = two.z[r][c] - value;
    if (Math.abs(found) > most) most = Math.abs(found);
    return found;
  }));
  const { colorbar, name, xaxis, yaxis, x, y, x0, dx, y0, dy } = one;
  const data = [{ type: 'heatmap', name, xaxis, yaxis, x, y, x0, dx, y0, dy, z, zmin: -most || -1, zmax: most || 1, colorscale: MAPS.diverging, colorbar }];
  return { figure: { data: data.map(defined), layout: { ...base.figure.layout, coloraxis: undefined } }, interpolated: false, identical: most === 0 };
}

const defined = (what) => Object.fromEntries(Object.entries(what).filter(([, value]) => value !== undefined));

/**
 * The maps of several runs with one scale of colours, so that the same colour is the same value.
 * @param {Part[]} parts
 */
export function sideBySide(parts) {
  let low = Infinity, high = -Infinity;
  for (const { figure } of parts) for (const trace of figure.data.filter(isGrid)) for (const row of trace.z) for (const value of row) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) return parts;
  return parts.map((part) => ({ ...part, figure: { ...part.figure, data: part.figure.data.map((trace) => (isGrid(trace) ? { ...trace, zmin: low, zmax: high, zauto: false, coloraxis: undefined } : trace)) } }));
}
