/** What differs between two texts, line by line. */

/** Beyond so many comparisons the middle is told as a whole: a table of them would hold up the page. */
const MOST = 2_000_000;

/** @typedef {{kind: '=' | '-' | '+', text: string}} Line */

/** The lines of both texts in order: kept, gone, new. @param {string} before @param {string} after @returns {Line[]} */
export function lineDiff(before, after) {
  const a = before.split('\n'), b = after.split('\n');
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const line = (kind) => (text) => ({ kind, text });
  return [
    ...a.slice(0, head).map(line('=')),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(line('=')),
  ];
}

/** By the longest common subsequence. @param {string[]} a @param {string[]} b @returns {Line[]} */
function middle(a, b) {
  if (a.length * b.length > MOST) return [...a.map((text) => /** @type {Line} */ ({ kind: '-', text })), ...b.map((text) => /** @type {Line} */ ({ kind: '+', text }))];
  const width = b.length + 1, length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      length[i * width + j] = a[i] === b[j] ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const found = /** @type {Line[]} */ ([]);
  let i = 0, j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) { found.push({ kind: '=', text: a[i] }); i += 1; j += 1; } else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) { found.push({ kind: '-', text: a[i] }); i += 1; } else { found.push({ kind: '+', text: b[j] }); j += 1; }
  }
  while (i < a.length) { found.push({ kind: '-', text: a[i] }); i += 1; }
  while (j < b.length) { found.push({ kind: '+', text: b[j] }); j += 1; }
  return found;
}

/** Without what is far from any difference: `null` stands for lines that are left out. @param {Line[]} lines @returns {(Line | null)[]} */
export function excerpt(lines, around = 2) {
  const near = new Set();
  lines.forEach(({ kind }, at) => { if (kind !== '=') for (let i = at - around; i <= at + around; i += 1) near.add(i); });
  const found = /** @type {(Line | null)[]} */ ([]);
  lines.forEach((line, at) => {
    if (near.has(at)) found.push(line);
    else if (found[found.length - 1] !== null) found.push(null);
  });
  return found;
}
