/** How it stands with what a simulation takes from others, asked for again when something has happened that may change it. */
import { api } from './api.js';
import { useEffect, useMemo, useSignal } from './lib.js';
import { isSource } from './source.js';
import { news, runs } from './store.js';

/** Milliseconds after which it is asked again: runs come in bursts. */
const SOON = 200;

/** The newest end of any run that completed: what takes from runs may then be out of date. */
function lastEnd() {
  let last = '';
  for (const run of runs.value.values()) if (run.state === 'completed' && run.ended > last) last = run.ended;
  return last;
}

/**
 * How it stands with what this simulation takes from others, for runs of that model, by input; asked again when something is told that may
 * have changed it. It is kept in the draft, where the model's job looks at it as well.
 */
export function useSources(draft, /** @type {string} */ model) {
  const { id, inputs } = draft.simulation.value;
  const wanted = JSON.stringify(Object.entries(inputs).filter(([, value]) => isSource(value)));
  const other = useSignal(0);
  const told = news.value;
  // what was saved here is no news of a source
  useEffect(() => { if (told && told.id !== id) other.value += 1; }, [told]);
  const key = wanted === '[]' ? '' : [wanted, model, lastEnd(), draft.taken.value, other.value].join();
  useEffect(() => {
    if (!key) { draft.sources.value = { model, items: [] }; return undefined; }
    let left = false;
    const timer = setTimeout(async () => {
      try {
        const { items } = await api.sources(id, model);
        if (!left) draft.sources.value = { model, items };
      } catch { /* the supervisor is away, which is said elsewhere: what was known stays */ }
    }, draft.sources.peek().items.length ? SOON : 0);
    return () => { left = true; clearTimeout(timer); };
  }, [key]);
  const { items } = draft.sources.value;
  return useMemo(() => Object.fromEntries(items.map((one) => [one.input, one])), [items]);
}
