/** The run of one model in the workspace: Run and Stop, what is happening, plots, numbers, log, files, earlier runs. */
import { runsByItself } from '../batch.js';
import { ago } from '../format.js';
import { useKeys } from '../keys.js';
import { cls, html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { link } from '../route.js';
import { start as asStart } from '../showas.js';
import { isActive, isQueued } from '../states.js';
import { t } from '../texts.js';
import { Ask } from './dialog.js';
import { History } from './history.js';
import { Icon } from './icon.js';
import { Log } from './log.js';
import { Reports } from './report.js';
import { Numbers, Warnings } from './results.js';
import { Reused } from './reused.js';
import { Bar } from './run/bar.js';
import { Outcome } from './run/failure.js';
import { Lacking } from './run/lacking.js';
import { RemoteWords } from './run/remote.js';
import { WhyWaiting } from './run/waiting.js';
import { RunFiles } from './runfiles.js';
import { ShowAs } from './showas.js';
import { LastHeard, ProgressBar } from './state.js';

const AUTO = 'simyard.follow';

export function RunPanel({ job }) {
  const run = job.run.value;
  const [wanted, setWanted] = useState(localStorage.getItem(AUTO) !== 'no');
  const toggle = () => {
    localStorage.setItem(AUTO, wanted ? 'no' : 'yes');
    setWanted(!wanted);
  };
  const follows = wanted && !job.queues;
  useFollow(job, wanted && runsByItself(job.model, job.place.value));
  useEffect(() => { job.look(); }, [job]);
  useKeys([{ keys: 'Ctrl+Enter', text: t('run.key.help'), typing: true, run: (event) => { if (job.ready && !event.repeat) job.start(); } }], { group: t('run.keys') });
  const { code } = job.draft;
  const reports = job.model.reports.map((name) => code.reports.find((one) => one.name === name)).filter(Boolean);
  const shown = useLastWithResults(job, run);
  // of a quick run nothing may push the plot about: what there is to say is laid over it
  const said = html`
    ${job.error.value && html`<div class=${cls('notice bad', job.quick && 'over')} role="alert"><${Icon} name="warning" /><p class="reason">${job.error.value.detail}</p></div>`}
    ${run && html`
      <${WhyWaiting} run=${run} />
      <${RemoteWords} run=${run} />
      <${LastHeard} run=${run} />
      <${Outcome} run=${run} code=${code} over=${job.quick} again=${(resources) => job.startWith(resources)} />`}`;

  return html`
    <section class=${cls('run-panel', job.quick && 'quick')} aria-label=${job.model.title}>
      <${Bar} job=${job} run=${run} follows=${follows} toggle=${toggle} />
      ${run && !job.quick && isActive(run) && run.state !== 'pending' && !isQueued(run) && html`<${ProgressBar} run=${run} />`}
      ${job.quick && html`<div class="quick-progress">${run && isActive(run) && run.state !== 'pending' && html`<div class="late"><${ProgressBar} run=${run} small /></div>`}</div>`}
      <${Lacking} code=${code} place=${job.place.value} />
      ${!job.quick && said}
      ${job.reused.value && html`<${Reused} run=${job.reused.value} simulation=${job.draft.simulation.value.id} again=${() => job.start({ reuse: false })} />`}
      ${job.note.value && html`<p class="notice">${job.note.value} <button type="button" class="linklike" onClick=${() => job.start({ reuse: false })}>${t('run.again')}</button></p>`}
      <div class="run-stage">
        <${Reports} key=${job.model.name} run=${run} earlier=${shown === run ? null : shown} reports=${reports} hint=${t(job.quick && !job.queues ? 'run.none.quick' : 'run.none.long')} />
        ${job.quick && html`<div class=${cls('run-over', reports.length > 1 && 'below-tabs')}>${said}</div>`}
      </div>
      ${run && html`
        ${shown !== run && html`<p class="hint as-of">${t('run.numbers.earlier', { time: ago(shown.ended ?? shown.created) })}</p>`}
        <div class=${cls('results', shown !== run && 'is-stale')}>
          <${Numbers} run=${shown} code=${code} /></div>
        <${Warnings} run=${shown} />
        <${Details} key=${job.model.name} job=${job} run=${run} />`}
      <div class="run-foot"><${ShowAs} commands=${() => commandsOf(job)} />${run && html`<a class="button quiet small" href=${link('runs', run.id)}>${t('run.open')}<${Icon} name="next" /></a>`}</div>
      ${job.conflict.value && html`
        <${Ask} title=${t('run.conflict')} text=${t('run.conflict.help')} go=${t('run.conflict.go')} bad onClose=${() => { job.conflict.value = null; }} onGo=${() => job.start({ supersede: true })} />`}
    </section>`;
}

/** To start what Run would start, without the page. */
function commandsOf(job) {
  const { id, inputs } = job.draft.simulation.value;
  return asStart({ origin: location.origin, code: job.draft.code, model: job.model.name, simulation: { id, inputs }, target: job.place.value?.name ?? (job.target.value || 'local'), resources: job.asked.value.wanted });
}

/** Runs a quick model again whenever the saved inputs change. */
function useFollow(job, follows) {
  const { revision } = job.draft.simulation.value, { ready } = job;
  // not after the next painting: each frame of waiting is one more between the hand and the plot
  useLayoutEffect(() => { if (follows && ready) job.follow(revision); }, [follows, ready, revision, job]);
}

/** Whose numbers stand there: the run's, and while it has none those of the one before, as of an earlier run. */
function useLastWithResults(job, run) {
  const last = useRef(/** @type {any} */ (null));
  const has = (one) => one.state === 'completed' || Object.keys(one.results ?? {}).length > 0;
  if (run && has(run)) last.current = run;
  else if (!last.current || last.current.model !== run?.model) last.current = job.history.value.find((one) => one.id < (run?.id ?? '') && has(one)) ?? null;
  return last.current ?? run;
}

function Details({ job, run }) {
  const [open, setOpen] = useState({ log: false, files: false, history: false });
  const section = (name, title, body, extra) => html`
    <details class="fold" open=${open[name]} onToggle=${(event) => { const now = event.currentTarget.open; setOpen((was) => (was[name] === now ? was : { ...was, [name]: now })); }}>
      <summary>${title}<span class="spacer"></span>${extra}</summary>
      ${open[name] && html`<div class="fold-body">${body()}</div>`}
    </details>`;
  const started = Boolean(run.started);
  return html`
    <div class="folds">
      ${started && section('log', t('run.log'), () => html`<${Log} key=${run.id} run=${run} />`)}
      ${started && section('files', t('run.files'), () => html`<${RunFiles} key=${run.id} run=${run} /><p><a class="button small" href=${`/api/v1/runs/${encodeURIComponent(run.id)}/bundle`} download><${Icon} name="download" />${t('run.bundle')}</a></p>`)}
      ${job.history.value.length > 1 && section('history', t('run.history'), () => html`<${History} job=${job} run=${run} />`, html`<span class="hint number">${job.history.value.length}</span>`)}
    </div>`;
}
