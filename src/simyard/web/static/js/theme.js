/** Dark or light: as the system says, unless the user has chosen. */
import { computed, effect, signal } from './lib.js';

const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);
system.addEventListener('change', () => { systemDark.value = system.matches; });

const KEY = 'simyard.theme';
/** auto, light or dark */
export const theme = signal(localStorage.getItem(KEY) ?? 'auto');
export const dark = computed(() => (theme.value === 'auto' ? systemDark.value : theme.value === 'dark'));

export function nextTheme() {
  theme.value = { auto: 'light', light: 'dark', dark: 'auto' }[theme.value] ?? 'auto';
  localStorage.setItem(KEY, theme.value);
}

effect(() => {
  if (theme.value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** @type {Map<string, string[]>} */
const known = new Map();

/** The colours that CSS gives its custom properties, computed: a plot cannot read `light-dark()`. They are looked up once for each
 * theme, and all together: for an answer in the midst of a change the browser works out the styles of the whole page. */
export function colours(...names) {
  const key = [document.documentElement.dataset.theme ?? system.matches, ...names].join();
  const found = known.get(key) ?? lookUp(names);
  known.set(key, found);
  return found;
}

/** @param {string[]} names */
function lookUp(names) {
  const box = document.createElement('span');
  box.append(...names.map((name) => {
    const probe = document.createElement('span');
    probe.style.color = `var(${name})`;
    return probe;
  }));
  document.body.append(box);
  const found = [...box.children].map((probe) => getComputedStyle(probe).color);
  box.remove();
  return found;
}

let family = '';

/** The page's letters. */
export function font() {
  family ||= getComputedStyle(document.body).fontFamily;
  return family;
}
