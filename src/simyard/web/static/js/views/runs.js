/** Everything that the user runs and has run, live, with stop. */
import { api } from '../api.js';
import { ago, duration, moment, ticking } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { ProgressBar, StateBadge } from '../parts/state.js';
import { link, setQuery } from '../route.js';
import { elapsed, isActive, wentWrong } from '../states.js';
import { codes, loadRuns, putRuns, runs, simulations } from '../store.js';
import { complain } from '../toasts.js';
import { t } from '../texts.js';

const FILTERS = {
  all: () => true,
  active: isActive,
  completed: (run) => run.state === 'completed',
  failed: wentWrong,
  canceled: (run) => run.state === 'canceled',
};

/** Name of the run's simulation, and title of its model. */
export function named(run) {
  const code = codes.value?.byName.get(run.code);
  return {
    simulation: simulations.value?.get(run.simulation)?.name,
    model: code?.models.find((model) => model.name === run.model)?.title ?? run.model,
    code: code?.title ?? run.code,
  };
}

export function RunList({ query }) {
  const [cursor, setCursor] = useState(null);
  const [error, setError] = useState(null);
  const load = async (from = '') => {
    setError(null);
    try {
      setCursor(await loadRuns({ cursor: from, limit: 100 }));
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => { document.title = `${t('runs.title')} · ${t('app.name')}`; load(); }, []);
  const filter = query.show in FILTERS ? query.show : 'all';
  const all = [...runs.value.values()];
  const list = all.filter(FILTERS[filter]).sort((a, b) => (a.id < b.id ? 1 : -1));
  return html`
    <main class="page">
      <div class="page-head"><h1>${t('runs.title')}</h1>
        <div class="segments" role="group" aria-label=${t('runs.filter')}>
          ${Object.keys(FILTERS).map((name) => html`<button type="button" key=${name} class="chip" aria-pressed=${name === filter} onClick=${() => setQuery({ show: name === 'all' ? '' : name })}>${t(`runs.filter.${name}`)}</button>`)}
        </div></div>
      ${error && html`<${LoadError} error=${error} retry=${() => load()} />`}
      ${cursor === null && !error && !all.length && html`<${Skeleton} rows=${6} />`}
      ${cursor !== null && !list.length && html`<${Empty} title=${t(filter === 'all' ? 'runs.empty' : 'runs.empty.filter')} text=${filter === 'all' ? t('runs.empty.help') : ''}>${filter === 'all' && html`<a class="button primary" href=${link('codes')}>${t('sims.empty.go')}</a>`}<//>`}
      ${list.length > 0 && html`
        <div class="table-box"><table class="table runs">
          <thead><tr><th scope="col">${t('runs.what')}</th><th scope="col">${t('runs.state')}</th><th scope="col">${t('runs.when')}</th><th scope="col">${t('runs.took')}</th><th scope="col">${t('runs.where')}</th><th scope="col"><span class="visually-hidden">${t('common.actions')}</span></th></tr></thead>
          <tbody>${list.map((run) => html`<${Row} key=${run.id} run=${run} />`)}</tbody>
        </table></div>`}
      ${cursor && html`<button type="button" class="button center" onClick=${() => load(cursor)}>${t('common.more')}</button>`}
    </main>`;
}

function Row({ run }) {
  const { simulation, model, code } = named(run);
  const took = elapsed(run);
  const stop = () => api.cancelRun(run.id).then((said) => said?.id && putRuns([said]), complain);
  return html`
    <tr>
      <td class="main-cell"><a class="row-link" href=${link('runs', run.id)}>${simulation ?? t('runs.deleted')}</a><span class="hint"> ${code} · ${model}</span>
        ${wentWrong(run) && run.reason && html`<p class="row-reason">${run.reason}</p>`}</td>
      <td class="state-cell"><${StateBadge} state=${run.state} />${run.state === 'running' && html`<${ProgressBar} run=${run} small />`}</td>
      <td class="hint when-cell" title=${moment(run.started ?? run.created, true)}>${ago(run.started ?? run.created)}</td>
      <td class="number took-cell">${Number.isFinite(took) ? (isActive(run) ? ticking(took) : duration(took)) : ''}</td>
      <td class="hint where-cell">${run.target}</td>
      <td class="actions">${isActive(run) && html`<button type="button" class="button small stop" disabled=${run.state === 'canceling'} aria-label=${`${t('run.stop')}: ${simulation ?? run.id}`} onClick=${stop}><${Icon} name="stop" />${t('run.stop')}</button>`}</td>
    </tr>`;
}
