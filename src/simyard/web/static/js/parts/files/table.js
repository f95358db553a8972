/** A file of columns: a table that is sorted by any of them, and any of them plotted against another. */
import { size } from '../../format.js';
import { html, useEffect, useMemo, useRef, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { Plot } from '../plot.js';
import { Grid, MAX_SHOWN } from './grid.js';
import { ending } from './kind.js';
import { asker, bytes } from './load.js';
import { order } from './tables.js';

/** A table is read this far (bytes). */
const LIMIT = 8 << 20;

/** @param {{ run: any, file: { path: string, size: number }, fallback: () => void }} props `fallback` shows it as text */
export function TableView({ run, file, fallback }) {
  const [table, setTable] = useState(null);
  const [error, setError] = useState(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const abort = new AbortController(), worker = asker('./table_worker.js');
    setError(null);
    (async () => {
      const found = await bytes(run.id, file.path, { to: LIMIT, signal: abort.signal });
      setTable(await worker.ask({ bytes: found.buffer, end: ending(file.path), cut: file.size > found.length }, [found.buffer]));
    })().catch((problem) => { if (!abort.signal.aborted) setError(problem); }).finally(worker.close);
    return () => { abort.abort(); worker.close(); };
  }, [file.path, again]);

  if (error) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!table) return html`<${Skeleton} rows=${8} />`;
  if (!table.rows || !table.columns.length) return html`<p class="hint">${t('table.none')} <button type="button" class="linklike" onClick=${fallback}>${t('table.as-text')}</button></p>`;
  return html`<${Loaded} table=${table} file=${file} />`;
}

function Loaded({ table, file }) {
  const numeric = table.columns.map((one, at) => ({ ...one, at })).filter((one) => one.numeric);
  const [sort, setSort] = useState(null);
  const [plotted, setPlotted] = useState(false);
  const rows = useMemo(() => (sort ? order(table.columns[sort.column], table.rows, sort.down) : Array.from({ length: table.rows }, (_, n) => n)), [table, sort]);
  const onSort = (column) => setSort(sort?.column !== column ? { column, down: false } : sort.down ? null : { column, down: true });
  const columns = useMemo(() => table.columns.map((one) => ({ name: one.name, numeric: one.numeric, at: (row) => one.values[row] })), [table]);
  return html`
    <div class="table-view">
      <div class="view-bar">
        <span class="hint number" role="status">${t('table.rows', { count: table.rows, rows: table.rows.toLocaleString('en-GB').replaceAll(',', '\u202f'), columns: table.columns.length })}
          ${table.rows > MAX_SHOWN && ` ${t('table.shown', { count: MAX_SHOWN })}`}
          ${table.truncated && ` ${t('table.truncated', { size: size(LIMIT) })}`}
          ${table.skipped > 0 && ` ${t('table.skipped', { count: table.skipped })}`}</span>
        <span class="spacer"></span>
        ${numeric.length > 0 && html`<button type="button" class="chip" aria-pressed=${plotted} onClick=${() => setPlotted(!plotted)}><${Icon} name="image" />${t('table.plot')}</button>`}
      </div>
      ${plotted && html`<${ColumnPlot} numeric=${numeric} name=${file.path} />`}
      ${table.header.length > 0 && html`<details class="table-header"><summary>${t('table.header', { count: table.header.length })}</summary>
        <dl>${table.header.slice(0, 300).map(([name, value], at) => html`<div key=${at}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></details>`}
      <${Grid} label=${t('table.label')} columns=${columns} rows=${rows} sort=${sort} onSort=${onSort} />
    </div>`;
}

/** One column over another, or over the row. */
function ColumnPlot({ numeric, name }) {
  const handle = useRef(null);
  const [x, setX] = useState(numeric.length > 1 ? 0 : -1);
  const [y, setY] = useState(numeric.length > 1 ? 1 : 0);
  const figure = useMemo(() => {
    const over = numeric[x], of = numeric[y];
    return {
      data: [{ type: 'scatter', mode: of.values.length > 400 ? 'lines' : 'lines+markers', marker: { size: 5 }, y: of.values, ...(over ? { x: over.values } : {}) }],
      layout: { xaxis: { title: { text: plain(over?.name ?? t('grid.row')) } }, yaxis: { title: { text: plain(of.name) } } },
    };
  }, [numeric.length, x, y]);
  const select = (label, value, set, withRow) => html`
    <label class="plot-axis"><span>${label}</span><select class="input small" value=${value} onChange=${(event) => set(Number(event.currentTarget.value))}>
      ${withRow && html`<option value=${-1}>${t('grid.row')}</option>`}${numeric.map((one, at) => html`<option key=${at} value=${at}>${one.name}</option>`)}</select></label>`;
  return html`
    <div class="column-plot">
      <div class="view-bar">${select(t('table.y'), y, setY, false)}${select(t('table.x'), x, setX, true)}</div>
      <div class="column-stage"><${Plot} figure=${figure} name=${`${name} ${x} ${y}`} label=${t('table.plot.label', { y: numeric[y].name, x: numeric[x]?.name ?? t('grid.row') })} handle=${handle} /></div>
    </div>`;
}

/** A text of a file in a figure: Plotly takes some markup for its own. */
export const plain = (/** @type {string} */ text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('$', '&#36;').slice(0, 200);
