/** How fast the runs on the page go: what was seen of each, what earlier ones of its kind took, and from both the time that is left. */
import { coarse, timeLeft } from './eta.js';
import { seconds, ticking } from './format.js';
import { elapsed, isFinal } from './states.js';
import { runs } from './store.js';
import { t } from './texts.js';

/** Runs and samples of each that are kept. */
const RUNS = 60, SAMPLES = 80;
/** From so many runs of the same simulation on, those of others do not count. */
const ENOUGH = 3;

/** @type {Map<string, import('./eta.js').Sample[]>} */
const seen = new Map();

/** What was seen of a run's progress, this moment included. */
function samplesOf(run) {
  const list = seen.get(run.id) ?? [];
  const fraction = run.progress?.fraction;
  if (fraction == null || !run.started) return list;
  const heard = seconds(run.last_heard);
  const at = (Number.isFinite(heard) ? heard : seconds(run.started) + elapsed(run)) - seconds(run.started);
  const last = list[list.length - 1];
  if (last && last.fraction >= fraction) return list;
  list.push({ at: Math.max(at, last?.at ?? 0), fraction });
  // thinned, not cut: where it came from matters as much as where it is
  if (list.length > SAMPLES) list.splice(0, list.length, ...list.filter((_, n) => n % 2 === 0 || n === list.length - 1));
  seen.delete(run.id);
  seen.set(run.id, list);
  if (seen.size > RUNS) seen.delete(seen.keys().next().value ?? '');
  return list;
}

/** Seconds that earlier runs of the same code and model took, newest first; of the same simulation where there are enough. */
function earlierOf(run) {
  const alike = [...runs.peek().values()]
    .filter((one) => one.state === 'completed' && one.model === run.model && one.code === run.code && one.id !== run.id && one.usage?.wall > 0)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const same = alike.filter((one) => one.simulation === run.simulation);
  return (same.length >= ENOUGH ? same : alike).map((one) => one.usage.wall);
}

/** The range of seconds that an active run still takes, or null where nobody can say. */
export function leftOf(run) {
  if (isFinal(run) || run.state !== 'running' || !run.started) return null;
  const samples = samplesOf(run), passed = elapsed(run);
  // what was heard last may be some seconds old: the pace was that of then
  return timeLeft({ elapsed: passed, samples, said: run.progress?.eta, earlier: earlierOf(run) });
}

/**
 * “2–3 min left”, “about 10 s left”
 * @param {{ low: number, high: number } | null} range
 */
export function leftText(range) {
  if (!range) return '';
  const { low, high } = range;
  if (high < 1.5) return t('run.left.moment');
  const from = coarse(low), to = coarse(high);
  if (low < 1 || from * 4 <= to && to < 20) return t('run.left.less', { time: ticking(to) });
  if (from >= to) return t('run.left', { time: ticking(to) });
  return t('run.left.range', { low: between(from, to), high: ticking(to) });
}

// “2–3 min”: the unit once, where both have the same alone
function between(low, high) {
  const [a, b] = [ticking(low).split(' '), ticking(high).split(' ')];
  return a.length === 2 && b.length === 2 && a[1] === b[1] ? a[0] : ticking(low);
}
