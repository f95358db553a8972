/** The last run of each simulation: from the runs that the page knows, and asked for where a row is looked at whose runs are older. */
import { api } from './api.js';
import { computed, signal } from './lib.js';
import { loadRuns, runs } from './store.js';

const AT_ONCE = 4;
/** Whether the page knows all runs that there are: then one that is not known was never made. */
const complete = signal(false);
/** Simulation → its last run, or null for none, of those that were asked for. */
const asked = signal(/** @type {Map<string, any>} */ (new Map()));
let queue = /** @type {string[]} */ ([]);
let busy = 0;

const newest = computed(() => {
  const found = new Map(asked.value);
  for (const run of runs.value.values()) if (!((found.get(run.simulation)?.id ?? '') > run.id)) found.set(run.simulation, run);
  return found;
});

/** The last run; null where it never ran, undefined where that is not known yet. */
export function lastRun(/** @type {string} */ simulation) {
  const known = newest.value.get(simulation);
  return known === undefined && complete.value ? null : known;
}

const newestResults = computed(() => {
  /** @type {Map<string, any>} */
  const found = new Map();
  for (const run of [...asked.value.values(), ...runs.value.values()]) {
    if (run?.state === 'completed' && !((found.get(run.simulation)?.id ?? '') > run.id)) found.set(run.simulation, run);
  }
  return found;
});

/** The last run that has a result to show, if the page knows one. */
export const lastResult = (/** @type {string} */ simulation) => newestResults.value.get(simulation);

/** What users wrote on the runs of each simulation that the page knows, for the search. */
export const notes = computed(() => {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const run of runs.value.values()) {
    if (run.name || run.note) found.set(run.simulation, `${found.get(run.simulation) ?? ''} ${run.name ?? ''} ${run.note ?? ''}`);
  }
  return found;
});

/** Loads the newest runs, which are the last ones of most. */
export async function loadLastRuns() {
  try {
    complete.value = (await loadRuns({ limit: 500 })) === '';
  } catch { /* the supervisor is away: the header says so, and rows say nothing of runs */ }
}

/** These are looked at now; whoever was waited for before is looked at no more. @param {string[]} simulations */
export function lookAt(simulations) {
  queue = simulations.filter((id) => lastRun(id) === undefined);
  while (busy < AT_ONCE && queue.length) next();
}

async function next() {
  const simulation = queue.shift();
  if (!simulation) return;
  busy += 1;
  try {
    const { items } = await api.runs({ simulation, limit: 1 });
    asked.value = new Map(asked.value).set(simulation, items[0] ?? null);
  } catch {
    queue = []; // away: it is asked again when the rows are looked at again
  } finally {
    busy -= 1;
  }
  if (queue.length) next();
}
