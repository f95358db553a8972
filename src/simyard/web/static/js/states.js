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

/**
 * The run that took the place of a stopped one: it was asked for before that one was gone, with newer inputs.
 * @param {any} run
 * @param {any[]} others runs of the same simulation and model
 */
export const supersededBy = (run, others) => (run.state !== 'canceled' ? undefined :
  others.find((one) => one.id > run.id && one.jid === run.jid && seconds(one.created) <= seconds(run.ended)));

/** Whether it stands in a cluster's own queue. */
export const isQueued = (run) => run.state === 'starting' && run.remote?.state === 'PENDING';

/** “Running for 12 s”, “Failed before it started” */
export function sentence(run) {
  if (run.state === 'pending') return t('state.pending.for', { time: ticking(Math.max(0, now.value - seconds(run.queued ?? run.created))) });
  if (isQueued(run)) return t('state.queued.for', { where: run.target, time: ticking(Math.max(0, now.value - seconds(run.queued ?? run.created))) });
  const took = elapsed(run);
  if (!Number.isFinite(took)) return t(isFinal(run) && ['failed', 'canceled'].includes(run.state) ? `state.${run.state}.now` : `state.${run.state}`);
  return t(`state.${run.state}.for`, { time: isFinal(run) ? duration(took) : ticking(took) });
}

/** What the run waits for: the verdicts of the gates that it has not passed. */
export const waitsFor = (run) => (run.waiting ?? []).filter((verdict) => !verdict.passed && verdict.detail);
