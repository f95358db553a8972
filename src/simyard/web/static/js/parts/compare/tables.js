/** Inputs and numbers of several runs, side by side. */
import { number } from '../../format.js';
import { LETTERS, inputsSideBySide, numberOf } from '../../compare.js';
import { cls, html, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { rows } from '../results.js';
import { inWords } from '../saves/difference.js';

/** The head of a table of runs: a letter for each, as everywhere here. */
function Head({ runs, what }) {
  return html`<thead><tr><td>${what}</td>${runs.map(({ run, label }, at) => html`
    <th scope="col" key=${run.id} title=${label}><span class=${`swatch s${at + 1}`}>${LETTERS[at]}</span></th>`)}</tr></thead>`;
}

/** @param {{ runs: any[], code: any, made: any[] }} props */
export function Inputs({ runs, code, made }) {
  const [all, setAll] = useState(false);
  const found = inputsSideBySide(code, made), shown = all ? found : found.filter((one) => one.differs);
  const cell = (input, value) => {
    if (value === undefined) return '–';
    if (input.type === 'content') return value ? html`<span class="mono" title=${value}>${value.slice(0, 8)}</span>` : '–';
    if (input.type === 'table') return JSON.stringify(value);
    return inWords(input, value);
  };
  return html`
    <section class="compare-part">
      <div class="compare-head"><h2>${t('compare.inputs')}</h2><span class="spacer"></span>
        <label class="follow"><input type="checkbox" role="switch" class="switch small" checked=${all} onChange=${() => setAll(!all)} />${t('compare.inputs.all')}</label></div>
      ${!shown.length ? html`<p class="hint">${t('compare.inputs.same')}</p>` : html`
        <div class="compare-scroll" tabIndex="0" role="region" aria-label=${t('compare.inputs')}><table class="compare-table"><${Head} runs=${runs} what="" />
          <tbody>${shown.map(({ input, values, differs }) => html`
            <tr key=${input.name} class=${cls(all && differs && 'differs')}><th scope="row">${input.title}</th>
              ${values.map((value, at) => html`<td key=${at} class="number"><div class="clip">${cell(input, value)}</div></td>`)}</tr>`)}</tbody>
        </table></div>`}
    </section>`;
}

/** @param {{ runs: any[], codes: any[] }} props */
export function Results({ runs, codes }) {
  const declared = codes.map((code) => Object.fromEntries((code?.results ?? []).map((one) => [one.name, one])));
  const columns = runs.map(({ run }, at) => new Map(rows(run.results, declared[at]).map((one) => [one.key, one])));
  const keys = [...new Set(columns.flatMap((one) => [...one.keys()]))];
  if (!keys.length) return null;
  return html`
    <section class="compare-part">
      <div class="compare-head"><h2>${t('compare.results')}</h2></div>
      <div class="compare-scroll" tabIndex="0" role="region" aria-label=${t('compare.results')}><table class="compare-table"><${Head} runs=${runs} what="" />
        <tbody>${keys.map((key) => html`
          <tr key=${key}><th scope="row">${columns.find((one) => one.has(key))?.get(key)?.title}</th>
            ${columns.map((column, at) => html`<td key=${at} class="number">${column.get(key)?.text ?? '–'}${column.get(key)?.unit && html` <span class="unit">${column.get(key)?.unit}</span>`}
              ${at > 0 && html`<${Delta} base=${numberOf(runs[0].run.results, key)} value=${numberOf(runs[at].run.results, key)} />`}</td>`)}</tr>`)}</tbody>
      </table></div>
    </section>`;
}

/** How much more or less than the first, and in per cent where that says something. */
function Delta({ base, value }) {
  if (!Number.isFinite(base) || !Number.isFinite(value)) return null;
  const by = value - base;
  if (by === 0) return html`<div class="delta hint">=</div>`;
  const sign = by > 0 ? '+' : '−', part = base ? Math.abs(by / base) * 100 : NaN;
  const percent = part >= 0.01 && part < 1e4 ? ` (${sign}${part < 10 ? part.toPrecision(2) : Math.round(part)} %)` : '';
  return html`<div class="delta hint">${sign}${number(Number(Math.abs(by).toPrecision(4)))}${percent}</div>`;
}
