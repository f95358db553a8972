/** A figure's numbers as CSV: columns of curves with names and units, heat maps as a matrix with its axes. */
import { isArray } from '../../arrays.js';

/** Words without Plotly's markup: “β<sub>x</sub> [m]” → “βx [m]”. @param {any} text */
export const plainText = (text) => String(text ?? '').replace(/<br\s*\/?>/gi, ' ').replace(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').trim();

/** @param {any} value */
function cell(value) {
  if (value === null || value === undefined || value !== value) return '';
  if (typeof value === 'number') return String(value);
  // a spreadsheet must not take a name for a formula
  const text = plainText(value).replace(/^([=+\-@\t\r])/, "'$1");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {any[]} values */
const line = (values) => values.map(cell).join(',');

/** @param {any} layout @param {string} letter @param {any} trace */
function axisTitle(layout, letter, trace) {
  const axis = layout?.[`${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`];
  return plainText(typeof axis?.title === 'string' ? axis.title : axis?.title?.text) || letter;
}

/** The unit in a title such as “x [mm]”. @param {string} title */
const unitOf = (title) => /\[([^\]]*)\]\s*$/.exec(title)?.[0] ?? '';

/** @param {any} layout @param {any} trace @param {number} index */
function name(layout, trace, index) {
  const title = axisTitle(layout, 'y', trace);
  const own = plainText(trace.name);
  if (!own) return title === 'y' ? `y ${index + 1}` : title;
  const unit = unitOf(title);
  return unit && !own.endsWith(']') ? `${own} ${unit}` : own;
}

const same = (/** @type {any} */ one, /** @type {any} */ other) => one === other || (one.length === other.length && Array.prototype.every.call(one, (value, at) => Object.is(value, other[at])));

/** @param {any} values @param {any} first @param {any} step @param {number} count */
const counted = (values, first, step, count) => (isArray(values) ? values : Array.from({ length: count }, (_, at) => (first ?? 0) + at * (step ?? 1)));

/** A matrix: x along the first line, y down the first column. @param {any} layout @param {any} trace */
function matrix(layout, trace) {
  const rows = trace.z.length, columns = trace.z[0]?.length ?? 0;
  const bar = trace.colorbar?.title;
  const title = plainText(trace.name) || plainText(typeof bar === 'string' ? bar : bar?.text);
  const corner = `${axisTitle(layout, 'y', trace)} \\ ${axisTitle(layout, 'x', trace)}${title ? `: ${title}` : ''}`;
  const xs = counted(trace.x, trace.x0, trace.dx, columns), ys = counted(trace.y, trace.y0, trace.dy, rows);
  return [line([corner, ...xs]), ...Array.from(trace.z, (row, at) => line([ys[at], ...row]))];
}

/** Columns that belong together beside each other; the shorter ones end earlier. @param {{head: string, values: any}[]} columns */
function table(columns) {
  const longest = Math.max(0, ...columns.map(({ values }) => values.length));
  const lines = [line(columns.map(({ head }) => head))];
  for (let at = 0; at < longest; at += 1) lines.push(columns.map(({ values }) => (at < values.length ? cell(values[at]) : '')).join(','));
  return lines;
}

/** Curves and points: x is written once where several have the same. @param {any} layout @param {any[]} traces */
function curves(layout, traces) {
  const columns = /** @type {{head: string, values: any}[]} */ ([]);
  let before = /** @type {any} */ (null);
  traces.forEach((trace, index) => {
    const length = trace.y?.length ?? trace.x?.length ?? 0;
    const x = counted(trace.x, trace.x0, trace.dx, length);
    const title = axisTitle(layout, 'x', trace);
    if (!before || before.title !== title || !same(before.x, x)) columns.push({ head: title, values: x });
    before = { x, title };
    if (isArray(trace.y)) columns.push({ head: name(layout, trace, index), values: trace.y });
    const colour = trace.marker?.color;
    if (isArray(colour) && typeof colour[0] === 'number') columns.push({ head: plainText(trace.marker.colorbar?.title?.text) || 'colour', values: colour });
  });
  return table(columns);
}

/** Every list of a trace that is told in its own words: 3-D, polar, pies, tables, … @param {any} trace @param {number} index */
function others(trace, index) {
  const columns = /** @type {{head: string, values: any}[]} */ ([]);
  const label = plainText(trace.name) || `${trace.type} ${index + 1}`;
  const walk = (/** @type {any} */ value, /** @type {string} */ head) => {
    if (isArray(value) && value.length && (isArray(value[0]) || (typeof value[0] === 'object' && value[0] !== null))) {
      Array.from(value).forEach((one, at) => walk(one, one?.label ? plainText(one.label) : `${head} ${at + 1}`));
    } else if (isArray(value)) {
      if (value.length) columns.push({ head, values: value });
    } else if (value && typeof value === 'object') {
      for (const [key, one] of Object.entries(value)) if (one && typeof one === 'object') walk(one, key === 'values' ? head : `${head} ${key}`);
    }
  };
  if (trace.type === 'table') {
    const heads = Array.from(trace.header?.values ?? [], (one) => plainText(isArray(one) ? one[0] : one));
    Array.from(trace.cells?.values ?? []).forEach((values, at) => { if (isArray(values)) columns.push({ head: heads[at] ?? `column ${at + 1}`, values }); });
  } else {
    for (const [key, value] of Object.entries(trace)) if (!['colorscale', 'customdata', 'type'].includes(key) && value && typeof value === 'object') walk(value, key);
  }
  return [line([label]), ...table(columns)];
}

const CURVES = new Set(['scatter', 'scattergl', 'bar', 'box', 'violin', 'histogram', 'waterfall', 'funnel']);

/**
 * The CSV of all traces (\r\n, as RFC 4180 has it); parts that are no one table are separated by an empty line.
 * @param {any} figure
 */
export function csv(figure) {
  const { data = [], layout = {} } = figure;
  const blocks = /** @type {string[][]} */ ([]);
  // what is drawn beside an axis that nobody reads is decoration: a lattice, a centre line
  const isRead = (/** @type {any} */ trace) => layout[`yaxis${(trace.yaxis ?? 'y').slice(1)}`]?.visible !== false;
  const plain = data.filter((/** @type {any} */ trace) => CURVES.has(trace.type ?? 'scatter') && isRead(trace));
  if (plain.length) blocks.push(curves(layout, plain));
  data.forEach((/** @type {any} */ trace, /** @type {number} */ index) => {
    const type = trace.type ?? 'scatter';
    if (CURVES.has(type)) return;
    const flat = ['heatmap', 'contour', 'surface'].includes(type) && isArray(trace.z?.[0]) && !isArray(trace.x?.[0]);
    blocks.push(flat ? matrix(layout, trace) : others(trace, index));
  });
  return blocks.map((lines) => lines.join('\r\n')).join('\r\n\r\n') + '\r\n';
}
