/** What a run was made of: its inputs as they were, those first that are not the code's defaults, and its files. */
import { title } from '../../format.js';
import { cls, html, useEffect, useState } from '../../lib.js';
import { link } from '../../route.js';
import { inputsOf, loadInputs } from '../../runinputs.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { inWords } from '../saves/difference.js';

/** A value as people read it; a table line by line. */
function words(input, value) {
  if (Array.isArray(value)) return value.map((row) => (row !== null && typeof row === 'object' ? Object.values(row).join('  ') : String(row))).join('\n');
  if (value !== null && typeof value === 'object') return JSON.stringify(value);
  return input ? inWords(input, value) : String(value);
}

/** Which run of another simulation a file came from. @param {{ source: any }} props */
function From({ source }) {
  if (!source) return null;
  return html` <a class="made-from" href=${`${link('runs', source.run)}?file=${encodeURIComponent(source.file)}`}>${t('source.from', { name: source.name })}</a>`;
}

/** @param {{ run: any, code?: any }} props */
export function Made({ run, code = undefined }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [all, setAll] = useState(false);
  const load = () => { setError(null); loadInputs(run.id).catch(setError); };
  useEffect(load, [run.id]);
  const made = inputsOf(run.id);
  if (error && !made) return html`<${LoadError} error=${error} retry=${load} />`;
  if (!made) return html`<${Skeleton} rows=${3} />`;
  const rows = Object.entries(made.inputs).map(([name, value]) => {
    const input = code?.inputs.find((one) => one.name === name);
    return { name, input, value, own: !input || JSON.stringify(value) !== JSON.stringify(input.default) };
  });
  const own = rows.filter((row) => row.own), files = Object.keys(made.files ?? {});
  const shown = all ? rows : own;
  return html`
    <dl class="facts made">
      ${shown.map(({ name, input, value, own: differs }) => html`
        <div key=${name}><dt>${input?.title || title(name)}</dt><dd class=${cls(!differs && 'hint')}>${words(input, value)}</dd></div>`)}
      ${files.map((name) => html`<div key=${`file ${name}`}><dt>${t('made.file')}</dt><dd><span class="mono">${name}</span><${From} source=${made.sources?.find((one) => one.as === name)} /></dd></div>`)}
    </dl>
    ${!own.length && !all && html`<p class="hint">${t('made.default')}</p>`}
    ${own.length < rows.length && html`<button type="button" class="linklike made-more" aria-expanded=${all} onClick=${() => setAll(!all)}>${t(all ? 'made.less' : 'made.all', { count: rows.length })}</button>`}`;
}
