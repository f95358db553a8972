/** The state of a run: a badge, a sentence, a progress bar, why it waits, and why it failed. */
import { ago, duration, now, seconds } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { api } from '../api.js';
import { elapsed, isActive, isFinal, sentence, waitsFor, wentWrong } from '../states.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

export function StateBadge({ state }) {
  return html`<span class=${`badge ${state}`}><span class="badge-dot" aria-hidden="true"></span>${t(`state.${state}`)}</span>`;
}

/** Badge and sentence, spoken to a screen reader when the state changes. */
export function StateLine({ run }) {
  return html`<span class=${`state-line ${run.state}`}><span class="badge-dot" aria-hidden="true"></span><span>${sentence(run)}</span></span>
    <span class="visually-hidden" role="status">${t(`state.${run.state}`)}</span>`;
}

/** Seconds left by the run's own word, else by its own slope; NaN while it is too early to say. */
function left(run) {
  const { fraction, eta } = run.progress ?? {};
  if (eta != null) return eta;
  const passed = elapsed(run);
  return fraction > 0.02 && passed > 2 ? (passed * (1 - fraction)) / fraction : NaN;
}

/** How far an active run is. A run that does not say how far it is shows that it moves. */
export function ProgressBar({ run, small }) {
  const fraction = run.progress?.fraction;
  const known = fraction != null;
  const percent = known ? Math.round(fraction * 100) : undefined;
  const remaining = left(run);
  return html`
    <div class=${`progress ${run.state} ${small ? 'small' : ''}`}>
      <div class=${`bar ${known ? '' : 'unknown'}`} role="progressbar" aria-label=${t('run.progress')} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
        <div class="bar-fill" style=${{ width: known ? `${fraction * 100}%` : '100%' }}></div>
      </div>
      ${!small && html`
        <div class="progress-words">
          <span>${known ? `${percent} %` : ''}${run.progress?.message ? html`<span class="said"> ${run.progress.message}</span>` : ''}</span>
          <span>${run.progress?.frames > 0 ? t('run.frames', { count: run.progress.frames }) : ''}${run.state === 'running' && Number.isFinite(remaining) ? ` · ${t('run.left', { time: duration(Math.max(1, Math.round(remaining))) })}` : ''}</span>
        </div>`}
    </div>`;
}

/** Why it isn't running: what the gates say, and where it stands. */
export function WhyWaiting({ run }) {
  const [position, setPosition] = useState(0);
  const waits = run.state === 'pending';
  useEffect(() => {
    if (!waits) { setPosition(0); return undefined; }
    let current = true;
    // what passes at once needs no explanation
    const timer = setTimeout(() => api.explain(run.id).then((said) => current && setPosition(said.position ?? 0), () => {}), 400);
    return () => { current = false; clearTimeout(timer); };
  }, [run.id, run.revision, waits]);
  const verdicts = waitsFor(run);
  if (!waits || (!verdicts.length && !position)) return null;
  return html`
    <div class="why">
      <strong>${t('run.waitingfor')}</strong>
      <ul>${verdicts.map((verdict) => html`<li key=${verdict.gate}>${verdict.detail}</li>`)}
        ${position > 0 && html`<li>${t('run.position', { position })}</li>`}</ul>
    </div>`;
}

/** The reason of a run that ended otherwise than it should, first and in full. */
export function Reason({ run }) {
  if (!isFinal(run) || !run.reason || run.state === 'completed') return null;
  const bad = wentWrong(run);
  return html`
    <div class=${`notice ${bad ? 'bad' : ''}`} role=${bad ? 'alert' : undefined}>
      ${bad && html`<${Icon} name="warning" />`}
      <p class="reason">${run.reason}</p>
    </div>`;
}

/** A run that nothing has been heard of for long: said, and never taken for a failure. */
export function LastHeard({ run }) {
  const silent = now.value - seconds(run.last_heard);
  if (!isActive(run) || run.state === 'pending' || !(silent > 60)) return null;
  return html`<p class="notice">${t('run.heard', { time: ago(run.last_heard) })}</p>`;
}
