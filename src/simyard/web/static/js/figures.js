/** The figures of reports: asked for once, kept while they are likely to be looked at again, stale answers dropped. */
import { api } from './api.js';
import { pushed } from './store.js';

const KEPT = 96;
const kept = new Map();

const key = (run, report, frame) => `${run}/${report}/${frame}`;

/** The figure if it is here already. A report without frames of a run that goes on may change, and is not kept. */
export const have = (run, report, frame) => kept.get(key(run, report, frame)) ?? (frame < 0 ? pushed.get(`${run}/${report}`) : undefined);

/** The figure of a report (frame −1: of one without frames). `keep`: it cannot change any more. */
export async function figure(run, report, frame, { keep, abort }) {
  const here = have(run, report, frame);
  if (here) return here;
  const got = await api.report(run, report, frame, abort);
  if (keep) {
    kept.set(key(run, report, frame), got);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return got;
}
