/** A code's picture: its own, or one that follows from its name alone, the same everywhere. */
import { cls, html, useState } from '../lib.js';

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619) >>> 0;
  return value;
}

/** Pairs without a common divisor: the curve fills its box. */
/** @type {[number, number][]} */
const PAIRS = [[2, 3], [3, 4], [3, 5], [4, 5], [5, 6], [2, 5]];

/** A Lissajous figure turned by `turn`: `d` of a path in a 200 × 100 box. */
function curve([a, b], turn) {
  let path = '';
  for (let step = 0; step <= 240; step += 1) {
    const angle = (step / 240) * 2 * Math.PI;
    const x = 100 + 96 * Math.sin(a * angle + turn), y = 50 + 34 * Math.sin(b * angle);
    path += `${step ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}

/**
 * A code's own picture, or the curve of its name.
 * @param {{ name: string, src?: string, faint?: boolean }} props
 */
export function Picture({ name, src = '', faint = false }) {
  const [broken, setBroken] = useState('');
  if (src && broken !== src) return html`<img class=${cls('picture', faint && 'faint')} src=${src} alt="" width="720" height="300" loading="lazy" decoding="async" draggable=${false} onError=${() => setBroken(src)} />`;
  const seed = hash(name);
  const tone = seed % 6;
  return html`
    <svg class=${cls('picture', `tone-${tone}`, faint && 'faint')} viewBox="0 0 200 100" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      ${[0, 1, 2, 3].map((at) => html`<path key=${at} class=${`stroke-${at}`} d=${curve(PAIRS[(seed >>> 5) % PAIRS.length], 0.5 + ((seed >>> 9) % 5) / 10 + at * 0.14)} />`)}
    </svg>`;
}
