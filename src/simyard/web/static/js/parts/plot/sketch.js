/** A figure as a little picture: a few hundred numbers that are kept, and drawn without Plotly. */
import { isArray } from '../../arrays.js';
import { MAPS, table } from '../../colourmaps.js';

/** Points of a curve, curves, dots, and cells along a side that a little picture shows. */
const POINTS = 120, CURVES = 6, DOTS = 300, CELLS = 64;

/**
 * @typedef {{ kind: 'lines' | 'dots', x: Float32Array, y: Float32Array, tone: number, panel: string }} Curve
 * @typedef {{ columns: number, rows: number, cells: Uint8Array, stops: [number, string][] | null, reversed: boolean }} Grid
 * @typedef {{ curves: Curve[], grid: Grid | null }} Sketch
 */

/**
 * What of a figure a little picture shows; null where there is nothing to.
 * @param {any} figure
 * @returns {Sketch | null}
 */
export function sketched(figure) {
  const grid = (figure.data ?? []).find((/** @type {any} */ trace) => ['heatmap', 'contour', 'surface'].includes(trace.type) && isArray(trace.z?.[0]));
  if (grid) return { curves: [], grid: coarse(grid, figure.layout) };
  const curves = /** @type {Curve[]} */ ([]);
  for (const trace of figure.data ?? []) {
    if (curves.length >= CURVES) break;
    if (figure.layout?.[`yaxis${(trace.yaxis ?? 'y').slice(1)}`]?.visible === false) continue;
    const curve = thin(trace, curves.length);
    if (curve) curves.push(curve);
  }
  return curves.length ? { curves, grid: null } : null;
}

/** Every so many-th point, and of a line the lowest and highest between: peaks stay. @param {any} trace @param {number} tone @returns {Curve | null} */
function thin(trace, tone) {
  const round = trace.type === 'scatterpolar';
  if (!['scatter', 'scattergl', 'bar', 'scatter3d', 'scatterpolar'].includes(trace.type ?? 'scatter')) return null;
  const ys = round ? trace.r : trace.y ?? trace.x;
  if (!isArray(ys) || !ys.length || typeof (ys[0] ?? 0) !== 'number') return null;
  const xs = round ? trace.theta : isArray(trace.x) && trace.y ? trace.x : null;
  const lines = !(trace.mode ?? 'lines').includes('markers') || (trace.mode ?? '').includes('lines');
  const most = lines ? POINTS : DOTS, size = Math.max(1, ys.length / most);
  const picked = /** @type {number[]} */ ([]);
  for (let from = 0; from < ys.length; from += size) {
    const first = Math.floor(from), end = Math.min(ys.length, Math.floor(from + size));
    if (!lines || end - first < 3) { picked.push(first); continue; }
    let low = first, high = first;
    for (let at = first; at < end; at += 1) { if (ys[at] < ys[low]) low = at; if (ys[at] > ys[high]) high = at; }
    picked.push(Math.min(low, high), Math.max(low, high));
  }
  const number = (/** @type {any} */ value) => (typeof value === 'number' ? value : NaN);
  const x = Float32Array.from(picked, (at) => (xs ? (typeof xs[at] === 'number' ? xs[at] : at) : at)), y = Float32Array.from(picked, (at) => number(ys[at]));
  if (round) for (let at = 0; at < x.length; at += 1) { const turn = (x[at] * Math.PI) / 180; x[at] = y[at] * Math.cos(turn); y[at] *= Math.sin(turn); }
  return { kind: /** @type {'lines' | 'dots'} */ (lines ? 'lines' : 'dots'), x, y, tone, panel: `${trace.xaxis ?? 'x'} ${trace.yaxis ?? 'y'}` };
}

/** @param {any} trace @param {any} layout @returns {Grid} */
function coarse(trace, layout) {
  const high = trace.z.length, wide = trace.z[0].length, rows = Math.min(CELLS, high), columns = Math.min(CELLS, wide);
  const values = new Float32Array(rows * columns);
  let low = Infinity, top = -Infinity;
  for (let row = 0; row < rows; row += 1) {
    const line = trace.z[Math.floor(((row + 0.5) * high) / rows)];
    for (let column = 0; column < columns; column += 1) {
      const value = line[Math.floor(((column + 0.5) * wide) / columns)] ?? NaN;
      values[row * columns + column] = value;
      if (value < low) low = value;
      if (value > top) top = value;
    }
  }
  const shared = trace.coloraxis ? layout?.[trace.coloraxis] : null;
  const from = shared?.cmin ?? trace.zmin ?? trace.cmin ?? low, to = shared?.cmax ?? trace.zmax ?? trace.cmax ?? top, scale = shared?.colorscale ?? trace.colorscale;
  const named = typeof scale === 'string' ? MAPS[scale.toLowerCase()] : null;
  return {
    rows, columns, stops: Array.isArray(scale) ? /** @type {[number, string][]} */ (scale) : named ?? null, reversed: Boolean(shared?.reversescale ?? trace.reversescale),
    cells: Uint8Array.from(values, (value) => Math.max(0, Math.min(255, ((value - from) / ((to - from) || 1)) * 255)) || 0),
  };
}

/**
 * Draws it; answers nothing.
 * @param {HTMLCanvasElement} canvas @param {Sketch} sketch @param {string[]} tones the colours of curves
 */
export function drawSketch(canvas, sketch, tones) {
  const ratio = Math.min(2, devicePixelRatio || 1), { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (sketch.grid) drawGrid(context, sketch.grid, width, height);
  else drawCurves(context, sketch.curves, width, height, tones);
}

/** @param {CanvasRenderingContext2D} context @param {Grid} grid @param {number} width @param {number} height */
function drawGrid(context, grid, width, height) {
  const { rows, columns, cells, stops, reversed } = grid;
  const small = document.createElement('canvas');
  small.width = columns;
  small.height = rows;
  const paper = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
  const image = paper.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer), colours = table(stops ?? MAPS.viridis, reversed);
  for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) pixels[(rows - 1 - row) * columns + column] = colours[cells[row * columns + column]];
  paper.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  // filled, as a photograph would be: what is too much above and below is cut off
  const scale = Math.max(width / columns, height / rows);
  context.drawImage(small, (width - columns * scale) / 2, (height - rows * scale) / 2, columns * scale, rows * scale);
}

/** @param {CanvasRenderingContext2D} context @param {Curve[]} curves @param {number} width @param {number} height @param {string[]} tones */
function drawCurves(context, curves, width, height, tones) {
  const panels = [...new Set(curves.map(({ panel }) => panel))];
  // panels that share an x axis lie over each other, others beside each other
  const groups = [...new Set(panels.map((panel) => panel.split(' ')[0]))], wide = width / groups.length, edge = 7;
  for (const panel of panels) {
    const inside = curves.filter((curve) => curve.panel === panel), left = groups.indexOf(panel.split(' ')[0]) * wide;
    const [x0, x1] = extent(inside.map(({ x }) => x)), [y0, y1] = extent(inside.map(({ y }) => y));
    const px = (/** @type {number} */ x) => left + edge + ((x - x0) / ((x1 - x0) || 1)) * (wide - 2 * edge);
    const py = (/** @type {number} */ y) => height - edge - ((y - y0) / ((y1 - y0) || 1)) * (height - 2 * edge);
    for (const { kind, x, y, tone } of inside) {
      context.strokeStyle = context.fillStyle = tones[tone % tones.length];
      context.lineWidth = 1.5;
      context.lineJoin = 'round';
      context.beginPath();
      let down = false;
      for (let at = 0; at < x.length; at += 1) {
        if (!(x[at] - x[at] === 0 && y[at] - y[at] === 0)) { down = false; continue; }
        if (kind === 'dots') context.rect(px(x[at]) - 0.75, py(y[at]) - 0.75, 1.5, 1.5);
        else if (down) context.lineTo(px(x[at]), py(y[at]));
        else context.moveTo(px(x[at]), py(y[at]));
        down = true;
      }
      if (kind === 'dots') context.fill(); else context.stroke();
    }
  }
}

/** @param {Float32Array[]} lists @returns {[number, number]} */
function extent(lists) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) for (const value of list) { if (value < low) low = value; if (value > high) high = value; }
  return low <= high ? [low, high] : [0, 1];
}
