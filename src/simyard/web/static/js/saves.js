/** The way back and forth through the saves of a simulation: a pure function of what the server has kept, so that it is the
 * same after a reload and in every window. */
import { same } from './inputs.js';

/** Saves of one and the same input that follow each other within so many milliseconds are one step. */
const TOGETHER = 2000;

/** @typedef {{n: number, revision: string, saved: string, restores: number | null, inputs: Record<string, any>, files: Record<string, {sha256: string, size: number}>}} Save */

/** The names of what differs between two saves: inputs, and files as `file NAME`.
 * @param {Pick<Save, 'inputs' | 'files'>} one @param {Pick<Save, 'inputs' | 'files'>} other @returns {string[]} */
export function changed(one, other) {
  const inputs = new Set([...Object.keys(one.inputs), ...Object.keys(other.inputs)]);
  const files = new Set([...Object.keys(one.files), ...Object.keys(other.files)]);
  return [
    ...[...inputs].filter((name) => !same(one.inputs[name], other.inputs[name])),
    ...[...files].filter((name) => one.files[name]?.sha256 !== other.files[name]?.sha256).map((name) => `file ${name}`),
  ];
}

/** The saves as one line with a place on it: a save is put after the place, and what was ahead is left; going back or forth moves it.
 * @param {Save[]} saves newest first */
function lineOf(saves) {
  const line = [], origin = new Map();
  let at = -1;
  for (const save of [...saves].reverse()) {
    const from = save.restores == null ? save.n : origin.get(save.restores) ?? save.restores;
    origin.set(save.n, from);
    const known = line.findIndex((one) => one.n === from);
    if (known >= 0) {
      at = known;
      continue;
    }
    line.length = at + 1;
    line.push({ ...save, n: from });
    at += 1;
  }
  return { line, at };
}

/** The numbers of the saves that undo and redo go to, null where there is none.
 * @param {Save[]} saves newest first @returns {{undo: number | null, redo: number | null}} */
export function steps(saves) {
  const { line, at } = lineOf(saves);
  const current = line[at];
  const key = (i) => changed(line[i - 1], line[i]).join('\n');
  const goesOn = (i) => i >= 2 && Date.parse(line[i].saved) - Date.parse(line[i - 1].saved) < TOGETHER && !key(i).includes('\n') && key(i) === key(i - 1);
  let back = at;
  do {
    while (back > 0 && goesOn(back)) back -= 1;
    back -= 1;
  } while (back >= 0 && line[back].revision === current.revision);
  let forth = at;
  do {
    forth += 1;
    while (forth + 1 < line.length && goesOn(forth + 1)) forth += 1;
  } while (forth < line.length && line[forth].revision === current.revision);
  return { undo: line[back]?.n ?? null, redo: line[forth]?.n ?? null };
}
