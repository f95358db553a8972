/** The figures of reports: asked for once, kept while they are likely to be looked at again, stale answers dropped. */
import { api } from './api.js';
import { decoded, weight } from './arrays.js';
import { pushed } from './store.js';

/** What is kept weighs no more than this (bytes): some 350 frames of 256 × 256 cells. */
export const LIMIT = 96 << 20;
/** @type {Map<string, {figure: any, weight: number}>} Oldest use first. */
const kept = new Map();
let total = 0;
/** @type {Map<string, {waiting: number, cut: AbortController, promise: Promise<any>}>} What is being asked for. Who wants the same joins in; it is cut off when nobody waits any more. */
const flying = new Map();
/** @type {WeakMap<object, any>} What came along with its run, with its arrays read. */
const read = new WeakMap();

const key = (/** @type {string} */ run, /** @type {string} */ report, /** @type {number} */ frame) => `${run}/${report}/${frame}`;

/**
 * The figure if it is here already. A report without frames of a run that goes on may change, and is not kept.
 * @param {string} run
 * @param {string} report
 * @param {number} frame
 */
export function have(run, report, frame) {
  const name = key(run, report, frame), found = kept.get(name);
  if (found) {
    kept.delete(name);
    kept.set(name, found);
    return found.figure;
  }
  const came = frame < 0 ? pushed.get(`${run}/${report}`) : undefined;
  if (!came) return undefined;
  if (!read.has(came)) read.set(came, decoded(came));
  return read.get(came);
}

/** Whether it is here, without counting as a use. */
export const has = (/** @type {string} */ run, /** @type {string} */ report, /** @type {number} */ frame) => kept.has(key(run, report, frame));

/**
 * The figure of a report (frame −1: of one without frames). `keep`: it cannot change any more.
 * @param {string} run
 * @param {string} report
 * @param {number} frame
 * @param {{keep?: boolean, abort?: AbortSignal}} options
 */
export async function figure(run, report, frame, { keep, abort }) {
  const here = have(run, report, frame);
  if (here) return here;
  const name = key(run, report, frame);
  const flight = flying.get(name) ?? depart(name, run, report, frame);
  const leave = () => {
    flight.waiting -= 1;
    if (flight.waiting) return;
    if (flying.get(name) === flight) flying.delete(name);
    flight.cut.abort();
  };
  flight.waiting += 1;
  /** @type {() => void} */
  let onAbort = leave;
  // who does not want it any more is not kept waiting for it, even where others are
  const cut = new Promise((_, reject) => { onAbort = () => { leave(); reject(new DOMException('', 'AbortError')); }; });
  abort?.addEventListener('abort', onAbort, { once: true });
  try {
    const got = await Promise.race([flight.promise, cut]);
    if (keep) hold(name, got);
    return got;
  } finally {
    abort?.removeEventListener('abort', onAbort);
  }
}

function depart(/** @type {string} */ name, /** @type {string} */ run, /** @type {string} */ report, /** @type {number} */ frame) {
  const cut = new AbortController();
  const landed = () => { if (flying.get(name) === flight) flying.delete(name); };
  const flight = { waiting: 0, cut, promise: api.report(run, report, frame, cut.signal).then(decoded).finally(landed) };
  flying.set(name, flight);
  return flight;
}

function hold(/** @type {string} */ name, /** @type {any} */ got) {
  if (kept.has(name)) return;
  const entry = { figure: got, weight: weight(got) };
  kept.set(name, entry);
  total += entry.weight;
  for (const [old, { weight: gone }] of kept) {
    if (total <= LIMIT || old === name) break;
    kept.delete(old);
    total -= gone;
  }
}
