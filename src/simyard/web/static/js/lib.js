/** The page's tools in one place: Preact's hooks, htm bound to Preact, and signals. */
import { h, render } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { render };
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/preact-hooks.js';
export { batch, computed, effect, signal, untracked } from '../vendor/signals-core.js';
export { useComputed, useSignal, useSignalEffect } from '../vendor/signals.js';

/** Markup as a tagged template. What is put in as a value becomes a text node or an attribute, never markup. */
export const html = htm.bind(h);

/** Calls `run` once, `ms` (or what the call says) after the last call; `cancel` forgets it, `flush` runs it now if it is due. */
export function debounce(run, ms) {
  let timer = 0;
  const later = (pause = ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; run(); }, pause);
  };
  later.cancel = () => { clearTimeout(timer); timer = 0; };
  later.flush = () => { if (timer) { later.cancel(); run(); } };
  return later;
}

/** A class attribute from what is true. */
export const cls = (...names) => names.filter(Boolean).join(' ');
