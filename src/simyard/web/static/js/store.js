/** What the page knows: codes, simulations, runs and targets as signals, kept up to date by the event stream. */
import { api } from './api.js';
import { listen } from './events.js';
import { computed, signal } from './lib.js';
import { isActive } from './states.js';
import { toast } from './toasts.js';
import { t } from './texts.js';
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

export function putSimulation(simulation) {
  told?.set(simulation.id, simulation);
  const known = simulations.value?.get(simulation.id);
  if (known?.version > simulation.version) return;
  const next = new Map(simulations.value ?? []);
  next.set(simulation.id, { ...known, ...simulation });
  simulations.value = next;
}

/** What was told of simulations while their list was being loaded: it may be newer than the list. */
let told = /** @type {Map<string, any> | null} */ (null);
/** The simulation that was told of last: {id, version, deleted} or {id, gone}; whoever shows it looks whether it is theirs. */
export const news = signal(/** @type {any} */ (null));

// made, changed, put into the bin, taken back or gone for good, in whichever window or terminal
function takeSimulation(simulation) {
  if (simulation.gone || simulation.deleted) {
    told?.set(simulation.id, null);
    dropSimulation(simulation.id);
  } else {
    // the list is of names, not of inputs
    const { inputs, files, ...brief } = simulation;
    putSimulation(brief);
  }
  news.value = simulation;
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

let codesAsked = 0, codesTold = 0;

export async function loadCodes() {
  const asked = ++codesAsked;
  codesError.value = null;
  try {
    const said = await api.codes();
    if (asked < codesTold) return; // a later question was answered before this one
    codesTold = asked;
    codes.value = { byName: new Map(said.items.map((code) => [code.name, code])), broken: said.broken ?? {} };
  } catch (error) {
    if (asked > codesTold) codesError.value = error;
  }
}

export async function loadSimulations() {
  simulationsError.value = null;
  try {
    const found = new Map(), meanwhile = (told = new Map());
    let cursor;
    do {
      // brief: inputs may be large, and who opens a simulation asks for all of it
      const page = await api.simulations({ limit: 500, brief: true, cursor });
      for (const simulation of page.items) found.set(simulation.id, simulation);
      cursor = page.cursor;
    } while (cursor && found.size < 5000);
    for (const [id, simulation] of meanwhile) {
      if (!simulation) found.delete(id);
      else if (!(found.get(id)?.version > simulation.version)) found.set(id, { ...found.get(id), ...simulation });
    }
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
  else if (name === 'simulation') takeSimulation(data);
  else if (name === 'note') takeNote(data);
  else if (name === 'target') loadTargets();
  else if (name === 'gone') dropRuns([data.run]);
  else if (name === 'missed') { loadSimulations(); loadWhatRuns(); }
  else if (name === 'open' || (name === 'supervisor' && data.connected)) loadWhatRuns(); // no history is told before these
}

/** @param {boolean} slept */
async function onBack(slept) {
  lookForUpgrade().catch(() => { /* asked again after the next break */ });
  await Promise.all([loadSimulations(), loadWhatRuns()]);
  toast(t(slept ? 'link.awake' : 'link.caughtup'));
}

/** What only the supervisor knows; while it is away the connection's state says so. */
async function loadWhatRuns() {
  const known = [...runs.value.keys()];
  loadTargets();
  try {
    const { items, cursor } = await api.runs({ limit: 100 });
    putRuns(items);
    // of what was known before, whatever is not among the newest any more was deleted
    const listed = new Set(items.map((run) => run.id)), oldest = cursor ? items.at(-1)?.id ?? '' : '';
    dropRuns(known.filter((id) => id >= oldest && !listed.has(id)));
  } catch { /* as above */ }
}

/** Loads what every page needs beside the codes, and listens. */
export function start() {
  listen(onEvent, onBack);
  loadSimulations();
  loadWhatRuns();
}
