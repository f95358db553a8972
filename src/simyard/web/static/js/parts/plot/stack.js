/** Where there is little room, plots that stand side by side in one figure are put below each other. */

/** Below this many pixels nothing stands side by side. */
const NARROW = 560;
/** Between two plots are the words of an axis: such a share of the whole, over the number of plots. */
const WORDS = 0.3;
/** A legend above a plot, which elsewhere stands beside the title, takes so much more; one below leaves so much to the axis' words (pixels). */
const LEGEND = 28, BELOW = 64;
/** The share of a figure's height that is left to its plots, about. */
const PLOTS = 0.55;

const axesOf = (/** @type {any} */ layout, /** @type {'x' | 'y'} */ letter) =>
  Object.keys(layout).filter((key) => new RegExp(`^${letter}axis\\d*$`).test(key));
const idOf = (/** @type {string} */ key) => key.replace('axis', '');

/**
 * The columns of a figure from left to right: which x axes stand in each; null where it has but one, or they overlap.
 * @param {any} layout
 * @returns {{domain: number[], axes: string[]}[] | null}
 */
function columnsOf(layout) {
  /** @type {{domain: number[], axes: string[]}[]} */
  const columns = [];
  for (const key of axesOf(layout, 'x')) {
    const domain = layout[key].domain ?? [0, 1];
    const same = columns.find((one) => one.domain[0] === domain[0] && one.domain[1] === domain[1]);
    if (same) same.axes.push(key);
    else columns.push({ domain, axes: [key] });
  }
  columns.sort((a, b) => a.domain[0] - b.domain[0]);
  const apart = columns.every((one, n) => !n || columns[n - 1].domain[1] <= one.domain[0]);
  return columns.length > 1 && apart ? columns : null;
}

/** How many plots are below each other where there are so many pixels (0: not known yet). @param {any} layout @param {number} width */
export const panelsOf = (layout, width) => (width && width < NARROW && columnsOf(layout ?? {})?.length) || 1;

/**
 * Puts the columns of a layout of one's own below each other, where there are so many pixels; the first is on top. Each keeps
 * its ranges, and how its plots divide its height.
 * @param {any} layout it is changed
 * @param {number} width
 */
export function stack(layout, width) {
  const columns = panelsOf(layout, width) > 1 ? columnsOf(layout) : null;
  if (!columns) return;
  const below = new Map(columns.flatMap(({ axes }, n) => axes.map((key) => /** @type {const} */ ([idOf(key), n]))));
  const heights = axesOf(layout, 'y').map((key) => ({ key, n: below.get(layout[key].anchor ?? 'x') }));
  // one that is anchored to no plot (“free”) would lie across all of them
  if (heights.some(({ n }) => n === undefined)) return;
  const gap = WORDS / columns.length, height = (1 - (columns.length - 1) * gap) / columns.length;
  for (const { key, n } of heights) {
    const [low, high] = layout[key].domain ?? [0, 1];
    const bottom = 1 - height - Number(n) * (height + gap);
    layout[key].domain = [bottom + low * height, bottom + high * height];
  }
  for (const { axes } of columns) for (const key of axes) layout[key].domain = [0, 1];
}

/**
 * Moves a legend off what it would lie upon where there is little room: places of legends are shares of a height that is smaller now.
 * @param {any} layout it is changed; its margin is there
 * @param {{clientWidth: number, clientHeight: number}} box
 */
export function moveLegend(layout, { clientWidth, clientHeight }) {
  const { legend } = layout;
  if (!legend || !clientWidth || clientWidth >= NARROW) return;
  if (legend.y >= 1 && layout.title) layout.margin.t += LEGEND;
  if (legend.y < 0) legend.y = Math.min(legend.y, -BELOW / (PLOTS * Math.max(clientHeight, 1)));
}
