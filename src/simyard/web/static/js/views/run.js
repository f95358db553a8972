/** One run: what became of it, its plots, numbers, log and files, what it was made of, and the facts. */
import { api } from '../api.js';
import { duration, moment, size } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { note } from '../notes.js';
import { Ask } from '../parts/dialog.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { NoteEditor } from '../parts/history/note.js';
import { Icon } from '../parts/icon.js';
import { Log } from '../parts/log.js';
import { Menu } from '../parts/menu.js';
import { Reports } from '../parts/report.js';
import { Numbers, Warnings } from '../parts/results.js';
import { Outcome } from '../parts/run/failure.js';
import { Made } from '../parts/run/made.js';
import { RemoteWords } from '../parts/run/remote.js';
import { WhyWaiting } from '../parts/run/waiting.js';
import { RunFiles } from '../parts/runfiles.js';
import { ShowAs } from '../parts/showas.js';
import { LastHeard, ProgressBar, StateLine } from '../parts/state.js';
import { deleteRuns } from '../notes.js';
import { timeText } from '../resources.js';
import { go, link } from '../route.js';
import { named } from '../runlist.js';
import { run as asRun } from '../showas.js';
import { isActive, isQueued, wentWrong } from '../states.js';
import { codes, putRuns, runs } from '../store.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';
import { complain } from '../toasts.js';

export function RunPage({ id }) {
  const [error, setError] = useState(/** @type {any} */ (null));
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
  const title = names.title ?? t('runs.deleted');
  useEffect(() => { setTitle(`${title}: ${t(`state.${run.state}`)}`); }, [title, run.state]);
  const active = isActive(run), started = Boolean(run.started), wrong = wentWrong(run);
  // a run that failed may have got as far as a picture
  const shows = reports.length > 0 && !(wrong && !(run.progress?.frames > 0));
  return html`
    <main class="page run-page">
      <${Head} run=${run} names=${names} title=${title} />
      ${active && run.state !== 'pending' && !isQueued(run) && html`<${ProgressBar} run=${run} />`}
      <${WhyWaiting} run=${run} />
      <${RemoteWords} run=${run} />
      <${LastHeard} run=${run} />
      <${Outcome} run=${run} code=${code} log=${false} />
      ${wrong && started && html`<section class="block"><h2>${t('run.said')}</h2><${Log} run=${run} /></section>`}
      ${shows && html`<section class="block card pad"><${Reports} run=${run} reports=${reports} /></section>`}
      <div class="results"><${Numbers} run=${run} code=${code} /></div>
      <${Warnings} run=${run} />
      ${started && !wrong && html`<section class="block"><h2>${t('run.log')}</h2><${Log} run=${run} /></section>`}
      <div class="columns">
        <section class="block"><h2>${t('made.title')}</h2><${Made} run=${run} code=${code} /></section>
        <section class="block"><h2>${t('facts.title')}</h2><${Facts} run=${run} names=${names} /></section>
      </div>
      ${started && html`<section class="block"><h2>${t('runfiles.title')}</h2><${RunFiles} run=${run} /></section>`}
    </main>`;
}

function Head({ run, names, title }) {
  const [edits, setEdits] = useState(false);
  const [ask, setAsk] = useState(false);
  const active = isActive(run);
  const stop = () => api.cancelRun(run.id).then((said) => said?.id && putRuns([said]), complain);
  const remove = async () => { if ((await deleteRuns([run])).length) go('runs'); };
  const simulation = names.simulation && `${link('simulations', run.simulation)}?model=${encodeURIComponent(run.model)}`;
  return html`
    <div class="page-head">
      <div class="run-title">
        <p class="crumbs"><a href=${link('runs')}>${t('runs.title')}</a> / <span>${names.code} · ${names.model}</span>${run.name && simulation && html` / <a href=${simulation}>${names.simulation}</a>`}</p>
        <h1>${title}${run.pinned && html` <span class="pinned" title=${t('runs.pinned')}><${Icon} name="pin" /><span class="visually-hidden">${t('runs.pinned')}</span></span>`}</h1>
        <div class="run-state"><${StateLine} run=${run} /></div>
      </div>
      <div class="run-actions">
        <${ShowAs} commands=${() => asRun({ origin: location.origin, id: run.id })} />
        ${simulation && html`<a class="button" href=${simulation}>${t('facts.simulation')}<${Icon} name="next" /></a>`}
        ${active
          ? html`<button type="button" class="button stop" disabled=${run.state === 'canceling'} onClick=${stop}><${Icon} name="stop" />${t(run.state === 'canceling' ? 'run.stopping' : 'run.stop')}</button>`
          : run.started && html`<a class="button" href=${api.bundleAddress(run.id)} download><${Icon} name="download" />${t('run.bundle')}</a>`}
        <${Menu} label=${t('runs.menu', { name: title })} items=${[
          { text: t(run.pinned ? 'runs.unpin' : 'runs.pin'), icon: 'pin', run: () => note(run, { pinned: !run.pinned }) },
          { text: t(run.name || run.note ? 'history.note.edit' : 'history.note.add'), icon: 'note', run: () => setEdits(true) },
          !active && { text: t('common.delete'), icon: 'trash', bad: true, run: () => setAsk(true) },
        ]} />
      </div>
    </div>
    ${edits ? html`<div class="card pad"><${NoteEditor} run=${run} close=${() => setEdits(false)} /></div>`
      : run.note && html`<p class="run-note"><${Icon} name="note" /><span>${run.note}</span></p>`}
    ${ask && html`<${Ask} title=${t('runs.delete.ask', { count: 1 })} text=${t(run.pinned ? 'runs.delete.pinned.one' : 'runs.delete.help.one')} go=${t('common.delete')} bad onClose=${() => setAsk(false)} onGo=${remove} />`}`;
}

/** “2 nodes, 8 tasks, 2 cores each, 1 GPU” */
const shapeWords = (batch) => [
  t('facts.nodes', { count: batch.nodes }), t('facts.tasks', { count: batch.tasks }), t('facts.cpus_per_task', { count: batch.cpus_per_task }),
  batch.gpus > 0 && t('facts.gpus', { count: batch.gpus }),
];

function Facts({ run, names }) {
  const usage = run.usage ?? {}, { cores, memory, time_limit } = run.resources ?? {};
  const peak = usage.peak_memory || run.progress?.peak_memory, batch = run.resources?.batch;
  const facts = [
    ['facts.code', `${names.code} · ${names.model}`],
    ['facts.target', run.target],
    ['facts.created', moment(run.created, true)],
    ['facts.started', run.started && moment(run.started, true)],
    ['facts.ended', run.ended && moment(run.ended, true)],
    ['facts.wall', usage.wall && duration(usage.wall)],
    ['facts.cpu', usage.cpu && duration(usage.cpu)],
    ['facts.memory', peak && size(peak)],
    ['facts.resources', run.resources && [...(batch ? shapeWords(batch) : [t('facts.cores', { count: cores ?? 1 })]), batch ? t('facts.memory.node', { size: size(memory) }) : size(memory), time_limit > 0 && timeText(time_limit)].filter(Boolean).join(', ')],
    ['facts.job', run.remote?.job],
    ['facts.partition', batch?.partition],
    ['facts.account', batch && [batch.account, batch.qos].filter(Boolean).join(', ')],
    ['facts.constraint', batch?.constraint],
    ['facts.extra', batch?.extra?.join(' ')],
    ['facts.exit', usage.exit_code != null && usage.exit_code !== 0 && String(usage.exit_code)],
    ['facts.signal', usage.signal],
    ['facts.version', run.code_version],
  ].filter(([, value]) => value);
  return html`
    <dl class="facts">
      ${facts.map(([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`)}
      <div><dt>${t('facts.id')}</dt><dd class="mono">${run.id}</dd></div>
    </dl>`;
}
