/** What the page knows: codes, simulations, runs and targets as signals, kept up to date by the event stream. */
import { api } from './api.js';
import { listen } from './events.js';
import { computed, signal } from './lib.js';
import { isActive } from './states.js';
import { toast } from './toasts.js';
import { t } from './texts.js';

/** Runs are kept for the lists up to this many; active ones always. */
const MAX_RUNS = 1000;

/** Loading, an ApiError, or {byName: Map, broken: {}}. */
export const codes = signal(null);
export const codesError = signal(null);
/** Map of id → simulation, or null while it is not loaded. */
export const simulations = signal(null);
export const simulationsError = signal(null);
/** Map of id → run. */
export const runs = signal(new Map());
export const targets = signal([]);
/** Figures that came along with their run: `${run}/${report}` → figure. */
export const pushed = new Map();

export const activeRuns = computed(() => [...runs.value.values()].filter(isActive));

/** Runs of a simulation (and a model), newest first: ids are in order of time. */
export function runsOf(simulation, model) {
  return [...runs.value.values()]
    .filter((run) => run.simulation === simulation && (!model || run.model === model))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Takes runs in: the one with the higher revision is the newer, whichever way it came. */
export function putRuns(list) {
  const next = new Map(runs.value);
  let changed = false;
  for (const run of list) {
    const known = next.get(run.id);
    if (known && known.revision >= run.revision) continue;
    next.set(run.id, run);
    changed = true;
  }
  if (!changed) return;
  if (next.size > MAX_RUNS) forget(next);
  runs.value = next;
}

function forget(map) {
  const old = [...map.values()].filter((run) => !isActive(run)).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const run of old.slice(0, map.size - MAX_RUNS)) map.delete(run.id);
}

export function putSimulation(simulation) {
  const next = new Map(simulations.value ?? []);
  next.set(simulation.id, { ...next.get(simulation.id), ...simulation });
  simulations.value = next;
}

export function dropSimulation(id) {
  const next = new Map(simulations.value ?? []);
  next.delete(id);
  simulations.value = next;
}

/** Keeps a figure that came with its run; only the newest few, a report is asked for again when it is wanted. */
export function putFigure(run, report, figure) {
  pushed.set(`${run}/${report}`, figure);
  if (pushed.size > 8) pushed.delete(pushed.keys().next().value);
}

export async function loadCodes() {
  codesError.value = null;
  try {
    const said = await api.codes();
    codes.value = { byName: new Map(said.items.map((code) => [code.name, code])), broken: said.broken ?? {} };
  } catch (error) {
    codesError.value = error;
  }
}

export async function loadSimulations() {
  simulationsError.value = null;
  try {
    const found = new Map();
    let cursor;
    do {
      const page = await api.simulations({ limit: 200, cursor });
      for (const simulation of page.items) found.set(simulation.id, simulation);
      cursor = page.cursor;
    } while (cursor && found.size < 5000);
    simulations.value = found;
  } catch (error) {
    simulationsError.value = error;
  }
}

/** The newest runs (of a simulation, in a state); answers the cursor of the next page. */
export async function loadRuns(values = {}) {
  const page = await api.runs({ limit: 100, ...values });
  putRuns(page.items);
  return page.cursor ?? '';
}

export async function loadTargets() {
  try {
    targets.value = (await api.targets()).items ?? [];
  } catch { /* the supervisor is away: the connection's state says so, and it is asked again on the way back */ }
}

let waiting = [];
/** Simulations that runs have named and the list did not: asked for once each. */
const looked = new Set();

// a run of a simulation that was made elsewhere, in a terminal or another tab
function lookFor(list) {
  const strange = list.filter((run) => simulations.value && !simulations.value.has(run.simulation) && !looked.has(run.simulation));
  for (const run of strange) looked.add(run.simulation);
  if (strange.length) loadSimulations();
}

// a thousand changes a second become one drawing a frame
function onRun(run) {
  waiting.push(run);
  if (waiting.length === 1) setTimeout(() => { const list = waiting; waiting = []; putRuns(list); lookFor(list); }, document.hidden ? 250 : 8);
}

function onEvent(name, data) {
  if (name === 'run') onRun(data);
  else if (name === 'report') putFigure(data.run, data.report, data.figure);
  else if (name === 'open' || (name === 'supervisor' && data.connected)) loadWhatRuns(); // no history is told before these
}

function onBack() {
  toast(t('link.caughtup'));
  loadSimulations();
  loadWhatRuns();
}

/** What only the supervisor knows; while it is away the connection's state says so. */
function loadWhatRuns() {
  loadTargets();
  loadRuns().catch(() => {});
}

/** Loads what every page needs, and listens. */
export function start() {
  listen(onEvent, onBack);
  loadCodes();
  loadSimulations();
  loadWhatRuns();
}
