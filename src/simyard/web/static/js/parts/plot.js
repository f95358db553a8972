/** One Plotly figure in a box: drawn again when figure, theme or size change; never blank in between. */
import { html, useEffect, useLayoutEffect, useRef } from '../lib.js';
import { CONFIG, plotly, plotlyNow, tracesOf } from '../plotly.js';
import { dark } from '../theme.js';
import { dressed } from './plot/dress.js';
import { Layer } from './plot/layer.js';
import { panelsOf } from './plot/stack.js';

/** Milliseconds without a new picture after which Plotly draws the one that stands: hovering and zooming are its own. */
const SETTLE = 250;

/**
 * What the effects of one plot share.
 * @typedef {{ lib: any, layer: Layer | null, timer: number, drawing: Promise<any> | null, next: any, gone: boolean }} Drawn
 */

/**
 * @param {object} what
 * @param {any} what.figure
 * @param {string} what.name keeps a reader's zoom from one figure to the next
 * @param {string} what.label
 * @param {string} [what.describedby] the id of what says more
 * @param {(figure: any, error: any) => void} [what.onDrawn] when it stands, or cannot
 * @param {{current: any}} [what.handle] is given the element, which has `plotly` once something was drawn
 * @param {boolean} [what.film] pictures follow each other: they are painted over the plot, and Plotly draws the last
 * @param {boolean} [what.moving] a film that plays: Plotly waits until it stops
 */
export function Plot({ figure, name, label, describedby, onDrawn, handle, film, moving }) {
  const box = useRef(/** @type {any} */ (null));
  const mine = useRef(/** @type {Drawn} */ ({ lib: null, layer: null, timer: 0, drawing: null, next: null, gone: false }));
  const night = dark.value;

  useLayoutEffect(() => {
    const state = mine.current, element = box.current;
    if (handle) handle.current = element;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        if (!element.classList.contains('js-plotly-plot') || !element.clientWidth) return;
        state.layer?.hide();
        state.lib.Plots.resize(element);
      });
    });
    observer.observe(element);
    return () => {
      state.gone = true;
      clearTimeout(state.timer);
      observer.disconnect();
      cancelAnimationFrame(frame);
      state.layer?.hide();
      state.lib?.purge(element);
      element.plotly = state.lib = state.layer = state.next = null;
    };
  }, []);

  // before the browser paints: a frame is not lost between a figure's arrival and its drawing
  useLayoutEffect(() => {
    const state = mine.current;
    clearTimeout(state.timer);
    if (film && !state.drawing && state.layer?.paint(figure)) {
      onDrawn?.(figure, null);
      if (!moving) state.timer = window.setTimeout(() => draw(state, box.current, { figure, name }), SETTLE);
    } else {
      draw(state, box.current, { figure, name, told: onDrawn, film });
    }
  }, [figure, night, name]);

  // a film that has stopped: Plotly draws where it stands
  useEffect(() => {
    const state = mine.current;
    if (!moving && state.layer) {
      clearTimeout(state.timer);
      state.timer = window.setTimeout(() => draw(state, box.current, { figure, name }), SETTLE);
    }
    return () => clearTimeout(state.timer);
  }, [moving]);

  return html`<div class="plot" ref=${box} role="figure" aria-label=${label} aria-describedby=${describedby}></div>`;
}

/**
 * Has Plotly draw the figure; of those that are wanted meanwhile only the last is drawn, and if it can, painted.
 * @param {Drawn} state @param {any} element @param {{figure: any, name: string, told?: (figure: any, error: any) => void, film?: boolean}} wanted
 */
async function draw(state, element, wanted) {
  state.next = wanted;
  if (state.drawing) return;
  for (let first = true; state.next && !state.gone; first = false) {
    const { figure, name, told, film } = state.next;
    state.next = null;
    try {
      if (first || !film || !state.layer?.paint(figure)) {
        state.drawing = react(state, element, figure, name);
        await state.drawing;
      }
      if (!state.gone) told?.(figure, null);
    } catch (error) {
      if (!state.gone) told?.(figure, error);
    } finally {
      state.drawing = null;
    }
  }
}

/** @param {Drawn} state @param {any} element @param {any} figure @param {string} name */
async function react(state, element, figure, name) {
  const lib = plotlyNow(figure) ?? await plotly(figure);
  if (state.gone) return;
  if (state.lib && state.lib !== lib) state.lib.purge(element); // what one bundle has drawn the other does not know
  element.plotly = state.lib = lib;
  element.parentElement?.style.setProperty('--panels', String(panelsOf(figure.layout, element.clientWidth)));
  await lib.react(element, tracesOf(figure), dressed(figure.layout, name, roomOf(figure), element), CONFIG);
  if (state.gone) return;
  state.layer ??= new Layer(element);
  state.layer.over(figure);
}

/**
 * Traces without axes write beside themselves.
 * @param {any} figure
 * @returns {Record<string, number>}
 */
function roomOf(figure) {
  const types = (figure.data ?? []).map((/** @type {any} */ trace) => trace.type);
  if (types.includes('parcoords')) return { t: 84, l: 64, r: 64 };
  return types.some((/** @type {string} */ type) => ['parcats', 'sankey', 'scatterpolar', 'barpolar', 'scatterpolargl', 'scattersmith'].includes(type)) ? { l: 56, r: 56, t: 56 } : {};
}
