/** One run: what became of it, its plots, numbers, log and files, and the facts. */
import { api } from '../api.js';
import { duration, moment, size } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Log } from '../parts/log.js';
import { Reports } from '../parts/report.js';
import { Numbers, Warnings } from '../parts/results.js';
import { RunFiles } from '../parts/runfiles.js';
import { LastHeard, ProgressBar, Reason, StateLine, WhyWaiting } from '../parts/state.js';
import { link } from '../route.js';
import { isActive, wentWrong } from '../states.js';
import { codes, putRuns, runs } from '../store.js';
import { t } from '../texts.js';
import { complain } from '../toasts.js';
import { named } from './runs.js';

export function RunPage({ id }) {
  const [error, setError] = useState(null);
  const load = () => {
    setError(null);
    api.run(id).then((run) => putRuns([run]), setError);
  };
  useEffect(load, [id]);
  const run = runs.value.get(id);
  if (!run && error?.status === 404) return html`<main class="page"><${Empty} page title=${t('common.notfound')} text=${t('common.notfound.help')}><a class="button primary" href=${link('runs')}>${t('runs.title')}</a><//></main>`;
  if (!run && error) return html`<main class="page"><${LoadError} error=${error} retry=${load} /></main>`;
  if (!run) return html`<main class="page"><${Skeleton} rows=${4} /></main>`;
  return html`<${Loaded} run=${run} />`;
}

function Loaded({ run }) {
  const names = named(run);
  const code = codes.value?.byName.get(run.code);
  const model = code?.models.find((one) => one.name === run.model);
  const reports = (model?.reports ?? []).map((name) => code.reports.find((one) => one.name === name)).filter(Boolean);
  const title = names.simulation ?? names.code;
  useEffect(() => { document.title = `${title}: ${t(`state.${run.state}`)} · ${t('app.name')}`; }, [title, run.state]);
  const active = isActive(run), started = Boolean(run.started);
  const stop = () => api.cancelRun(run.id).then((said) => said?.id && putRuns([said]), complain);
  return html`
    <main class="page run-page">
      <div class="page-head">
        <div class="run-title">
          <p class="crumbs"><a href=${link('runs')}>${t('runs.title')}</a> / <span>${names.code} · ${names.model}</span></p>
          <h1>${title}</h1>
          <div class="run-state"><${StateLine} run=${run} /></div>
        </div>
        <div class="run-actions">
          ${names.simulation && html`<a class="button" href=${`${link('simulations', run.simulation)}?model=${encodeURIComponent(run.model)}`}>${t('facts.simulation')}<${Icon} name="next" /></a>`}
          ${active
            ? html`<button type="button" class="button stop" disabled=${run.state === 'canceling'} onClick=${stop}><${Icon} name="stop" />${t(run.state === 'canceling' ? 'run.stopping' : 'run.stop')}</button>`
            : started && html`<a class="button" href=${api.bundleAddress(run.id)} download><${Icon} name="download" />${t('run.bundle')}</a>`}
        </div>
      </div>
      ${active && run.state !== 'pending' && html`<${ProgressBar} run=${run} />`}
      <${WhyWaiting} run=${run} />
      <${LastHeard} run=${run} />
      <${Reason} run=${run} />
      ${wentWrong(run) && started && html`<section class="block"><h2>${t('run.said')}</h2><${Log} run=${run} /></section>`}
      ${reports.length > 0 && !(wentWrong(run) && !run.progress?.frames) && html`<section class="block card pad"><${Reports} run=${run} reports=${reports} /></section>`}
      <div class="results"><${Numbers} run=${run} /></div>
      <${Warnings} run=${run} />
      <div class="columns">
        ${started && html`<section class="block"><h2>${t('runfiles.title')}</h2><${RunFiles} run=${run} /></section>`}
        <section class="block"><${Facts} run=${run} names=${names} /></section>
      </div>
      ${started && !wentWrong(run) && html`<section class="block"><h2>${t('run.log')}</h2><${Log} run=${run} /></section>`}
    </main>`;
}

function Facts({ run, names }) {
  const usage = run.usage ?? {};
  const facts = [
    ['facts.code', `${names.code} · ${names.model}`],
    ['facts.target', run.target],
    ['facts.created', moment(run.created, true)],
    ['facts.started', run.started && moment(run.started, true)],
    ['facts.ended', run.ended && moment(run.ended, true)],
    ['facts.wall', usage.wall && duration(usage.wall)],
    ['facts.cpu', usage.cpu && duration(usage.cpu)],
    ['facts.memory', usage.peak_memory && size(usage.peak_memory)],
    ['facts.resources', run.resources && `${t('facts.cores', { count: run.resources.cores ?? 1 })}, ${size(run.resources.memory)}`],
    ['facts.exit', usage.exit_code != null && usage.exit_code !== 0 && String(usage.exit_code)],
    ['facts.signal', usage.signal],
  ].filter(([, value]) => value);
  return html`
    <dl class="facts">
      ${facts.map(([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`)}
      <div><dt>${t('facts.id')}</dt><dd class="mono">${run.id}</dd></div>
    </dl>`;
}
