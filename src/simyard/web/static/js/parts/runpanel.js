/** The run of one model in the workspace: Run and Stop, what is happening, plots, numbers, log, files, earlier runs. */
import { ago, duration, moment } from '../format.js';
import { cls, html, useEffect, useRef, useState } from '../lib.js';
import { link } from '../route.js';
import { elapsed, isActive, isFinal, wentWrong } from '../states.js';
import { targets } from '../store.js';
import { t } from '../texts.js';
import { Ask } from './dialog.js';
import { Icon } from './icon.js';
import { Log } from './log.js';
import { Reports } from './report.js';
import { Numbers, Warnings } from './results.js';
import { RunFiles } from './runfiles.js';
import { LastHeard, ProgressBar, Reason, StateBadge, StateLine, WhyWaiting } from './state.js';

const AUTO = 'simyard.follow';

export function RunPanel({ job }) {
  const run = job.run.value;
  const [follows, setFollows] = useState(localStorage.getItem(AUTO) !== 'no');
  const toggle = () => {
    localStorage.setItem(AUTO, follows ? 'no' : 'yes');
    setFollows(!follows);
  };
  useFollow(job, follows && job.quick);
  useCtrlEnter(job);
  const reports = job.model.reports.map((name) => job.draft.code.reports.find((one) => one.name === name)).filter(Boolean);
  const shown = useLastWithResults(run);

  return html`
    <section class="run-panel" aria-label=${job.model.title}>
      <${Bar} job=${job} run=${run} follows=${follows} toggle=${toggle} />
      ${job.error.value && html`<div class="notice bad" role="alert"><${Icon} name="warning" /><p class="reason">${job.error.value.detail}</p></div>`}
      ${run && html`
        ${isActive(run) && run.state !== 'pending' && html`<div class=${cls(job.quick && 'late')}><${ProgressBar} run=${run} /></div>`}
        <${WhyWaiting} run=${run} />
        <${LastHeard} run=${run} />
        <${Reason} run=${run} />`}
      ${job.note.value && html`<p class="notice">${job.note.value} <button type="button" class="linklike" onClick=${() => job.start({ reuse: false })}>${t('run.again')}</button></p>`}
      <${Reports} key=${job.model.name} run=${run} reports=${reports} hint=${t(job.quick ? 'run.none.quick' : 'run.none.long')} />
      ${run && html`
        <div class=${cls('results', shown !== run && 'is-stale')}><${Numbers} run=${shown} /></div>
        <${Warnings} run=${shown} />
        <${Details} key=${job.model.name} job=${job} run=${run} />`}
      ${job.conflict.value && html`
        <${Ask} title=${t('run.conflict')} text=${t('run.conflict.help')} go=${t('run.conflict.go')} bad onClose=${() => { job.conflict.value = null; }} onGo=${() => job.start({ supersede: true })} />`}
    </section>`;
}

/** Runs a quick model again whenever the saved inputs change. */
function useFollow(job, follows) {
  const { revision } = job.draft.simulation.value, valid = job.draft.valid.value;
  useEffect(() => { if (follows && valid) job.follow(revision); }, [follows, valid, revision, job]);
}

function useCtrlEnter(job) {
  useEffect(() => {
    const onKey = (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.repeat) {
        event.preventDefault();
        job.start();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [job]);
}

/** While a run goes on, the numbers of the one before stay. */
function useLastWithResults(run) {
  const last = useRef(null);
  if (run && (isFinal(run) || Object.keys(run.results ?? {}).length || last.current?.model !== run.model)) last.current = run;
  return last.current ?? run;
}

function Bar({ job, run, follows, toggle }) {
  const active = run && isActive(run);
  const stopping = active && (job.stopping.value === run.id || run.state === 'canceling');
  const valid = job.draft.valid.value;
  return html`
    <div class="run-bar">
      <div class="run-state">${run ? html`<${StateLine} run=${run} />` : html`<span class="hint">${t('run.none')}</span>`}
        ${run && !active && job.outdated.value && !(job.quick && follows) && html`<span class="hint outdated">${t('run.outdated')}</span>`}</div>
      <div class="run-actions">
        ${job.quick && html`<label class="follow" title=${t('run.auto.help')}><input type="checkbox" role="switch" class="switch small" checked=${follows} onChange=${toggle} />${t('run.auto')}</label>`}
        ${targets.value.length > 1 && html`
          <label class="target">${t('run.target')}
            <select class="input small" value=${job.target.value} onChange=${(event) => { job.target.value = event.currentTarget.value; }}>
              ${targets.value.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === job.target.value}>${one.name}${one.state === 'ready' ? '' : ` (${one.state})`}</option>`)}
            </select></label>`}
        ${active && !(job.quick && follows && !stopping && run.state !== 'running')
          ? html`<button type="button" class="button stop" disabled=${stopping} onClick=${() => job.stop()}><${Icon} name="stop" />${t(stopping ? 'run.stopping' : 'run.stop')}</button>`
          : html`<button type="button" class="button primary run" title=${t('run.key')} disabled=${!valid || (job.starting.value && !job.quick)}
              onClick=${() => job.start({ reuse: !run || !isFinal(run) || job.outdated.value || run.state !== 'completed' })}><${Icon} name="play" />${t(run && !job.outdated.value ? 'run.again' : 'run.run')}</button>`}
      </div>
    </div>`;
}

function Details({ job, run }) {
  const failed = wentWrong(run);
  const [open, setOpen] = useState({ log: failed, files: false, history: false });
  useEffect(() => { if (failed) setOpen((was) => ({ ...was, log: true })); }, [failed, run.id]);
  const section = (name, title, body, extra) => html`
    <details class="fold" open=${open[name]} onToggle=${(event) => { const now = event.currentTarget.open; setOpen((was) => (was[name] === now ? was : { ...was, [name]: now })); }}>
      <summary>${title}<span class="spacer"></span>${extra}</summary>
      ${open[name] && html`<div class="fold-body">${body()}</div>`}
    </details>`;
  const started = Boolean(run.started);
  return html`
    <div class="folds">
      ${started && section('log', t(failed ? 'run.said' : 'run.log'), () => html`<${Log} key=${run.id} run=${run} />`)}
      ${started && section('files', t('run.files'), () => html`<${RunFiles} key=${run.id} run=${run} /><p><a class="button small" href=${`/api/v1/runs/${encodeURIComponent(run.id)}/bundle`} download><${Icon} name="download" />${t('run.bundle')}</a></p>`)}
      ${job.history.value.length > 1 && section('history', t('run.history'), () => html`<${History} job=${job} run=${run} />`, html`<span class="hint number">${job.history.value.length}</span>`)}
      <a class="fold-link" href=${link('runs', run.id)}>${t('run.open')}<${Icon} name="next" /></a>
    </div>`;
}

function History({ job, run }) {
  return html`
    <ul class="history">
      ${job.history.value.slice(0, 30).map((one) => html`
        <li key=${one.id}>
          <button type="button" class="history-item" aria-pressed=${one.id === run.id} onClick=${() => job.show(one.id)}>
            <${StateBadge} state=${one.state} /><span title=${moment(one.created, true)}>${ago(one.created)}</span><span class="hint number">${Number.isFinite(elapsed(one)) ? duration(elapsed(one)) : ''}</span>
          </button></li>`)}
    </ul>`;
}
