/**
 * Pictures of a film, painted over a plot that stands: Plotly draws axes, colour bar and legend once, and this the numbers that change.
 *
 * Plotly takes some 200 ms for a heat map of 256 × 256 cells, this about 2. It paints heat maps on even cells, points and lines; of
 * anything else, and where more than the numbers differs, it says no, and Plotly draws all of it anew.
 */
import { shapeOf, titleOf } from '../../arrays.js';
import { table } from '../../colourmaps.js';

const SYMBOLS = new Set([undefined, 'circle', 'circle-open']);
const PAINTED = new Set(['lines', 'markers', 'lines+markers']);

/** @param {any} trace */
const canPaint = (trace) =>
  (trace.type === 'heatmap' && !trace.transpose && !trace.connectgaps && !trace.text && !trace.texttemplate && Array.isArray(trace.z)) ||
  ((trace.type ?? 'scatter') === 'scatter' && PAINTED.has(trace.mode) && !trace.error_x && !trace.error_y && !trace.stackgroup &&
    (!trace.fill || trace.fill === 'none') && SYMBOLS.has(trace.marker?.symbol) && !(trace.line?.shape && trace.line.shape !== 'linear'));

/** @param {any} axis of Plotly's full layout */
const isEven = (axis) => axis && axis.type === 'linear' && !(axis.rangebreaks?.length);

/** First edge and width of a cell, where all cells are alike. @param {any} values @param {any} first @param {any} step @param {number} count */
function cells(values, first, step, count) {
  if (!values) return { from: (first ?? 0) - (step ?? 1) / 2, width: step ?? 1 };
  if (values.length !== count || count < 2) return null;
  const width = (values[count - 1] - values[0]) / (count - 1);
  for (let at = 1; at < count; at += 1) if (!(Math.abs(values[at] - values[at - 1] - width) <= 1e-3 * Math.abs(width))) return null;
  return Number.isFinite(width) && width !== 0 ? { from: values[0] - width / 2, width } : null;
}

export class Layer {
  #canvas = document.createElement('canvas');
  #small = document.createElement('canvas');
  #shape = '';
  #shows = false;

  /** @param {any} plot the element that Plotly draws into */
  constructor(plot) {
    this.plot = plot;
    this.#canvas.className = 'plot-layer';
    this.#canvas.setAttribute('aria-hidden', 'true');
  }

  /** Plotly has drawn that figure: what follows may be painted over it. @param {any} figure */
  over(figure) {
    this.#shape = (figure.data ?? []).every(canPaint) ? shapeOf(figure) : '';
    this.hide();
  }

  hide() {
    if (!this.#shows) return;
    this.#shows = false;
    this.plot.classList.remove('is-painted');
    this.#canvas.remove();
  }

  /** Paints the figure; false where Plotly has to draw it. @param {any} figure */
  paint(figure) {
    const full = this.plot._fullLayout;
    if (!full || !this.#shape || this.#shape !== shapeOf(figure)) return false;
    const plans = figure.data.map((/** @type {any} */ trace, /** @type {number} */ at) => this.#plan(trace, this.plot._fullData[at], full));
    if (plans.some((/** @type {any} */ plan) => !plan)) return false;
    const context = this.#begin();
    if (!context) return false;
    for (const { trace, drawn, x, y, draw } of plans) {
      if (drawn.visible !== true) continue;
      context.save();
      context.beginPath();
      context.rect(x._offset, y._offset, x._length, y._length);
      context.clip();
      draw.call(this, context, trace, drawn, place(x, false), place(y, true));
      context.restore();
    }
    this.#title(figure);
    return true;
  }

  /** @param {any} trace @param {any} drawn the trace as Plotly has filled it in @param {any} full */
  #plan(trace, drawn, full) {
    const axis = (/** @type {string} */ name) => full[`${name[0]}axis${name.slice(1)}`];
    const x = axis(trace.xaxis ?? 'x'), y = axis(trace.yaxis ?? 'y');
    if (!drawn || !isEven(x) || !isEven(y)) return null;
    if (trace.type !== 'heatmap') return fits(trace, x, y) ? { trace, drawn, x, y, draw: this.#points } : null;
    const rows = trace.z.length, columns = trace.z[0]?.length;
    const across = columns && cells(trace.x, trace.x0, trace.dx, columns), up = cells(trace.y, trace.y0, trace.dy, rows);
    if (!across || !up || !sameRange(trace, drawn, full)) return null;
    return { trace, drawn, x, y, draw: (/** @type {any} */ context, /** @type {any} */ _, /** @type {any} */ __, /** @type {any} */ px, /** @type {any} */ py) =>
      this.#heat(context, trace, drawn, full, [px(across.from), px(across.from + across.width * columns), py(up.from), py(up.from + up.width * rows)]) };
  }

  #begin() {
    const ratio = Math.min(2, devicePixelRatio || 1), { clientWidth: width, clientHeight: height } = this.plot;
    const canvas = this.#canvas;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext('2d');
    if (!context) return null;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.#shows) {
      this.#shows = true;
      this.plot.append(canvas);
      this.plot.classList.add('is-painted');
    }
    return context;
  }

  /** @param {CanvasRenderingContext2D} context @param {any} trace @param {any} drawn @param {any} full @param {number[]} box */
  #heat(context, trace, drawn, full, [left, right, bottom, top]) {
    const rows = trace.z.length, columns = trace.z[0].length;
    const { zmin, zmax, colorscale, reversescale } = scaleOf(drawn, full);
    const colours = table(colorscale, reversescale), factor = 255.999 / ((zmax - zmin) || 1);
    const small = this.#small;
    if (small.width !== columns || small.height !== rows) { small.width = columns; small.height = rows; }
    const paper = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
    const image = paper.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
    for (let row = 0, at = 0; row < rows; row += 1) {
      const line = trace.z[row];
      for (let column = 0; column < columns; column += 1, at += 1) {
        const step = (line[column] - zmin) * factor;
        // what is no number is a gap
        pixels[at] = step >= 0 ? colours[step < 256 ? step | 0 : 255] : step < 0 ? colours[0] : 0;
      }
    }
    paper.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = Boolean(drawn.zsmooth);
    // the first row stands at the first y: below, unless an axis runs the other way
    context.translate(left, bottom);
    context.scale((right - left) / columns, (top - bottom) / rows);
    context.drawImage(small, 0, 0);
  }

  /** @param {CanvasRenderingContext2D} context @param {any} trace @param {any} drawn @param {any} px @param {any} py */
  #points(context, trace, drawn, px, py) {
    const xs = trace.x, ys = trace.y, count = Math.min(xs.length, ys.length);
    context.globalAlpha = drawn.opacity ?? 1;
    if (drawn.mode.includes('lines')) {
      context.beginPath();
      let down = false;
      for (let at = 0; at < count; at += 1) {
        const x = px(xs[at]), y = py(ys[at]);
        if (xs[at] === null || ys[at] === null || !(x - x === 0 && y - y === 0)) { down = false; continue; }
        if (down) context.lineTo(x, y); else context.moveTo(x, y);
        down = true;
      }
      context.strokeStyle = drawn.line.color;
      context.lineWidth = drawn.line.width;
      context.lineJoin = 'round';
      context.stroke();
    }
    if (!drawn.mode.includes('markers')) return;
    const marker = drawn.marker, color = trace.marker?.color ?? marker.color, size = trace.marker?.size ?? marker.size;
    const scaled = typeof color !== 'string' && color?.length && marker.colorscale ? table(marker.colorscale, marker.reversescale) : null;
    context.globalAlpha *= typeof marker.opacity === 'number' ? marker.opacity : 1;
    context.fillStyle = typeof color === 'string' ? color : drawn.line?.color ?? '#888';
    const low = marker.cmin, factor = 255.999 / ((marker.cmax - low) || 1);
    let last = -1;
    for (let at = 0; at < count; at += 1) {
      const x = px(xs[at]), y = py(ys[at]), across = typeof size === 'number' ? size : size[at];
      if (scaled) {
        const step = Math.max(0, Math.min(255, ((color[at] - low) * factor) | 0));
        if (step !== last) { last = step; context.fillStyle = rgb(scaled[step]); }
      }
      context.beginPath();
      context.arc(x, y, across / 2, 0, 6.2832);
      context.fill();
    }
  }

  // Plotly's own words, where they are words and no markup
  #title(/** @type {any} */ figure) {
    const words = titleOf(figure), element = this.plot.querySelector('.gtitle');
    if (element && !/[<&]/.test(words) && !element.querySelector('tspan') && element.textContent !== words) element.textContent = words;
  }
}

const rgb = (/** @type {number} */ pixel) => `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;

/** Values of an axis → pixels in the plot's element. @param {any} axis @param {boolean} up */
function place(axis, up) {
  const [from, to] = axis.range.map(Number), scale = axis._length / (to - from);
  return up
    ? (/** @type {number} */ value) => axis._offset + axis._length - (value - from) * scale
    : (/** @type {number} */ value) => axis._offset + (value - from) * scale;
}

/** Colours and range of a heat map: its own, or those of the colour axis that it shares. @param {any} drawn @param {any} full */
const scaleOf = (drawn, full) => {
  const shared = drawn.coloraxis ? full[drawn.coloraxis] : null;
  return shared ? { zmin: shared.cmin, zmax: shared.cmax, colorscale: shared.colorscale, reversescale: shared.reversescale } : drawn;
};

/** Whether a figure's numbers may be shown in the range that the colour bar tells of. @param {any} trace @param {any} drawn @param {any} full */
function sameRange(trace, drawn, full) {
  const { zmin, zmax } = scaleOf(drawn, full);
  if (typeof trace.zmin === 'number' && typeof trace.zmax === 'number') return true;
  let low = Infinity, high = -Infinity;
  for (const row of trace.z) for (const value of row) { if (value < low) low = value; if (value > high) high = value; }
  const wide = zmax - zmin;
  return low >= zmin - 0.1 * wide && high <= zmax + 0.1 * wide && high - low >= 0.5 * wide;
}

/** Whether an axis that fits itself to the points would still be about right. @param {any} trace @param {any} x @param {any} y */
function fits(trace, x, y) {
  for (const [axis, values] of [[x, trace.x], [y, trace.y]]) {
    if (!values?.length) return false;
    if (!axis.autorange) continue;
    const [from, to] = axis.range[0] < axis.range[1] ? axis.range : [axis.range[1], axis.range[0]];
    for (const value of values) if (value < from || value > to) return false;
  }
  return true;
}
