/** What the HDF5 library says of itself in its worker: it goes to the console otherwise. Imported before it, for it keeps the console that it finds. */

/** @type {string[]} */
let lines = [];
console.log = console.warn = console.error = (/** @type {any[]} */ ...parts) => { if (lines.length < 200) lines.push(parts.join(' ')); };

/** What it has said since this was asked last. */
export function said() {
  const all = lines;
  lines = [];
  return all;
}
