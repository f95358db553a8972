/** What can be done with simulations, one or many: each is shown at once, done on the server, and taken back where that failed. */
import { api } from './api.js';
import { go } from './route.js';
import { dropSimulation, dropSimulations, putSimulation, putSimulations } from './store.js';
import { complain, dismiss, toast } from './toasts.js';
import { t } from './texts.js';

const AT_ONCE = 6;

/**
 * Does it for each, a few at a time; answers what failed.
 * @template T
 * @param {T[]} list
 * @param {(one: T) => Promise<unknown>} run
 */
async function each(list, run) {
  const left = [...list], failed = /** @type {{ one: T, error: any }[]} */ ([]);
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      try {
        await run(one);
      } catch (error) {
        failed.push({ one, error });
      }
    }
  }));
  return failed;
}

/** Says what goes on where there is much to do; answers what ends that. */
function working(/** @type {string} */ key, /** @type {number} */ count) {
  if (count < 20) return () => {};
  const id = toast(t(key, { count }), { ms: 600_000 });
  return () => dismiss(id);
}

/** Puts them into the bin; the bin is the server's, so Undo is only the shortest way back. @param {any[]} list */
export async function remove(list) {
  dropSimulations(list.map((sim) => sim.id));
  const done = working('sims.deleting', list.length);
  const failed = await each(list, (sim) => api.deleteSimulation(sim.id));
  done();
  const gone = failed.filter(({ error }) => error.status === 404).map(({ one }) => one);
  const kept = failed.filter(({ one }) => !gone.includes(one));
  if (kept.length) {
    putSimulations(kept.map(({ one }) => one));
    toast(t('sims.delete.busy', { name: kept[0].one.name, count: kept.length, detail: kept[0].error.detail ?? '' }), { kind: 'bad' });
  }
  const binned = list.filter((sim) => !failed.some(({ one }) => one === sim));
  if (binned.length) {
    toast(t('sims.deleted', { name: binned[0].name, count: binned.length }), { action: { text: t('common.undo'), run: () => restore(binned) } });
  }
}

/** Takes them back from the bin. @param {any[]} list */
export async function restore(list) {
  const back = /** @type {any[]} */ ([]);
  const done = working('sims.restoring', list.length);
  const failed = await each(list, async (sim) => { back.push(await api.restoreSimulation(sim.id)); });
  done();
  putSimulations(back);
  if (failed.length) complain(failed[0].error);
  return back;
}

/** Puts one into the bin, from wherever it is looked at. */
export const deleteSoon = (/** @type {any} */ simulation) => remove([simulation]);

/** @param {any} simulation */
export async function copySimulation(simulation) {
  try {
    const copy = await api.copySimulation(simulation.id);
    putSimulation(copy);
    toast(t('sims.copied', { name: copy.name }), { action: { text: t('common.open'), run: () => go('simulations', copy.id) } });
    return copy;
  } catch (error) {
    complain(error);
    return null;
  }
}

/**
 * Changes name, folder or tags of each: at once here, then on the server.
 * @param {any[]} list
 * @param {(sim: any) => { name?: string, folder?: string, tags?: string[] } | null} changes of one; null for none
 */
export async function change(list, changes) {
  const wanted = list.map((sim) => ({ sim, what: changes(sim) })).filter(({ what }) => what);
  putSimulations(wanted.map(({ sim, what }) => ({ id: sim.id, ...what })));
  const failed = await each(wanted, async ({ sim, what }) => { putSimulation(await api.changeSimulation(sim.id, '', what)); });
  if (!failed.length) return true;
  putSimulations(failed.map(({ one }) => one.sim));
  for (const { one, error } of failed) if (error.status === 404) dropSimulation(one.sim.id);
  complain(failed[0].error);
  return false;
}

/** Moves them to a folder, and says so with a way back. @param {any[]} list @param {string} folder */
export async function move(list, folder) {
  const moving = list.filter((sim) => sim.folder !== folder);
  if (!moving.length) return;
  const before = new Map(moving.map((sim) => [sim.id, sim.folder]));
  if (!(await change(moving, () => ({ folder })))) return;
  toast(t(folder ? 'sims.moved' : 'sims.moved.out', { name: moving[0].name, count: moving.length, folder }), {
    action: { text: t('common.undo'), run: () => change(moving, (sim) => ({ folder: before.get(sim.id) ?? '' })) },
  });
}

/** Saves each as a zip, one after another. @param {any[]} list */
export async function save(list) {
  const failed = await each(list, async (sim) => {
    const blob = await api.exportSimulation(sim.id);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    // what a file may not be called on some system becomes _, as the server has it
    link.download = `${sim.name.replace(/[\x00-\x1f\x7f<>:"/\\|?*]+/g, '_').slice(0, 100)}.zip`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  if (failed.length) complain(failed[0].error);
}

/** Makes a simulation of each zip; answers those that were made. @param {File[]} files */
export async function take(files) {
  const made = /** @type {any[]} */ ([]);
  for (const file of files) {
    try {
      const simulation = await api.importSimulation(file);
      putSimulation(simulation);
      made.push(simulation);
    } catch (error) {
      toast(t('sims.import.failed', { name: file.name, detail: error.detail ?? String(error) }), { kind: 'bad' });
    }
  }
  if (made.length) {
    toast(t('sims.imported', { name: made[0].name, count: made.length }), made.length === 1 ? { action: { text: t('common.open'), run: () => go('simulations', made[0].id) } } : {});
  }
  return made;
}
