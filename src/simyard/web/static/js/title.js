/** The title of the page's tab and its small picture: what the page is, and how the run is getting on that it shows. */
import { effect, signal, untracked } from './lib.js';
import { route } from './route.js';
import { named } from './runlist.js';
import { isFinal } from './states.js';
import { runs } from './store.js';
import { t } from './texts.js';

/** The address of the small picture in a state: "" at rest, busy, good or bad. */
const picture = (/** @type {string} */ kind) => new URL(`../icon${kind && '-'}${kind}.svg`, import.meta.url).href;

const base = signal('');
/** The long run that the page showed last, as it was; and what is to be told of its end until somebody looks. */
let followed = /** @type {any} */ (null);
const told = signal(/** @type {{ mark: string, kind: string, run: any } | null} */ (null));

/** Says what the page is: “ring”, “Runs”. */
export function setTitle(/** @type {string} */ text) {
  base.value = text;
}

/**
 * The newest active long run of what an address shows: of a simulation, or the run itself.
 * @param {string[]} path
 * @param {Iterable<any>} list
 */
export function runOf([place, id], list) {
  let found = /** @type {any} */ (null);
  if (!id) return null;
  for (const run of list) {
    const shown = place === 'runs' ? run.id === id : place === 'simulations' && run.simulation === id;
    if (shown && run.kind === 'long' && !isFinal(run) && !(found?.id > run.id)) found = run;
  }
  return found;
}

/** “● 40 % Track · ring” */
export function progressTitle(run, name) {
  const fraction = run.progress?.fraction;
  const percent = run.state === 'running' && fraction != null ? ` ${Math.floor(fraction * 100)} %` : '';
  return `●${percent} ${name}`;
}

const nameOf = (run) => {
  const { model, title } = named(run);
  return [model, title].filter(Boolean).join(' · ');
};

effect(() => {
  const run = runOf(route.value.path, runs.value.values());
  untracked(() => {
    const was = followed && runs.value.get(followed.id);
    // it has ended while nobody looked: that stays until somebody does
    if (was && isFinal(was) && document.hidden && was.state !== 'canceled') told.value = { mark: was.state === 'completed' ? '✓' : '✗', kind: was.state === 'completed' ? 'good' : 'bad', run: was };
    followed = run;
  });
});

effect(() => {
  const run = runOf(route.value.path, runs.value.values()), end = told.value;
  const words = run ? progressTitle(run, nameOf(run)) : end ? `${end.mark} ${nameOf(end.run)}` : base.value;
  document.title = words ? `${words} · ${t('app.name')}` : t('app.name');
  show(run ? 'busy' : end?.kind ?? '');
});

function show(/** @type {string} */ kind) {
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel=icon]'));
  if (!icon || (icon.dataset.kind ?? '') === kind) return;
  icon.dataset.kind = kind;
  icon.href = picture(kind);
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) told.value = null; });
