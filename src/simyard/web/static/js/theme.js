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

/** The colours that CSS gives its custom properties, computed: a plot cannot read `light-dark()`. */
export function colours(...names) {
  const probe = document.createElement('span');
  document.body.append(probe);
  const found = names.map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return found;
}
