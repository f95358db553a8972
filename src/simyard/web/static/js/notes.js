/** What a user does with runs that are over: pin, name, note, delete. Other windows hear of it from the server. */
import { api } from './api.js';
import { dropRuns, putRuns } from './store.js';
import { t } from './texts.js';
import { complain, toast } from './toasts.js';

const AT_ONCE = 4;

/** Changes what is written on a run; whether it was. @param {any} run @param {{name?: string, note?: string, pinned?: boolean}} what */
export async function note(run, what) {
  try {
    putRuns([await api.changeRun(run.id, what)]);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

/** Deletes runs that are over, a few at a time; complains of the first that could not be. @param {any[]} runs */
export async function deleteRuns(runs) {
  const left = [...runs], done = /** @type {string[]} */ ([]);
  let problem = /** @type {any} */ (null);
  const work = async () => {
    for (let run = left.shift(); run; run = left.shift()) {
      try {
        await api.deleteRun(run.id);
        done.push(run.id);
      } catch (error) {
        if (error.status === 404) done.push(run.id); // another window was faster
        else problem ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  dropRuns(done);
  if (problem) complain(problem);
  if (done.length) toast(t('history.deleted', { count: done.length }));
  return done;
}
