/** The value of a file input that is a file of another simulation's run; the page's side of codes/source.py. */

const MAX_PATH = 1000;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const MODEL = /^[a-z][a-z0-9_-]{0,63}$/;
const NOT_A_PATH = /[\0-\x1f\x7f\p{Cs}]/u;

/** @typedef {{simulation: string, model: string, file: string}} Source */

/** Whether a file in a run's folder may be called so. */
export const isPath = (/** @type {string} */ file) =>
  file !== '' && [...file].length <= MAX_PATH && !NOT_A_PATH.test(file) && !file.split('/').some((part) => ['', '.', '..'].includes(part));

/** Whether a value of a file input names a file of another simulation's run. */
export function isSource(/** @type {any} */ value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length !== 3) return false;
  const { simulation, model, file } = value;
  return [simulation, model, file].every((one) => typeof one === 'string') && ULID.test(simulation) && MODEL.test(model) && isPath(file);
}

/** The path as people read it: what a code writes is below `work/`. */
export const fileWords = (/** @type {string} */ file) => file.replace(/^work\//, '');
