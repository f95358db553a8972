/** The state of a run: a badge, a sentence, and how long nothing has been heard of it. */
import { ago, now, seconds } from '../format.js';
import { html, useEffect } from '../lib.js';
import { wantsLogin } from '../login.js';
import { isActive, sentence } from '../states.js';
import { loadTargets, targets } from '../store.js';
import { t } from '../texts.js';
import { LoginButton, usePlaces } from './login/state.js';

export { ProgressBar } from './run/progress.js';

/** Seconds of silence from which on a run is said to be silent. */
const SILENT = 60;
/** Milliseconds between two looks at the targets while a run is silent. */
const LOOK = 10_000;

export function StateBadge({ state }) {
  return html`<span class=${`badge ${state}`}><span class="badge-dot" aria-hidden="true"></span>${t(`state.${state}`)}</span>`;
}

/** Badge and sentence, spoken to a screen reader when the state changes. */
export function StateLine({ run }) {
  return html`<span class=${`state-line ${run.state}`}><span class="badge-dot" aria-hidden="true"></span><span>${sentence(run)}</span></span>
    <span class="visually-hidden" role="status">${t(`state.${run.state}`)}</span>`;
}

/** A run that nothing has been heard of for long, or whose cluster nobody is logged in to: said, with why, and never taken for a failure. */
export function LastHeard({ run }) {
  const active = isActive(run) && run.state !== 'pending', place = targets.value.find((one) => one.name === run.target);
  const login = active && wantsLogin(place);
  const silent = active && (login || now.value - seconds(run.last_heard) > SILENT);
  usePlaces(active);
  useEffect(() => {
    if (!silent) return undefined;
    loadTargets();
    const timer = setInterval(loadTargets, LOOK);
    return () => clearInterval(timer);
  }, [silent]);
  if (!silent) return null;
  const why = login || ['away', 'silent', 'connecting'].includes(place?.state) ? place.detail : '';
  return html`<div class="notice"><p>${t('run.heard', { time: ago(run.last_heard) })}${why && `. ${why}`}</p>${login && html`<${LoginButton} place=${place} primary />`}</div>`;
}
