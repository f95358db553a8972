/**
 * How long a run still takes, as a range: from earlier runs of its kind, from its own slope, and honest where little is known.
 *
 * Both sources are guesses of the total duration, kept as a mean and a spread of its logarithm, and put together weighted by
 * how sure each is. What a run's own pace says outweighs what others took as soon as the two contradict each other: the inputs differ.
 */

/** Half of the range in standard deviations: four of five runs end within it. */
const WIDTH = 1.28;
/** Earlier runs that count, the newest. */
const KEPT = 40;
/** Nothing is known more exactly than this (relative). */
const SHARPEST = 0.03;
/** Before these, a run's own pace says nothing: seconds, and the fraction done. */
const SOONEST = 1, LEAST = 0.01;
/** So many times as long as earlier runs is what no start can excuse: this one has other inputs. */
const OTHER = 10;

/** @typedef {{ mean: number, spread: number }} Guess  Of the natural logarithm of the total, in seconds. */
/** @typedef {{ at: number, fraction: number }} Sample  `at`: seconds since the run started. */
/** @typedef {{ low: number, high: number }} Range  In seconds. */

/**
 * The value below which that share of the sorted list lies, between two neighbours in proportion.
 * @param {number[]} sorted
 * @param {number} share
 */
export function quantile(sorted, share) {
  const at = (sorted.length - 1) * share, low = Math.floor(at), high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/**
 * What earlier runs say of the total; null where there are none that took longer than this one has.
 * @param {number[]} durations seconds, newest first
 * @param {number} elapsed
 * @returns {Guess | null}
 */
export function fromEarlier(durations, elapsed) {
  const recent = durations.slice(0, KEPT).filter((one) => one > 0);
  // those that were over by now say nothing of what is left of this one
  const logs = recent.filter((one) => one > elapsed).map(Math.log).sort((a, b) => a - b);
  if (!logs.length) return null;
  const mean = quantile(logs, 0.5);
  // quantiles: one run of a week among many of a minute does not move them
  const seen = logs.length > 1 ? (quantile(logs, 0.9) - quantile(logs, 0.1)) / (2 * WIDTH) : 0;
  // few say little, and less still where most of their kind are over by now
  return { mean, spread: Math.max(0.08, seen) + 0.5 / logs.length + 0.3 * (1 - logs.length / recent.length) };
}

/**
 * What the run's own pace says of the total: since its start, and lately.
 * @param {Sample[]} samples oldest first
 * @param {number} elapsed
 * @param {number | null | undefined} said seconds that are left by the code's own word
 * @returns {Guess | null}
 */
export function fromPace(samples, elapsed, said) {
  const last = samples[samples.length - 1];
  const done = last?.fraction ?? 0;
  if (said != null && said >= 0) return { mean: Math.log(Math.max(elapsed + said, 1e-3)), spread: spreadOf(elapsed + said, said, 0.15) };
  if (!last || last.at < SOONEST || done < LEAST || done > 1) return null;
  const whole = last.at / done;
  // lately: since it had done half of what it has
  const from = samples.find((one) => one.fraction >= done / 2 && one.fraction < done && last.at - one.at >= SOONEST);
  const late = from ? last.at + ((1 - done) * (last.at - from.at)) / (done - from.fraction) : whole;
  const left = Math.max(0, (whole + late) / 2 - elapsed);
  // a pace is known by the share that was seen of it, and by how steady it was
  const relative = 0.05 + 0.35 * (1 - done) ** 2 + Math.abs(Math.log(late / whole));
  const total = Math.max(elapsed + left, elapsed, 1e-3);
  return { mean: Math.log(total), spread: spreadOf(total, left, relative) };
}

// only what is left is uncertain: what is over is not
const spreadOf = (total, left, relative) => Math.max(SHARPEST * (left / total), (relative * left) / Math.max(total, 1e-9), 1e-3);

/**
 * The range of seconds that are left; null while there is nothing to go by, or all that there was to go by is exceeded.
 * @param {{ elapsed: number, samples?: Sample[], said?: number | null, earlier?: number[] }} known
 * @returns {Range | null}
 */
export function timeLeft({ elapsed, samples = [], said = null, earlier = [] }) {
  if (!(elapsed >= 0)) return null;
  const own = fromPace(samples, elapsed, said), others = fromEarlier(earlier, elapsed);
  const guess = own && others ? together(own, others) : own ?? (others && isLonger(samples, others) ? null : others);
  if (!guess) return null;
  const low = Math.max(0, Math.exp(guess.mean - WIDTH * guess.spread) - elapsed);
  const high = Math.max(low, Math.exp(guess.mean + WIDTH * guess.spread) - elapsed);
  return high > 0 ? { low, high } : null;
}

/** Whether the little that was done says that this run takes longer by far: how long is not known yet. @param {Sample[]} samples @param {Guess} others */
function isLonger(samples, others) {
  const last = samples[samples.length - 1];
  return last?.at >= SOONEST && last.fraction > 0 && last.at / last.fraction > OTHER * Math.exp(others.mean);
}

/**
 * @param {Guess} own
 * @param {Guess} others
 * @returns {Guess}
 */
function together(own, others) {
  const apart = Math.abs(own.mean - others.mean), both = Math.hypot(own.spread, others.spread);
  // they contradict each other: this one has other inputs, and its own pace is the better word
  const doubt = apart > 2 * both ? apart : 0;
  const a = 1 / own.spread ** 2, b = 1 / (others.spread + doubt) ** 2;
  return { mean: (own.mean * a + others.mean * b) / (a + b), spread: Math.sqrt(1 / (a + b)) };
}

/**
 * A number of seconds to a step that the eye can follow: 7, 45, 150, 1800.
 * @param {number} s
 */
export function coarse(s) {
  const steps = [[10, 1], [60, 5], [300, 30], [3600, 60], [36000, 600], [172800, 3600], [Infinity, 21600]];
  const [, step] = /** @type {number[]} */ (steps.find(([below]) => s < below));
  return Math.max(1, Math.round(s / step)) * step;
}
