/** The states of a run, in words: what is final, what is active, how each is told. */
import { duration, now, seconds, ticking } from './format.js';
import { t } from './texts.js';

const FINAL = new Set(['completed', 'failed', 'canceled', 'lost']);

export const isFinal = (run) => FINAL.has(run.state);
export const isActive = (run) => !FINAL.has(run.state);
export const wentWrong = (run) => run.state === 'failed' || run.state === 'lost';

/** Seconds that the run has run, or has taken; NaN where it never started. */
export function elapsed(run) {
  if (isFinal(run)) return run.usage?.wall || seconds(run.ended) - seconds(run.started);
  return now.value - seconds(run.started);
}

/** “Running for 12 s”, “Failed before it started” */
export function sentence(run) {
  if (run.state === 'pending') return t('state.pending.for', { time: ticking(Math.max(0, now.value - seconds(run.queued ?? run.created))) });
  const took = elapsed(run);
  if (!Number.isFinite(took)) return t(isFinal(run) && ['failed', 'canceled'].includes(run.state) ? `state.${run.state}.now` : `state.${run.state}`);
  return t(`state.${run.state}.for`, { time: isFinal(run) ? duration(took) : ticking(took) });
}

/** What the run waits for: the verdicts of the gates that it has not passed. */
export const waitsFor = (run) => (run.waiting ?? []).filter((verdict) => !verdict.passed && verdict.detail);
