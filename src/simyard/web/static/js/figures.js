/** The figures of reports: asked for once, kept while they are likely to be looked at again, stale answers dropped. */
import { api } from './api.js';
import { pushed } from './store.js';

const KEPT = 96;
const kept = new Map();
/** What is being asked for: name → {promise, waiting, cut}. Who wants the same joins in; it is cut off when nobody waits any more. */
const flying = new Map();

const key = (run, report, frame) => `${run}/${report}/${frame}`;

/** The figure if it is here already. A report without frames of a run that goes on may change, and is not kept. */
export const have = (run, report, frame) => kept.get(key(run, report, frame)) ?? (frame < 0 ? pushed.get(`${run}/${report}`) : undefined);

/** The figure of a report (frame −1: of one without frames). `keep`: it cannot change any more. */
export async function figure(run, report, frame, { keep, abort }) {
  const here = have(run, report, frame);
  if (here) return here;
  const name = key(run, report, frame);
  const flight = flying.get(name) ?? depart(name, run, report, frame);
  const leave = () => {
    flight.waiting -= 1;
    if (flight.waiting) return;
    flying.delete(name);
    flight.cut.abort();
  };
  flight.waiting += 1;
  abort?.addEventListener('abort', leave, { once: true });
  try {
    const got = await flight.promise;
    if (keep) {
      kept.set(name, got);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    }
    return got;
  } finally {
    abort?.removeEventListener('abort', leave);
  }
}

function depart(name, run, report, frame) {
  const cut = new AbortController();
  const flight = { waiting: 0, cut, promise: null };
  flight.promise = api.report(run, report, frame, cut.signal).finally(() => { if (flying.get(name) === flight) flying.delete(name); });
  flying.set(name, flight);
  return flight;
}
