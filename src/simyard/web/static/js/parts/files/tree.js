/** The files of a run as folders in folders: pure. */

/** @typedef {{ path: string, size: number, modified: string | null }} File */
/** @typedef {{ name: string, path: string, folders: Folder[], files: File[], size: number, count: number }} Folder */

const byName = new Intl.Collator('en', { numeric: true }).compare;

/** @param {File[]} files @returns {Folder} */
export function tree(files) {
  /** @type {Folder} */
  const root = { name: '', path: '', folders: [], files: [], size: 0, count: 0 };
  const made = new Map([['', root]]);
  const folder = (/** @type {string} */ path) => {
    const known = made.get(path);
    if (known) return known;
    const cut = path.lastIndexOf('/');
    /** @type {Folder} */
    const one = { name: path.slice(cut + 1), path, folders: [], files: [], size: 0, count: 0 };
    made.set(path, one);
    folder(path.slice(0, Math.max(0, cut))).folders.push(one);
    return one;
  };
  for (const file of files) {
    const cut = file.path.lastIndexOf('/');
    folder(file.path.slice(0, Math.max(0, cut))).files.push(file);
    for (let at = cut; at >= -1; at = at <= 0 ? -2 : file.path.lastIndexOf('/', at - 1)) {
      const one = folder(at > 0 ? file.path.slice(0, at) : '');
      one.size += file.size;
      one.count += 1;
      if (at <= 0) break;
    }
  }
  for (const one of made.values()) {
    one.folders.sort((a, b) => byName(a.name, b.name));
    one.files.sort((a, b) => byName(a.path, b.path));
  }
  return root;
}

/** Every file in the order in which an open tree shows it. */
export function inOrder(/** @type {Folder} */ folder) {
  return [...folder.folders.flatMap(inOrder), ...folder.files];
}

/** A name whose letters cannot turn the words around it: what only directs writing is made visible. */
export const safeName = (/** @type {string} */ name) => name.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\u0080-\u009f]/g, '\ufffd');
