/** What figures need on a phone: a title in lines, which Plotly would cut, and a box seen from farther off, whose sides it would cut. */
import { plainText } from './csv.js';

/** Of a letter of a title, on average (pixels). */
const LETTER = 7.6;
const EDGE = 16;
/** A box of equal sides is as wide as it is high, with its labels. */
const AS_WIDE = 1.1;
/** A colour bar beside a box takes so much, and a title above it (pixels). */
const BAR = 80;
const TITLE = 48;
const CAMERA = { eye: { x: 1.25, y: 1.25, z: 1.25 }, up: { x: 0, y: 0, z: 1 }, center: { x: 0, y: 0, z: 0 } };

/**
 * The lines of a title where there are so many pixels (0: not known yet): parted at its “ · ”, and texts without tags between words.
 * @param {string} title
 * @param {number} width
 */
export function linesOf(title, width) {
  const most = Math.floor((width - EDGE) / LETTER);
  const fits = (/** @type {string} */ text) => plainText(text).length <= most;
  if (!width || /<br/i.test(title) || fits(title)) return [title];
  /** @type {string[]} */
  const lines = [];
  const add = (/** @type {string} */ text, /** @type {string} */ between) => {
    const longer = lines.length ? `${lines.at(-1)}${between}${text}` : text;
    if (lines.length && fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(text);
  };
  for (const part of title.split(' · ')) {
    if (fits(part) || part.includes('<')) add(part, ' · ');
    else part.split(' ').forEach((word, n) => add(word, n ? ' ' : ' · '));
  }
  return lines;
}

/**
 * The camera of a scene in such an element: what the figure says, or Plotly's own; as much farther off as it is too narrow.
 * @param {any} scene
 * @param {{clientWidth: number, clientHeight: number}} box
 */
export function cameraOf(scene, box) {
  const camera = { ...CAMERA, ...scene?.camera };
  const width = box.clientWidth - BAR;
  const farther = width > 0 ? Math.min(2, Math.max(1, (AS_WIDE * (box.clientHeight - TITLE)) / width)) : 1;
  const eye = Object.entries({ ...CAMERA.eye, ...camera.eye }).map(([side, at]) => [side, at * farther]);
  return { ...camera, eye: Object.fromEntries(eye) };
}
