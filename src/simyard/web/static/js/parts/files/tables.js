/** Tables out of text: CSV, TSV, the TFS of MAD-X, and columns between spaces. Pure; it runs in a worker, for the text is foreign and may be large. */

/** @typedef {{ name: string, numeric: boolean, values: Float64Array | string[] }} Column */
/** @typedef {{ format: string, columns: Column[], rows: number, header: [string, string][], skipped: number, truncated: boolean }} Table */

/** A table is read this far. */
export const MAX_ROWS = 200_000;
export const MAX_COLUMNS = 500;

/** The columns of a text; of one that is cut off at its end, without its last line. */
export function parseTable(/** @type {string} */ text, /** @type {string} */ end, cut = false) {
  const whole = text.replace(/^\ufeff/, '');
  const kept = cut ? whole.slice(0, whole.lastIndexOf('\n') + 1) : whole;
  if (end === 'tfs' || /^@ \S+ +%/.test(kept)) return tfs(kept, cut);
  const delimiter = end === 'tsv' || end === 'tab' ? '\t' : sniff(kept, end);
  return delimiter ? separated(kept, delimiter, cut) : spaced(kept, cut);
}

// the character that divides the first lines evenly; "" for spaces
function sniff(/** @type {string} */ text, /** @type {string} */ end) {
  const lines = text.slice(0, 20_000).split('\n').filter((line) => line.trim() && !line.startsWith('#')).slice(0, 20);
  const count = (line, letter) => line.replace(/"[^"]*"/g, '').split(letter).length - 1;
  for (const letter of [',', ';', '\t']) {
    const counts = lines.map((line) => count(line, letter));
    if (counts[0] > 0 && counts.filter((one) => one === counts[0]).length >= counts.length * 0.8) return letter;
  }
  return end === 'csv' ? ',' : '';
}

/** A line between spaces; what is in quotes is one word. */
const words = (/** @type {string} */ line) => line.match(/"[^"]*"|'[^']*'|\S+/g)?.map((word) => word.replace(/^(["'])(.*)\1$/, '$2')) ?? [];

/** `1.5e3`, `1.5D+03` as Fortran writes it, nan, inf; undefined where it is another thing. */
export function toNumber(/** @type {string} */ word) {
  const text = word.trim();
  if (text === '') return NaN;
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?$/.test(text)) {
    // a number with a zero in front, or of more digits than a number here holds, is a name
    if (/^[+-]?0\d/.test(text) || /^[+-]?\d{17,}$/.test(text)) return undefined;
    return Number(text.replace(/[dD]/, 'e'));
  }
  if (/^[+-]?nan$/i.test(text)) return NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  return infinite ? (infinite[1] === '-' ? -Infinity : Infinity) : undefined;
}

function made(format, names, rows, header, skipped, cut) {
  const width = Math.min(MAX_COLUMNS, Math.max(names.length, ...rows.slice(0, 100).map((row) => row.length)));
  const columns = Array.from({ length: width }, (_, at) => {
    const numbers = new Float64Array(rows.length);
    let numeric = rows.length > 0, some = false;
    for (let n = 0; n < rows.length && numeric; n += 1) {
      const value = toNumber(rows[n][at] ?? '');
      if (value === undefined) numeric = false;
      else { numbers[n] = value; some ||= !Number.isNaN(value); }
    }
    const name = (names[at] ?? '').trim() || String(at + 1);
    return numeric && some ? { name, numeric: true, values: numbers } : { name, numeric: false, values: rows.map((row) => row[at] ?? '') };
  });
  return { format, columns, rows: rows.length, header, skipped, truncated: cut || rows.length >= MAX_ROWS };
}

function tfs(text, cut) {
  const header = [], rows = [];
  let names = [], skipped = 0;
  for (const line of text.split('\n')) {
    const kind = line[0];
    if (kind === '@') { const [, name = '', , ...value] = words(line); header.push([name, value.join(' ')]); }
    else if (kind === '*') names = words(line.slice(1));
    else if (kind === '$' || kind === '#' || !line.trim()) continue;
    else {
      const row = words(line);
      if (names.length && row.length !== names.length) skipped += 1;
      else if (rows.push(row) >= MAX_ROWS) break;
    }
  }
  return made('TFS', names, rows, header, skipped, cut);
}

function separated(text, delimiter, cut) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  const put = () => { row.push(cell); cell = ''; };
  const end = () => { put(); if (row.length > 1 || row[0].trim()) rows.push(row); row = []; };
  for (let at = 0; at < text.length && rows.length <= MAX_ROWS; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += '"'; at += 1; } else quoted = false;
    } else if (letter === '"' && !cell.trim()) { quoted = true; cell = ''; }
    else if (letter === delimiter) put();
    else if (letter === '\n') end();
    else if (letter !== '\r') cell += letter;
  }
  if (cell || row.length) end();
  const comments = [];
  while (rows.length && rows[0][0].startsWith('#') && rows[1] && rows[0].length < rows[1].length) comments.push(['#', rows.shift().join(delimiter).slice(1).trim()]);
  const first = rows[0] ?? [];
  const named = first.length > 0 && first.every((word) => { const value = toNumber(word.replace(/^#/, '')); return value === undefined || (word.trim() === ''); });
  const names = named ? rows.shift().map((word, at) => (at ? word : word.replace(/^#\s*/, ''))) : [];
  return made(delimiter === '\t' ? 'TSV' : 'CSV', names, rows, comments, 0, cut);
}

function spaced(text, cut) {
  const header = [], rows = [];
  let comment = [], names = [], width = 0, skipped = 0;
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    if (/^\s*[#%!]/.test(line)) {
      const said = line.replace(/^\s*[#%!]+/, '').trim();
      if (!rows.length && said) { comment = words(said); if (header.length < 200) header.push(['#', said]); }
      continue;
    }
    const row = words(line);
    if (!rows.length && row.every((word) => toNumber(word) === undefined)) { names = row; continue; }
    width ||= row.length;
    if (row.length !== width) { skipped += 1; continue; }
    if (rows.push(row) >= MAX_ROWS) break;
  }
  // a comment in front that has as many words as there are columns names them
  if (names.length !== width) names = named(comment, width);
  return made('', names, rows, header, skipped, cut);
}

// `s [m] beta_x [m]` are two names with their units, where that fits
function named(comment, width) {
  const joined = comment.reduce((list, word) => (/^[[(].*[\])]$/.test(word) && list.length ? [...list.slice(0, -1), `${list.at(-1)} ${word}`] : [...list, word]), []);
  return [joined, comment].find((list) => list.length === width) ?? [];
}

/** The order of the rows by a column: what is no number comes last, whichever way. */
export function order(/** @type {Column} */ column, /** @type {number} */ rows, /** @type {boolean} */ down) {
  const index = Array.from({ length: rows }, (_, n) => n), sign = down ? -1 : 1;
  if (column.numeric) {
    const values = /** @type {Float64Array} */ (column.values);
    return index.sort((a, b) => {
      const left = values[a], right = values[b];
      if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a - b;
      return sign * (left - right) || a - b;
    });
  }
  const values = /** @type {string[]} */ (column.values), compare = new Intl.Collator('en', { numeric: true }).compare;
  return index.sort((a, b) => sign * compare(values[a], values[b]) || a - b);
}
