/** Plotly: which of its bundles a figure needs, loaded when the first such figure is shown, and kept inside the Content-Security-Policy. */
import { decoded } from './arrays.js';
import { keepStyle } from './parts/plot/foreign.js';

/** Types of traces that the small bundle in vendor/ draws. */
const CARTESIAN = new Set([
  'scatter', 'bar', 'box', 'heatmap', 'histogram', 'histogram2d', 'histogram2dcontour', 'contour', 'image', 'pie', 'scatterternary', 'violin',
]);
/** Those that need WebGL, and those that need maps from the network, which the page does not ask. */
const WEBGL = new Set(['scatter3d', 'surface', 'mesh3d', 'cone', 'streamtube', 'volume', 'isosurface', 'scattergl', 'splom', 'scatterpolargl', 'parcoords']);
const MAPS = new Set(['scattergeo', 'choropleth', 'scattermap', 'choroplethmap', 'densitymap', 'scattermapbox', 'choroplethmapbox', 'densitymapbox']);
/** What else the large bundle draws. */
const REST = new Set([
  'barpolar', 'candlestick', 'carpet', 'contourcarpet', 'funnel', 'funnelarea', 'icicle', 'indicator', 'ohlc', 'parcats', 'sankey', 'scattercarpet',
  'scatterpolar', 'scattersmith', 'sunburst', 'table', 'treemap', 'waterfall',
]);

/** @typedef {'cartesian' | 'strict'} Bundle */
/** @type {Partial<Record<Bundle, Promise<any>>>} */
const loading = {};
/** @type {Partial<Record<Bundle, any>>} */
const loaded = {};

const typesOf = (/** @type {any} */ figure) => (figure.data ?? []).map((/** @type {any} */ trace) => String(trace.type ?? 'scatter'));

/** @param {any} figure @returns {Bundle} */
export const bundleOf = (figure) => (typesOf(figure).every((/** @type {string} */ type) => CARTESIAN.has(type)) ? 'cartesian' : 'strict');

/** Plotly with all that the figure needs, if it is here already. @param {any} figure */
export const plotlyNow = (figure) => (bundleOf(figure) === 'strict' ? loaded.strict : loaded.strict ?? loaded.cartesian);

/** Plotly with all that the figure needs. @param {any} figure @returns {Promise<any>} */
export function plotly(figure = {}) {
  const here = plotlyNow(figure);
  return here ? Promise.resolve(here) : load(bundleOf(figure));
}

// the large bundle leaves the styles of its maps out where it finds this: the policy allows none, and there are no maps
const MAP_STYLES = '9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53';

/** @param {Bundle} bundle */
function load(bundle) {
  loading[bundle] ??= new Promise((resolve, reject) => {
    allowStyles();
    if (!document.getElementById(MAP_STYLES)) document.head.append(Object.assign(document.createElement('meta'), { id: MAP_STYLES }));
    const script = document.createElement('script');
    script.src = new URL(`../vendor/plotly-${bundle}.min.js`, import.meta.url).href;
    script.onload = () => {
      loaded[bundle] = /** @type {any} */ (window).Plotly;
      resolve(loaded[bundle]);
    };
    script.onerror = () => { delete loading[bundle]; script.remove(); reject(new Error('plotly')); };
    document.head.append(script);
  });
  return loading[bundle];
}

let allowed = false;

// Plotly writes `style` attributes into its SVG, which the policy forbids; the same through the object model is allowed.
function allowStyles() {
  if (allowed) return;
  allowed = true;
  for (const kind of [SVGElement, HTMLElement]) {
    const set = kind.prototype.setAttribute;
    kind.prototype.setAttribute = function setAttribute(name, value) {
      if (name === 'style') {
        this.style.cssText = value;
        keepStyle(this.style); // a text of a figure may hold a style of its own
      }
      else set.call(this, name, value);
    };
  }
}

/** @type {boolean | undefined} */
let webgl;

function hasWebgl() {
  if (webgl === undefined) {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl');
    webgl = Boolean(context);
    context?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return webgl;
}

/**
 * Why the figure cannot be drawn here: {why: 'type' | 'map' | 'webgl', type}; null where it can.
 * @param {any} figure
 */
export function unsupported(figure) {
  for (const type of typesOf(figure)) {
    if (MAPS.has(type)) return { why: 'map', type };
    if (WEBGL.has(type) && !hasWebgl()) return { why: 'webgl', type };
    if (!CARTESIAN.has(type) && !WEBGL.has(type) && !REST.has(type)) return { why: 'type', type };
  }
  return null;
}

/** Traces for Plotly, which may keep and change what it is given: the figure stays as it came. @param {any} figure */
export const tracesOf = (figure) => decoded(figure.data ?? []).map((/** @type {any} */ trace) => ({ ...trace }));

export const CONFIG = {
  responsive: false, // a ResizeObserver of our own sees the panel, not only the window
  displaylogo: false,
  // buttons of our own stand below the plot: Plotly's cover the legend, and one sends the figure to Plotly's server
  displayModeBar: false,
  showSendToCloud: false,
  plotlyServerURL: '',
  showTips: false,
};
