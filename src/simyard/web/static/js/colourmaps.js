/** Colour maps of heat maps: those that colour-blind people can read too, the reader's choice among them, and tables of 256 colours. */
import { signal } from './lib.js';

/** @typedef {[number, string][]} Stops */
const spread = (/** @type {string} */ text) => /** @type {Stops} */ (text.split(' ').map((colour, at, all) => [at / (all.length - 1), `#${colour}`]));

/** @type {Record<string, Stops>} */
export const MAPS = {
  viridis: spread('440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725'),
  cividis: spread('00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838'),
  magma: spread('000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf'),
  greys: spread('0b0b0b 3c3c3c 6b6b6b 9a9a9a cacaca fafafa'),
  // blue to brown through near white (vik): its middle belongs where the values change their sign
  diverging: spread('001261 033e7d 1e6f9d 71a8c4 c9dde7 f2ece7 eacebd d39774 be6533 8b2706 590008'),
};

const KEY = 'simyard.colours';
const stored = localStorage.getItem(KEY) ?? '';
/** The reader's choice: a name in MAPS, or "" for what each figure says. */
export const chosenMap = signal(stored in MAPS ? stored : '');

export function chooseMap(/** @type {string} */ name) {
  chosenMap.value = name;
  if (name) localStorage.setItem(KEY, name);
  else localStorage.removeItem(KEY);
}

const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

/** @type {Map<string, Uint32Array>} */
const tables = new Map();

/**
 * 256 colours as the pixels of an ImageData.
 * @param {Stops} stops positions 0 … 1 and CSS colours
 * @param {boolean} reversed
 */
export function table(stops, reversed = false) {
  const name = JSON.stringify([stops, reversed]);
  let found = tables.get(name);
  if (!found && probe) {
    probe.canvas.width = 256;
    probe.canvas.height = 1;
    const fill = probe.createLinearGradient(0.5, 0, 255.5, 0);
    for (const [at, colour] of stops) fill.addColorStop(Math.min(1, Math.max(0, reversed ? 1 - at : at)), colour);
    probe.clearRect(0, 0, 256, 1);
    probe.fillStyle = fill;
    probe.fillRect(0, 0, 256, 1);
    found = new Uint32Array(probe.getImageData(0, 0, 256, 1).data.buffer.slice(0));
    if (tables.size > 32) tables.clear();
    tables.set(name, found);
  }
  return found ?? new Uint32Array(256);
}

const COLOURED = new Set(['heatmap', 'contour', 'histogram2d', 'histogram2dcontour', 'surface', 'mesh3d', 'isosurface', 'volume', 'cone', 'streamtube']);

/** Whether a choice of a colour map makes a difference to that figure. */
export const isColoured = (/** @type {any} */ figure) => (figure.data ?? []).some((/** @type {any} */ trace) => COLOURED.has(trace.type));

/**
 * The figure in that colour map ("": its own).
 * @param {any} figure
 * @param {string} name
 */
export function recoloured(figure, name) {
  const colorscale = MAPS[name];
  if (!colorscale || !isColoured(figure)) return figure;
  const axes = Object.fromEntries(Object.entries(figure.layout ?? {}).filter(([key]) => /^coloraxis\d*$/.test(key)).map(([key, axis]) => [key, { ...axis, colorscale, reversescale: false, autocolorscale: false }]));
  return {
    ...figure,
    data: figure.data.map((/** @type {any} */ trace) => (COLOURED.has(trace.type) ? { ...trace, colorscale, reversescale: false, autocolorscale: false } : trace)),
    layout: { ...figure.layout, ...axes },
  };
}
