/** An array of any number of dimensions: one as a line and a table, two as a heat map and a table, more by slices; only the part that is looked at is read. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { Plot } from '../plot.js';
import { Grid, shownNumber } from './grid.js';
import { plain } from './table.js';

const LINE_POINTS = 20_000;
const MAP_SIDE = 512;
const TABLE_ROWS = 500;
const TABLE_COLUMNS = 40;

/**
 * @typedef {{ name: string, shape: number[] | null, type: string, numeric: boolean, fields?: string[] | null,
 *             read: (ranges: [number, number, number][]) => Promise<{ values: any }> }} Source
 */

/** @param {{ source: Source }} props */
export function ArrayView({ source }) {
  const shape = source.shape, sizes = shape ?? [];
  const plotted = source.numeric && sizes.length > 0 && sizes.every((one) => one > 0) && Math.max(...sizes.slice(-2)) > 1;
  const [view, setView] = useState(plotted ? 'plot' : 'table');
  const [at, setAt] = useState(() => sizes.slice(0, -2).map(() => 0));
  const [window, setWindow] = useState([0, 0]);
  if (!shape) return html`<p class="hint">${t('array.empty')}</p>`;
  if (shape.some((one) => one === 0)) return html`<p class="hint">${t('array.none')}</p>`;
  const flat = shape.slice(-2); // what is shown of it
  return html`
    <div class="array-view">
      ${plotted && html`<div class="view-bar"><div class="segments" role="group" aria-label=${t('array.as')}>
        ${['plot', 'table'].map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${view === one} onClick=${() => setView(one)}>${t(one === 'plot' && flat.length > 1 ? 'array.map' : `array.${one}`)}</button>`)}</div></div>`}
      ${shape.length > 2 && html`<${Slices} shape=${shape} at=${at} setAt=${setAt} />`}
      ${view === 'plot' ? html`<${ArrayPlot} source=${source} flat=${flat} at=${at} />` : html`<${ArrayTable} source=${source} flat=${flat} at=${at} window=${window} setWindow=${setWindow} />`}
    </div>`;
}

function Slices({ shape, at, setAt }) {
  return html`
    <div class="slices">
      ${at.map((value, dimension) => html`
        <label key=${dimension} class="slice"><span>${t('array.dimension', { number: dimension + 1 })}</span>
          <input type="range" class="slider" min="0" max=${shape[dimension] - 1} value=${value} onInput=${(event) => setAt(at.map((one, n) => (n === dimension ? Number(event.currentTarget.value) : one)))} />
          <span class="number">${t('array.of', { at: value, last: shape[dimension] - 1 })}</span></label>`)}
    </div>`;
}

/** The part of an array as it was last asked for: {part, error, busy, retry}; an answer that is late is dropped. */
function usePart(source, ranges) {
  const [state, setState] = useState({ part: null, error: null, of: '' });
  const [again, setAgain] = useState(0);
  const key = `${source.name} ${JSON.stringify(ranges)}`;
  useEffect(() => {
    let current = true;
    source.read(ranges).then((part) => current && setState({ part, error: null, of: key }), (error) => current && setState({ part: null, error, of: key }));
    return () => { current = false; };
  }, [key, again]);
  // the slice before stays until the next one is there; of another array nothing does
  return { ...state, part: state.of.startsWith(`${source.name} `) ? state.part : null, busy: state.of !== key, retry: () => setAgain(again + 1) };
}

const every = (length, most) => Math.max(1, Math.ceil(length / most));
const one = (at) => at.map((index) => /** @type {[number, number, number]} */ ([index, index + 1, 1]));

function ArrayPlot({ source, flat, at }) {
  const handle = useRef(null);
  const steps = flat.map((length) => every(length, flat.length > 1 ? MAP_SIDE : LINE_POINTS));
  const { part, error, busy, retry } = usePart(source, [...one(at), ...flat.map((length, n) => [0, length, steps[n]])]);
  const figure = useMemo(() => part && (flat.length > 1 ? heat(part.values, flat, steps) : line(part.values, flat, steps, source.name)), [part]);
  if (error) return html`<${Wrong} error=${error} retry=${retry} />`;
  return html`
    <div class="array-stage" aria-busy=${busy}>${figure ? html`<${Plot} figure=${figure} name=${source.name} label=${t('array.plot.label', { name: source.name })} handle=${handle} />` : html`<${Skeleton} rows=${5} />`}</div>
    ${steps.some((step) => step > 1) && html`<p class="hint">${t('array.thinned', { steps: steps.join(' × ') })}</p>`}`;
}

/** What is wrong with the file itself is not mended by trying again. */
function Wrong({ error, retry }) {
  return error.code === 'file' ? html`<p class="notice warn">${t('array.wrong', { error: error.detail })}</p>` : html`<${LoadError} error=${error} retry=${retry} />`;
}

function line(values, [length], [step], name) {
  return { data: [{ type: 'scatter', mode: values.length > 300 ? 'lines' : 'lines+markers', marker: { size: 5 }, y: values, x0: 0, dx: step }],
    layout: { xaxis: { title: { text: t('array.index') }, range: [0, Math.max(1, length - 1)] }, yaxis: { title: { text: plain(name) } } } };
}

function heat(values, [rows, columns], [down, across]) {
  const width = Math.ceil(columns / across), z = [];
  for (let row = 0; row < Math.ceil(rows / down); row += 1) z.push(values.subarray(row * width, (row + 1) * width));
  return { data: [{ type: 'heatmap', z, x0: 0, dx: across, y0: 0, dy: down, colorscale: 'Viridis' }], layout: { xaxis: { title: { text: t('array.column') } }, yaxis: { title: { text: t('array.row') } } } };
}

function ArrayTable({ source, flat, at, window: [row, column], setWindow }) {
  const [rows, columns] = flat.length > 1 ? flat : [flat[0] ?? 1, 1];
  const toRow = Math.min(rows, row + TABLE_ROWS), toColumn = Math.min(columns, column + TABLE_COLUMNS);
  const ranges = [...one(at), ...(flat.length > 1 ? [[row, toRow, 1], [column, toColumn, 1]] : flat.length ? [[row, toRow, 1]] : [])];
  const { part, error, busy, retry } = usePart(source, /** @type {[number, number, number][]} */ (ranges));
  if (error) return html`<${Wrong} error=${error} retry=${retry} />`;
  if (!part) return html`<${Skeleton} rows=${6} />`;
  if (!flat.length && !source.fields) return html`<p class="scalar mono">${source.numeric ? shownNumber(part.values[0]) : String(part.values[0])}</p>`;
  const width = toColumn - column;
  const shown = source.fields && flat.length < 2
    ? source.fields.map((name, n) => ({ name, numeric: typeof part.values[0]?.[n] === 'number', at: (line) => part.values[line - row]?.[n] }))
    : Array.from({ length: width }, (_, n) => ({ name: flat.length > 1 ? String(column + n) : t('array.value'), numeric: source.numeric, at: (line) => { const value = part.values[(line - row) * width + n]; return Array.isArray(value) ? value.join(', ') : value; } }));
  const turn = (text, to, off) => html`<button type="button" class="button small" disabled=${off} onClick=${() => setWindow(to)}>${text}</button>`;
  return html`
    <div aria-busy=${busy}><${Grid} label=${t('table.label')} columns=${shown} rows=${Array.from({ length: toRow - row }, (_, n) => row + n)} /></div>
    ${(rows > TABLE_ROWS || columns > TABLE_COLUMNS) && html`
      <div class="view-foot"><span class="hint number" role="status">${t('array.window', { from: row + 1, to: toRow, rows })}${columns > 1 ? `, ${t('array.columns', { from: column, to: toColumn - 1, columns })}` : ''}</span><span class="spacer"></span>
        ${rows > TABLE_ROWS && html`${turn(t('array.up'), [Math.max(0, row - TABLE_ROWS), column], row === 0)}${turn(t('array.down'), [row + TABLE_ROWS, column], toRow >= rows)}`}
        ${columns > TABLE_COLUMNS && html`${turn(t('array.left'), [row, Math.max(0, column - TABLE_COLUMNS)], column === 0)}${turn(t('array.right'), [row, column + TABLE_COLUMNS], toColumn >= columns)}`}</div>`}`;
}
