/** Short words at the edge of the page, each gone by itself; one may carry an action such as Undo. */
import { signal } from './lib.js';

/** [{id, text, kind, action: {text, run}}] */
export const toasts = signal([]);
let count = 0;

/** Shows a text; `kind` is "" or "bad". Answers its id. */
export function toast(text, { kind = '', action = null, ms = kind === 'bad' ? 9000 : 4000 } = {}) {
  const id = ++count;
  toasts.value = [...toasts.value.filter((one) => one.text !== text).slice(-3), { id, text, kind, action }];
  setTimeout(() => dismiss(id), ms);
  return id;
}

export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Shows what went wrong with something that the user asked for. */
export const complain = (error) => toast(error.detail ?? String(error), { kind: 'bad' });
