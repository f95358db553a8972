/** The list of runs: which are wanted, and consecutive refreshes of one simulation folded into one row. Pure, but for the names. */
import { isActive, wentWrong } from './states.js';
import { codes, simulations } from './store.js';

/** @typedef {{ show?: string, q?: string, code?: string, model?: string, simulation?: string, target?: string, since?: string, pinned?: string }} Wanted */
/** @typedef {{ kind: 'run' | 'fold' | 'part', key: string, run: any, runs: any[] }} Item  `fold`: several, `run` is the newest; `part`: one of a fold that is open. */

export const STATES = {
  all: () => true,
  active: isActive,
  completed: (run) => run.state === 'completed',
  failed: wentWrong,
  canceled: (run) => run.state === 'canceled',
};
/** Seconds that are looked back. */
export const SINCE = { hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 };

/** Titles of a run's simulation, model and code; `title` is its own name, else its simulation's. */
export function named(run) {
  const code = codes.value?.byName.get(run.code);
  const simulation = simulations.value?.get(run.simulation)?.name;
  return {
    simulation,
    title: run.name || simulation,
    model: code?.models.find((model) => model.name === run.model)?.title ?? run.model,
    code: code?.title ?? run.code,
  };
}

/**
 * The runs that are wanted, newest first.
 * @param {any[]} runs
 * @param {Wanted} wanted
 * @param {number} now seconds
 */
export function wantedOf(runs, wanted, now) {
  const state = STATES[wanted.show ?? 'all'] ?? STATES.all;
  const words = (wanted.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const after = SINCE[wanted.since ?? ''] ? now - SINCE[wanted.since ?? ''] : 0;
  return runs.filter((run) => state(run)
    && (!wanted.code || run.code === wanted.code)
    && (!wanted.model || run.model === wanted.model)
    && (!wanted.simulation || run.simulation === wanted.simulation)
    && (!wanted.target || run.target === wanted.target)
    && (!wanted.pinned || run.pinned)
    && (!after || Date.parse(run.created) / 1000 >= after)
    && (!words.length || says(run, words))).sort((a, b) => (a.id < b.id ? 1 : -1));
}

function says(run, words) {
  const { simulation = '', model, code } = named(run);
  const text = [run.name, run.note, simulation, model, code, run.model, run.target, run.reason, run.id].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * Rows: quick runs of one simulation that follow each other are one, which opens.
 * @param {any[]} runs newest first
 * @param {Set<string>} open keys of the folds that are open
 * @returns {Item[]}
 */
export function folded(runs, open) {
  const items = /** @type {Item[]} */ ([]);
  for (let at = 0; at < runs.length;) {
    const first = runs[at];
    let end = at + 1;
    // what somebody named, pinned or wrote a note on is not one of many
    if (first.kind === 'quick' && !isOwn(first)) while (end < runs.length && runs[end].kind === 'quick' && runs[end].jid === first.jid && !isOwn(runs[end])) end += 1;
    if (end - at === 1) items.push({ kind: 'run', key: first.id, run: first, runs: [first] });
    else {
      const together = runs.slice(at, end), key = `fold-${together[together.length - 1].id}`;
      items.push({ kind: 'fold', key, run: first, runs: together });
      if (open.has(key)) items.push(...together.map((run) => ({ kind: /** @type {const} */ ('part'), key: run.id, run, runs: [run] })));
    }
    at = end;
  }
  return items;
}

const isOwn = (run) => Boolean(run.name || run.note || run.pinned);
