/** Logarithmic axes: where a switch for them makes sense, what vanishes on one, and the figure with them. */
import { isArray } from '../../arrays.js';

/** Traces that are drawn as well on a logarithmic axis. */
const PLAIN = new Set(['scatter', 'scattergl', 'bar', 'box', 'violin']);

/** The share of the values that must have a logarithm for a switch to make sense: of what swings around zero half would vanish. */
const MOST = 0.75;

const axisName = (/** @type {string} */ letter, /** @type {any} */ trace) => {
  const named = trace[`${letter}axis`] ?? letter;
  return `${letter}axis${named.slice(1)}`;
};

/** Whether an axis is one that people read. @param {any} axis */
const isShown = (axis) => axis?.visible !== false && axis?.showticklabels !== false;

/**
 * The values that lie along the axes of one letter, where all of them are numbers; null where a logarithm would make no sense.
 * @param {any} figure @param {'x' | 'y'} letter
 */
function along(figure, letter) {
  const layout = figure.layout ?? {}, own = isLog(figure, letter);
  // of a plan both directions are measured alike
  if (Object.entries(layout).some(([key, axis]) => /^[xy]axis\d*$/.test(key) && axis?.scaleanchor)) return null;
  let positive = 0, lost = 0;
  for (const trace of figure.data ?? []) {
    if (!PLAIN.has(trace.type ?? 'scatter')) return null;
    const axis = layout[axisName(letter, trace)];
    if (!isShown(axis)) continue;
    if (axis?.type && axis.type !== 'linear' && axis.type !== 'log' && axis.type !== '-') return null;
    if (own && axis?.type !== 'log') continue;
    const values = trace[letter];
    if (!isArray(values)) continue; // counted from 0, 1, …
    for (const value of values) {
      if (value === null || value !== value) continue;
      if (typeof value !== 'number') return null;
      if (value > 0) positive += 1; else lost += 1;
    }
  }
  return positive && (own || positive >= MOST * (positive + lost)) ? { positive, lost } : null;
}

/** Whether that axis is logarithmic already. @param {any} figure @param {'x' | 'y'} letter */
export const isLog = (figure, letter) => Object.entries(figure.layout ?? {}).some(([key, axis]) => new RegExp(`^${letter}axis\\d*$`).test(key) && axis?.type === 'log');

/**
 * For x and y: {lost}: how many values a logarithmic axis does not show; null where there should be no switch.
 * @param {any} figure
 */
export function logarithms(figure) {
  return { x: along(figure, 'x'), y: along(figure, 'y') };
}

/**
 * The figure with its shown axes as the switches say; a switch that was not touched (undefined) leaves them as the figure has them.
 * @param {any} figure @param {{x?: boolean, y?: boolean}} switches
 */
export function withLogarithms(figure, switches) {
  const layout = { ...figure.layout };
  for (const letter of /** @type {const} */ (['x', 'y'])) {
    const on = switches[letter];
    if (on === undefined || on === isLog(figure, letter)) continue;
    const names = new Set([`${letter}axis`, ...(figure.data ?? []).map((/** @type {any} */ trace) => axisName(letter, trace))]);
    for (const name of names) {
      if (!isShown(layout[name])) continue;
      const { range, rangemode, dtick, tick0, tickvals, ticktext, tickmode, autorange, ...rest } = layout[name] ?? {};
      layout[name] = { ...rest, type: on ? 'log' : 'linear', ...(on ? { exponentformat: 'power', dtick: undefined } : {}), ...logRange(range, on) };
    }
  }
  return { ...figure, layout };
}

/** A range of one's own stays, where it has a logarithm. @param {any} range @param {boolean} on */
function logRange(range, on) {
  if (!Array.isArray(range)) return {};
  const turned = range.map((value) => (on ? Math.log10(value) : 10 ** value));
  return turned.every(Number.isFinite) ? { range: turned } : {};
}
