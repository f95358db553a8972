/** What runs were made of: their inputs and files, asked for once each, a few at a time, as they are looked at. */
import { api } from './api.js';
import { signal } from './lib.js';

const AT_ONCE = 4, KEPT = 400;
/** Run → {inputs, files}, or null where it could not be had. */
const found = signal(/** @type {Map<string, any>} */ (new Map()));
let queue = /** @type {string[]} */ ([]);
const flying = new Set();

/** {inputs, files} of the run; null where they cannot be had, undefined where they are not here yet. @param {string} run */
export const inputsOf = (run) => found.value.get(run);

/** These are looked at now. @param {string[]} runs */
export function wantInputs(runs) {
  queue = runs.filter((id) => !found.peek().has(id) && !flying.has(id));
  while (flying.size < AT_ONCE && queue.length) next();
}

async function next() {
  const run = queue.shift();
  if (!run) return;
  flying.add(run);
  try {
    keep(run, await api.runInputs(run));
  } catch (error) {
    if (!error.passing) keep(run, null);
  } finally {
    flying.delete(run);
  }
  next();
}

function keep(run, what) {
  const map = new Map(found.value).set(run, what);
  while (map.size > KEPT) map.delete(map.keys().next().value);
  found.value = map;
}

/** The same, to be waited for; raises what went wrong. @param {string} run */
export async function loadInputs(run) {
  if (!found.peek().get(run)) keep(run, await api.runInputs(run));
  return found.peek().get(run);
}
