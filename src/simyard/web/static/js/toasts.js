/** Short words at the edge of the page, each gone by itself; one may carry an action such as Undo. */
import { signal } from './lib.js';

/** [{id, text, kind, action: {text, run}}] */
export const toasts = signal([]);
let count = 0;

/**
 * Shows a text; `kind` is "" or "bad". What is bad, or can be acted on, stays longer. Answers its id.
 * @param {string} text
 * @param {{kind?: string, action?: {text: string, run: () => void} | null, ms?: number}} options
 */
export function toast(text, { kind = '', action = null, ms = kind === 'bad' || action ? 9000 : 4000 } = {}) {
  const id = ++count;
  toasts.value = [...toasts.value.filter((one) => one.text !== text).slice(-3), { id, text, kind, action }];
  setTimeout(() => leave(id), ms);
  return id;
}

// one that is read, or has the focus, stays
function leave(id) {
  if (document.querySelector('.toasts:hover, .toasts:focus-within')) setTimeout(() => leave(id), 1500);
  else dismiss(id);
}

export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Shows what went wrong with something that the user asked for. */
export const complain = (error) => toast(error.detail ?? String(error), { kind: 'bad' });
