/** What the page knows: codes, simulations, runs and targets as signals, kept up to date by the event stream. */
import { api } from './api.js';
import { listen } from './events.js';
import { computed, signal } from './lib.js';
import { isActive } from './states.js';
import { toast } from './toasts.js';
import { t } from './texts.js';
import { Turns } from './turns.js';
import { lookForUpgrade } from './upgrade.js';

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
/** Milliseconds between two times that runs are taken in. */
const BETWEEN = 8;
/** Figures that came along with their run: `${run}/${report}` → figure. */
export const pushed = new Map();

export const activeRuns = computed(() => [...runs.value.values()].filter(isActive));

/** Runs of a simulation (and a model), newest first: ids are in order of time. */
export function runsOf(simulation, model) {
  return [...runs.value.values()]
    .filter((run) => run.simulation === simulation && (!model || run.model === model))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Takes runs in: the one with the higher revision is the newer, whichever way it came; so is the note that was written last. */
export function putRuns(list) {
  const next = new Map(runs.value);
  let changed = false;
  for (const run of list) {
    const known = next.get(run.id);
    if (gone.has(run.id) || (known && known.revision >= run.revision && !isNoted(run, known))) continue;
    const newest = known && known.revision > run.revision ? known : run;
    next.set(run.id, known && !isNoted(run, known) ? { ...newest, ...noteOf(known) } : { ...newest, ...noteOf(run) });
    changed = true;
  }
  if (!changed) return;
  if (next.size > MAX_RUNS) forget(next);
  runs.value = next;
}

/** @param {any} run */
const noteOf = ({ name = '', note = '', pinned = false, noted = null }) => ({ name, note, pinned, noted });
// times are told in one form, whose order is that of its letters
const isNoted = (run, before) => (run.noted ?? '') > (before.noted ?? '');

/** What is written on a run, as it was told. */
function takeNote({ run, ...note }) {
  const known = runs.value.get(run);
  if (known && (note.noted ?? '') >= (known.noted ?? '')) runs.value = new Map(runs.value).set(run, { ...known, ...noteOf(note) });
}

/** Runs that were deleted while this page was open: what was asked for before must not bring them back. */
export const gone = new Set();
const MAX_GONE = 5000;

/** Forgets runs that were deleted. */
export function dropRuns(ids) {
  const next = new Map(runs.value);
  for (const id of ids) {
    next.delete(id);
    gone.add(id);
    if (gone.size > MAX_GONE) gone.delete(gone.values().next().value);
  }
  if (next.size !== runs.value.size) runs.value = next;
}

function forget(map) {
  const old = [...map.values()].filter((run) => !isActive(run)).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const run of old.slice(0, map.size - MAX_RUNS)) map.delete(run.id);
}

/** Takes in a simulation as the server has it; one that is older than what is known changes nothing. */
export function putSimulation(simulation) {
  if (simulations.value?.get(simulation.id)?.version > simulation.version) return;
  putSimulations([simulation]);
}

/** Many, or what is only being asked for: in one step, as a thousand must not be a thousand drawings. @param {any[]} list */
export function putSimulations(list) {
  amend(list.map((sim) => [sim.id, sim]));
}

/** @param {string[]} ids */
export function dropSimulations(ids) {
  amend(ids.map((id) => [id, null]));
}

export const dropSimulation = (/** @type {string} */ id) => dropSimulations([id]);

/** @param {[string, any][]} changes */
function amend(changes) {
  const next = new Map(simulations.value ?? []);
  for (const [id, sim] of changes) {
    for (const meanwhile of loading) meanwhile.set(id, sim && { ...meanwhile.get(id), ...sim });
    if (sim) next.set(id, { ...next.get(id), ...sim });
    else next.delete(id);
  }
  // one that is told of before there is a list must not be taken for the list
  if (simulations.value) simulations.value = next;
}

/** For each list of simulations that is being loaded what was told meanwhile: it may be newer than the list. */
const loading = /** @type {Set<Map<string, any>>} */ (new Set());
/** The simulation that was told of last: {id, version, deleted} or {id, gone}; whoever shows it looks whether it is theirs. */
export const news = signal(/** @type {any} */ (null));

// made, changed, put into the bin, taken back or gone for good, in whichever window or terminal
function takeSimulation(simulation) {
  if (simulation.gone || simulation.deleted) {
    dropSimulation(simulation.id);
  } else {
    // the list is of names, not of inputs
    const { inputs, files, ...brief } = simulation;
    putSimulation(brief);
  }
  news.value = simulation;
}

/** Keeps a figure that came with its run; only the newest few, a report is asked for again when it is wanted. */
export function putFigure(run, report, figure) {
  pushed.set(`${run}/${report}`, figure);
  if (pushed.size > 8) pushed.delete(pushed.keys().next().value);
}

const codesTurns = new Turns(), simulationsTurns = new Turns(), runsTurns = new Turns(), targetsTurns = new Turns();

export async function loadCodes() {
  const question = codesTurns.ask();
  codesError.value = null;
  try {
    const said = await api.codes();
    if (!codesTurns.take(question)) return;
    codes.value = { byName: new Map(said.items.map((code) => [code.name, code])), broken: said.broken ?? {} };
  } catch (error) {
    if (!codesTurns.late(question)) codesError.value = error;
  }
}

export async function loadSimulations() {
  const question = simulationsTurns.ask(), found = new Map(), meanwhile = new Map();
  simulationsError.value = null;
  loading.add(meanwhile);
  try {
    let cursor;
    do {
      // brief: inputs may be large, and who opens a simulation asks for all of it
      const page = await api.simulations({ limit: 500, brief: true, cursor });
      for (const simulation of page.items) found.set(simulation.id, simulation);
      cursor = page.cursor;
    } while (cursor && found.size < 5000);
    if (!simulationsTurns.take(question)) return;
    for (const [id, simulation] of meanwhile) {
      const listed = found.get(id);
      if (!simulation) found.delete(id);
      // what is only being asked for has no version, and makes no simulation
      else if (simulation.version ? !(listed?.version > simulation.version) : listed) found.set(id, { ...listed, ...simulation });
    }
    simulations.value = found;
  } catch (error) {
    if (!simulationsTurns.late(question)) simulationsError.value = error;
  } finally {
    loading.delete(meanwhile);
  }
}

/** The newest runs (of a simulation, in a state); answers the cursor of the next page. */
export async function loadRuns(values = {}) {
  const page = await api.runs({ limit: 100, ...values });
  putRuns(page.items);
  return page.cursor ?? '';
}

export async function loadTargets() {
  const question = targetsTurns.ask();
  try {
    const { items } = await api.targets();
    if (targetsTurns.take(question)) targets.value = items ?? [];
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

let took = -Infinity;

// a thousand changes a second become one drawing a frame; the first after a rest is taken in at once
function onRun(run) {
  waiting.push(run);
  if (waiting.length > 1) return;
  const pause = document.hidden ? 250 : BETWEEN;
  if (performance.now() - took > pause) takeWaiting();
  else setTimeout(takeWaiting, pause);
}

function takeWaiting() {
  const list = waiting;
  waiting = [];
  took = performance.now();
  putRuns(list);
  lookFor(list);
}

function onEvent(name, data) {
  if (name === 'run') onRun(data);
  else if (name === 'report') putFigure(data.run, data.report, data.figure);
  else if (name === 'simulation') takeSimulation(data);
  else if (name === 'note') takeNote(data);
  else if (name === 'target') loadTargets();
  else if (name === 'gone') dropRuns([data.run]);
  else if (name === 'missed') { loadSimulations(); loadWhatRuns(); }
  else if (name === 'open' || (name === 'supervisor' && data.connected)) loadWhatRuns(); // no history is told before these
}

/** The stream is there: what was told before was not heard, and is in the lists by now. @param {{ again: boolean, slept: boolean }} how */
async function onOpen({ again, slept }) {
  if (!again) {
    loadSimulations(); // runs are loaded with the first event, which may come later
    return;
  }
  lookForUpgrade().catch(() => { /* asked again after the next break */ });
  await Promise.all([loadSimulations(), loadWhatRuns()]);
  toast(t(slept ? 'link.awake' : 'link.caughtup'));
}

/** What only the supervisor knows; while it is away the connection's state says so. */
async function loadWhatRuns() {
  const question = runsTurns.ask(), known = [...runs.value.keys()];
  loadTargets();
  try {
    const { items, cursor } = await api.runs({ limit: 100 });
    if (!runsTurns.take(question)) return; // it may have runs that were deleted since
    putRuns(items);
    // of what was known before, whatever is not among the newest any more was deleted
    const listed = new Set(items.map((run) => run.id)), oldest = cursor ? items.at(-1)?.id ?? '' : '';
    dropRuns(known.filter((id) => id >= oldest && !listed.has(id)));
  } catch { /* as above */ }
}

/** Loads what every page needs beside the codes, and listens. */
export function start() {
  listen(onEvent, onOpen);
  loadSimulations();
  loadWhatRuns();
}
