/** Order among simulations: what a search finds, folders as a tree, tags with their counts, and the sorts. Pure functions. */

/**
 * @typedef {{ id: string, name: string, code: string, folder: string, tags: string[], updated: string, created: string, deleted: string | null, etag: string }} Sim
 * @typedef {{ path: string, name: string, depth: number, count: number }} Folder
 * @typedef {{ folder?: string, tags?: string[], words?: string[] }} Wanted
 */

/** What is typed into a search, as words in lower case: each must be found. */
export const wordsOf = (/** @type {string} */ text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether a simulation is in that folder, or in one within it. */
export const isIn = (/** @type {Sim} */ sim, /** @type {string} */ folder) => !folder || sim.folder === folder || sim.folder?.startsWith(folder + '/');

/**
 * The simulations that are wanted.
 * @param {Sim[]} list
 * @param {Wanted} wanted
 * @param {(sim: Sim) => string} more what else belongs to it: its code's title, notes on its runs
 */
export function found(list, { folder = '', tags = [], words = [] }, more) {
  return list.filter((sim) => {
    if (!isIn(sim, folder) || !tags.every((tag) => sim.tags?.includes(tag))) return false;
    if (!words.length) return true;
    const text = `${sim.name} ${sim.code} ${sim.folder} ${(sim.tags ?? []).join(' ')} ${more(sim)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const STATES = ['running', 'starting', 'canceling', 'pending', 'failed', 'lost', 'completed', 'canceled', ''];

/** Two times (or ids) as text, the newer first; what has none comes last. */
const newer = (one = '', other = '') => (one === other ? 0 : one < other ? 1 : -1);

/** By what the list can be sorted: (a, b, last) where `last(sim)` is its last run. */
const SORTS = {
  changed: (a, b) => newer(a.updated, b.updated),
  name: (a, b) => names.compare(a.name, b.name),
  run: (a, b, last) => newer(last(a)?.id, last(b)?.id),
  state: (a, b, last) => STATES.indexOf(last(a)?.state ?? '') - STATES.indexOf(last(b)?.state ?? ''),
};

export const SORT_NAMES = Object.keys(SORTS);

/**
 * Sorted, and where that says nothing the one that was changed last comes first.
 * @param {Sim[]} list
 * @param {string} sort
 * @param {(sim: Sim) => any} last
 */
export function sorted(list, sort, last) {
  const by = SORTS[sort] ?? SORTS.changed;
  return [...list].sort((a, b) => by(a, b, last) || newer(a.updated, b.updated) || newer(a.id, b.id));
}

/** The folders, each before those within it, with how many simulations are in it and within. @param {Sim[]} list */
export function foldersOf(list) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { folder } of list) {
    if (!folder) continue;
    const parts = folder.split('/');
    for (let at = 1; at <= parts.length; at += 1) {
      const path = parts.slice(0, at).join('/');
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  // by their parts: "a b" must not come between "a" and "a/c"
  const order = [...counts.keys()].map((path) => path.split('/')).sort((a, b) => {
    for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
      const by = names.compare(a[at], b[at]) || (a[at] < b[at] ? -1 : a[at] > b[at] ? 1 : 0);
      if (by) return by;
    }
    return a.length - b.length;
  });
  return order.map((parts) => ({ path: parts.join('/'), name: parts[parts.length - 1], depth: parts.length - 1, count: counts.get(parts.join('/')) ?? 0 }));
}

/** The tags, the most used first: [[tag, count]]. @param {Sim[]} list */
export function tagsOf(list) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { tags } of list) for (const tag of tags ?? []) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || names.compare(a[0], b[0]));
}

/** A folder as the server keeps it: no slashes around it, no spaces around a name. */
export const folderName = (/** @type {string} */ text) => text.split('/').map((part) => part.trim()).filter(Boolean).join('/');
