/** Several runs side by side: what went in, what came out, and how that differs. The address says which, and can be passed on. */
import { api } from '../api.js';
import { LETTERS } from '../compare.js';
import { duration, moment } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { Compared } from '../parts/compare/plots.js';
import { Inputs, Results } from '../parts/compare/tables.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { StateBadge } from '../parts/state.js';
import { link, setQuery } from '../route.js';
import { named } from '../runlist.js';
import { inputsOf, wantInputs } from '../runinputs.js';
import { elapsed } from '../states.js';
import { codes, gone, putRuns, runs as store } from '../store.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';

const idsOf = (text) => [...new Set(String(text ?? '').split(',').map((one) => one.trim()).filter((one) => /^[0-9A-Za-z]{26}$/.test(one)))].slice(0, LETTERS.length);

/** @param {{ query: { runs?: string } }} props */
export function Compare({ query }) {
  const ids = idsOf(query.runs), key = ids.join();
  const [missing, setMissing] = useState(/** @type {Set<string>} */ (new Set()));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [again, setAgain] = useState(0);
  useEffect(() => { setTitle(t('compare.title')); }, []);
  useEffect(() => {
    let current = true;
    setError(null);
    const lost = new Set();
    const ask = async (id) => {
      try {
        putRuns([await api.run(id)]);
      } catch (problem) {
        if (problem.status === 404) lost.add(id);
        else throw problem;
      }
    };
    Promise.all(ids.filter((id) => !store.value.has(id)).map(ask)).then(() => current && setMissing(lost), (problem) => current && setError(problem));
    wantInputs(ids);
    return () => { current = false; };
  }, [key, again]);

  const all = store.value;
  const there = ids.flatMap((id) => all.get(id) ?? []);
  const lost = ids.filter((id) => !all.has(id) && (missing.has(id) || gone.has(id))).length;
  const set = (list) => setQuery({ runs: list.join(',') });
  if (error) return html`<main class="page"><${LoadError} error=${error} retry=${() => setAgain(again + 1)} /></main>`;
  if (there.length + lost < ids.length || !codes.value) return html`<main class="page wide"><${Skeleton} rows=${4} /></main>`;
  const runs = labelled(there);
  return html`
    <main class="page wide compare">
      <div class="page-head"><h1>${t('compare.title')}</h1></div>
      ${lost > 0 && html`<p class="notice warn" role="status"><${Icon} name="warning" /><span>${t('compare.gone', { count: lost })}</span></p>`}
      ${there.length < 2 ? html`<${Empty} title=${t('compare.few')} text=${t('compare.few.help')}><a class="button primary" href=${link('runs')}>${t('compare.few.go')}</a><//>` : html`
        <${Legend} runs=${runs} set=${set} />
        <${Sides} runs=${runs} />`}
    </main>`;
}

/** Each run with its letter and what it is called here: its own name, its simulation's where they are of several, and when. */
function labelled(list) {
  const several = new Set(list.map((run) => run.simulation)).size > 1;
  return list.map((run, letter) => ({ run, letter, label: run.name || [several && (named(run).simulation ?? t('runs.deleted')), moment(run.created, true)].filter(Boolean).join(', ') }));
}

/** Which run is which. @param {{ runs: any[], set: (ids: string[]) => void }} props */
function Legend({ runs, set }) {
  const ids = runs.map(({ run }) => run.id);
  return html`
    <ul class="compare-runs" aria-label=${t('compare.runs')}>
      ${runs.map(({ run, label, letter }) => {
        const { simulation, model, code } = named(run), took = elapsed(run);
        return html`
          <li key=${run.id} class="compare-run">
            <span class=${`swatch s${letter + 1}`}>${LETTERS[letter]}</span>
            <div class="compare-run-words"><a class="clip" href=${link('runs', run.id)} title=${label}>${label}</a>
              <span class="hint clip">${simulation ?? t('runs.deleted')} · ${code} · ${model}</span>
              <span class="compare-run-facts"><${StateBadge} state=${run.state} />${Number.isFinite(took) && html`<span class="hint number">${duration(took)}</span>`}<span class="spacer"></span>
                ${letter > 0 && html`<button type="button" class="button quiet small" title=${t('compare.base')} onClick=${() => set([run.id, ...ids.filter((id) => id !== run.id)])}>${t('compare.first')}</button>`}</span></div>
            ${runs.length > 2 && html`<button type="button" class="button quiet icon small" aria-label=${t('compare.remove', { name: label })} title=${t('compare.remove', { name: label })} onClick=${() => set(ids.filter((id) => id !== run.id))}><${Icon} name="close" /></button>`}
          </li>`;
      })}
    </ul>`;
}

/** @param {{ runs: any[] }} props */
function Sides({ runs }) {
  const known = runs.map(({ run }) => codes.value?.byName.get(run.code));
  const alike = new Set(runs.map(({ run }) => run.code)).size === 1, models = new Set(runs.map(({ run }) => run.model)).size;
  const made = runs.map(({ run }) => inputsOf(run.id));
  const reports = alike ? reportsOf(known[0], runs) : [];
  return html`
    ${!alike && html`<p class="notice">${t('compare.codes')}</p>`}
    ${alike && models > 1 && html`<p class="notice">${t('compare.models')}</p>`}
    ${alike && (made.some((one) => one === undefined) ? html`<${Skeleton} rows=${3} />` : html`<${Inputs} runs=${runs} code=${known[0]} made=${made} />`)}
    <${Results} runs=${runs} codes=${known} />
    ${alike && !reports.length && html`<p class="hint">${t('compare.plots.none')}</p>`}
    ${reports.map(({ report, some }) => html`<${Compared} key=${report.name} runs=${some} report=${report} />`)}`;
}

/** The reports that at least two of the runs have, each with those runs. */
function reportsOf(code, runs) {
  return (code?.reports ?? []).flatMap((report) => {
    const some = runs.filter(({ run }) => (run.reports ?? []).includes(report.name) && (report.frames ? run.progress?.frames > 0 : run.state === 'completed' || run.progress?.frames > 0));
    return some.length > 1 ? [{ report, some }] : [];
  });
}
