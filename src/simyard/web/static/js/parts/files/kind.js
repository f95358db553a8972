/** What a file is, by how it begins and then by its name; and the ways in which it can be shown. */

/** @typedef {'text' | 'table' | 'json' | 'picture' | 'pdf' | 'hdf5' | 'numpy' | 'hex'} View */

const PICTURES = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', svg: 'image/svg+xml' };
const TABLES = new Set(['csv', 'tsv', 'tfs', 'tab']);
/** Text that is often columns of numbers. */
const MAYBE_TABLES = new Set(['dat', 'txt', 'out', 'asc', 'data', '']);
const HDF5 = new Set(['h5', 'hdf5', 'hdf', 'he5', 'nxs', 'nc', 'nc4', 'h5part']);

/** The end of a name, in small letters: `a/b.TXT` → `txt`. */
export function ending(/** @type {string} */ path) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
}

const begins = (/** @type {Uint8Array} */ head, /** @type {string} */ text, at = 0) => [...text].every((letter, n) => head[at + n] === letter.charCodeAt(0));

// HDF5 may stand behind a block of the user's own, at 512, 1024, 2048 … bytes
const isHdf5 = (/** @type {Uint8Array} */ head) => [0, 512, 1024, 2048].some((at) => begins(head, '\x89HDF\r\n\x1a\n', at));

/** The type by which a browser shows the picture; "" where it is none. SVG goes by its name: it is shown as a picture, never as a document. */
export function pictureType(/** @type {string} */ path, /** @type {Uint8Array} */ head) {
  if (begins(head, '\x89PNG\r\n\x1a\n')) return 'image/png';
  if (begins(head, '\xff\xd8\xff')) return 'image/jpeg';
  if (begins(head, 'GIF8')) return 'image/gif';
  if (begins(head, 'RIFF') && begins(head, 'WEBP', 8)) return 'image/webp';
  return ending(path) === 'svg' && isText(head) ? PICTURES.svg : '';
}

/** Whether these bytes are text: UTF-8, or at least without the control characters that text does not have. */
export function isText(/** @type {Uint8Array} */ head) {
  return !head.some((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27));
}

/** Whether a text looks like columns of numbers: most of its lines have as many words as the next, most of them numbers. */
export function looksLikeColumns(/** @type {string} */ text) {
  const lines = text.split('\n').slice(0, 60).filter((line) => line.trim() && !/^\s*[#%!*$@]/.test(line)).slice(1, -1);
  if (lines.length < 3) return false;
  const rows = lines.map((line) => line.trim().split(/[\s,;]+/));
  const width = rows[0].length;
  const even = rows.filter((row) => row.length === width).length / rows.length;
  const numbers = rows.flat().filter((word) => word !== '' && Number.isFinite(Number(word.replace(/[dD]([+-]?\d+)$/, 'e$1')))).length;
  return width > 1 && even > 0.9 && numbers / rows.flat().length > 0.6;
}

/**
 * The ways to show a file, the best first. `head`: its first bytes.
 * @param {string} path
 * @param {Uint8Array} head
 * @returns {View[]}
 */
export function viewsOf(path, head) {
  const end = ending(path);
  if (isHdf5(head) || (HDF5.has(end) && !isText(head.slice(0, 64)))) return ['hdf5', 'hex'];
  if (begins(head, '%PDF-')) return ['pdf', 'hex'];
  if (begins(head, '\x93NUMPY') || (end === 'npz' && begins(head, 'PK'))) return ['numpy', 'hex'];
  if (pictureType(path, head)) return end === 'svg' ? ['picture', 'text'] : ['picture', 'hex'];
  if (!isText(head)) return ['hex', 'text'];
  if (end === 'json') return ['json', 'text'];
  if (TABLES.has(end)) return ['table', 'text'];
  if (begins(head, '@ ') || (MAYBE_TABLES.has(end) && looksLikeColumns(new TextDecoder().decode(head)))) return ['table', 'text'];
  return end === 'log' || end === 'jsonl' ? ['text'] : ['text', 'table'];
}
