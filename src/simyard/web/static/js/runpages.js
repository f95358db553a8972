/** Runs beyond the newest, page by page as they are looked for, together with what the event stream tells of them. */
import { api } from './api.js';
import { runs } from './store.js';
import { useEffect, useMemo, useRef, useState } from './lib.js';

/** Runs a page; pages that are looked through by themselves while too few are found. */
const PAGE = 200, LOOK = 5;
/** The store forgets beyond this: only below it is what vanished from it known to be deleted. */
const STORE = 1000;

/**
 * `values`: what the server filters by {simulation, code, model, state}. Answers {runs, end, loading, error, more, retry, drop}.
 * @param {{ simulation?: string, code?: string, model?: string, state?: string }} values
 */
export function useRunPages(values) {
  const key = JSON.stringify(values);
  const pages = useRef({ key: '', found: /** @type {Map<string, any>} */ (new Map()), cursor: /** @type {string | null} */ (null), busy: false, count: 0 });
  const [, redraw] = useState(0);
  const [error, setError] = useState(/** @type {any} */ (null));
  const mine = pages.current;
  if (mine.key !== key) Object.assign(mine, { key, found: new Map(), cursor: null, busy: false, count: 0 });

  const load = async () => {
    if (mine.busy || mine.cursor === '') return;
    mine.busy = true;
    setError(null);
    try {
      const page = await api.runs({ ...values, limit: PAGE, cursor: mine.cursor ?? '' });
      if (mine.key !== key) return; // other filters by now: theirs is on its way
      for (const run of page.items) mine.found.set(run.id, run);
      mine.cursor = page.cursor ?? '';
      mine.count += 1;
    } catch (problem) {
      if (mine.key === key) setError(problem);
    } finally {
      if (mine.key === key) mine.busy = false;
      redraw((n) => n + 1);
    }
  };
  useEffect(() => { load(); }, [key]);

  const store = runs.value, before = useRef(store);
  const list = useMemo(() => {
    if (before.current.size < STORE) for (const id of before.current.keys()) if (!store.has(id)) mine.found.delete(id);
    before.current = store;
    const all = new Map(mine.found);
    for (const run of store.values()) {
      const known = all.get(run.id);
      if (!known || known.revision <= run.revision) all.set(run.id, run);
    }
    return [...all.values()];
  }, [store, mine.found.size, mine.count, key]);

  return {
    runs: list, error, end: mine.cursor === '', first: mine.cursor === null && !error, canLook: mine.count < LOOK, more: load,
    drop: (ids) => { for (const id of ids) mine.found.delete(id); redraw((n) => n + 1); },
  };
}
