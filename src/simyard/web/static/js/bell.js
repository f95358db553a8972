/** What has ended since somebody looked: long runs only, kept in the browser, the same in every tab. */
import { api } from './api.js';
import { computed, effect, signal, untracked } from './lib.js';
import { seconds } from './format.js';
import { link } from './route.js';
import { named } from './runlist.js';
import { isFinal } from './states.js';
import { runs } from './store.js';
import { t } from './texts.js';

const KEY = 'simyard.bell';
/** Ends that are listed, and those that are remembered as read one by one. */
const LISTED = 30, READ = 100;

/** @typedef {{ seen: number | null, read: string[], tell: boolean }} Bell  `seen`: everything that ended before is read (server's time); null: never looked. */

/** @returns {Bell} */
function stored() {
  try {
    const { seen = null, read = [], tell = false } = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { seen: typeof seen === 'number' ? seen : null, read: Array.isArray(read) ? read.map(String) : [], tell: tell === true };
  } catch {
    return { seen: null, read: [], tell: false };
  }
}

export const bell = signal(stored());
addEventListener('storage', (event) => { if (event.key === KEY) bell.value = stored(); });

function keep(/** @type {Partial<Bell>} */ what) {
  bell.value = { ...bell.value, ...what };
  localStorage.setItem(KEY, JSON.stringify(bell.value));
}

/** What rings: an end that nobody asked for at that moment. */
const rings = (run) => run.kind === 'long' && isFinal(run) && run.state !== 'canceled' && Boolean(run.ended);

/** The newest ends and failures. */
export const news = computed(() => [...runs.value.values()].filter(rings).sort((a, b) => seconds(b.ended) - seconds(a.ended)).slice(0, LISTED));

export const isNew = (run) => bell.value.seen !== null && seconds(run.ended) > bell.value.seen && !bell.value.read.includes(run.id);

export const unread = computed(() => news.value.filter(isNew));

export function readAll() {
  if (!unread.value.length) return;
  keep({ seen: Math.max(bell.value.seen ?? 0, ...news.value.map((run) => seconds(run.ended))), read: [] });
}

export function readOne(run) {
  if (isNew(run)) keep({ read: [...bell.value.read, run.id].slice(-READ) });
}

/** Whether the browser may show its own: unknown to it, not yet asked, refused, or granted. */
export const permission = signal(typeof Notification === 'undefined' ? 'missing' : Notification.permission);

/** The browser is asked only when the user has switched it on here. */
export async function tell(/** @type {boolean} */ on) {
  if (on && permission.value === 'default') permission.value = await Notification.requestPermission();
  keep({ tell: on && permission.value === 'granted' });
}

/** “Track · ring” */
export const nameOf = (run) => {
  const { model, title, code } = named(run);
  return `${model} · ${title ?? code}`;
};

function notify(run) {
  if (!bell.value.tell || permission.value !== 'granted' || !document.hidden) return;
  // with the run as its tag two tabs are one notification
  const shown = new Notification(t(run.state === 'completed' ? 'bell.completed' : 'bell.failed', { name: nameOf(run) }), {
    tag: run.id, body: run.state === 'completed' ? '' : run.reason ?? '', icon: new URL('../icon.svg', import.meta.url).href,
  });
  shown.onclick = () => { window.focus(); location.hash = link('runs', run.id); shown.close(); };
}

const going = new Set();
effect(() => {
  const list = [...runs.value.values()];
  untracked(() => {
    for (const run of list) {
      if (!isFinal(run)) going.add(run.id);
      else if (going.delete(run.id) && rings(run)) notify(run);
    }
  });
});

/** Begins to listen: what has ended before the first visit is no news. */
export async function startBell() {
  if (bell.value.seen !== null) return;
  try {
    const { items } = await api.runs({ limit: 50 });
    if (bell.value.seen === null) keep({ seen: Math.max(0, ...items.filter((run) => run.ended).map((run) => seconds(run.ended))) });
  } catch { /* the supervisor is away: the next visit begins */ }
}
