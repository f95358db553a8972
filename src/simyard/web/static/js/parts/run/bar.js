/** The head of the run panel: what is happening in one line; where to run, Run, Stop. */
import { html, useEffect, useState } from '../../lib.js';
import { isActive, isFinal } from '../../states.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { StateLine } from '../state.js';
import { Where } from './where.js';

/** A quick run is mostly there within this many milliseconds; words that come and go are only noise. */
const LATE = 350;
/** One that is still not there after so long can be stopped. */
const LONG = 1500;

/** True once `flag` has been true for that long. */
export function useLate(flag, ms) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!flag) { setLate(false); return undefined; }
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [flag, ms]);
  return flag && (late || !ms);
}

export function Bar({ job, run, follows, toggle }) {
  const active = run && isActive(run);
  const asking = useLate(job.starting.value && !active, job.quick ? LATE : 0);
  const stopping = active && (job.stopping.value === run.id || run.state === 'canceling');
  const outdated = run && !active && !asking && job.outdated.value && !(job.quick && follows);
  // a quick run that follows the inputs is over before a hand is at the button: it stays what it is, unless it takes long
  const lasts = useLate(Boolean(active), LONG);
  const offersStop = stopping || (job.quick ? active && (!follows || lasts || run.state === 'running') : active || asking);
  return html`
    <div class="run-bar">
      <div class="run-state">
        ${asking
          ? html`<span class="state-line asking" role="status"><span class="spinner small" aria-hidden="true"></span><span>${t(job.tries.value ? 'run.asking.again' : 'run.asking')}</span></span>`
          : run ? html`<${StateLine} run=${run} />` : html`<span class="hint">${t('run.none')}</span>`}
        ${outdated && html`<span class="hint outdated">${t('run.outdated')}</span>`}
      </div>
      <div class="run-actions">
        ${job.quick && job.queues && html`<span class="hint" title=${t('run.auto.queue.help')}>${t('run.auto.queue')}</span>`}
        ${job.quick && !job.queues && html`<label class="follow" title=${t('run.auto.help')}><input type="checkbox" role="switch" class="switch small" checked=${follows} onChange=${toggle} />${t('run.auto')}</label>`}
        <${Where} job=${job} />
        ${offersStop
          ? html`<button key="stop" type="button" class="button stop run" disabled=${stopping} onClick=${() => job.stop()}><${Icon} name="stop" />${t(stopping ? 'run.stopping' : 'run.stop')}</button>`
          : html`<button key="run" type="button" class="button primary run" title=${t('run.key')} disabled=${!job.ready}
              onClick=${() => job.start({ reuse: !run || !isFinal(run) || job.outdated.value || run.state !== 'completed' })}><${Icon} name="play" />${t(run && !job.outdated.value ? 'run.again' : 'run.run')}</button>`}
      </div>
    </div>`;
}
