/** Plotly: loaded when the first plot is shown, dressed in the page's colours, kept inside the Content-Security-Policy. */
import { colours } from './theme.js';

/** Types of traces that the bundle in vendor/ can draw. */
const TYPES = new Set([
  'scatter', 'bar', 'box', 'heatmap', 'histogram', 'histogram2d', 'histogram2dcontour', 'contour', 'image', 'pie', 'scatterternary', 'violin',
]);

let loading = null;

/** Plotly itself. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    allowStyles();
    const script = document.createElement('script');
    script.src = new URL('../vendor/plotly-cartesian.min.js', import.meta.url).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { loading = null; script.remove(); reject(new Error('plotly')); };
    document.head.append(script);
  });
  return loading;
}

// Plotly writes `style` attributes into its SVG, which the policy forbids; the same through the object model is allowed.
function allowStyles() {
  const set = SVGElement.prototype.setAttribute;
  SVGElement.prototype.setAttribute = function setAttribute(name, value) {
    if (name === 'style') this.style.cssText = value;
    else set.call(this, name, value);
  };
}

/** The type of a trace that cannot be drawn here; "" where all can. */
export const unsupported = (figure) => (figure.data ?? []).map((trace) => trace.type ?? 'scatter').find((type) => !TYPES.has(type)) ?? '';

/** The figure's layout in the page's colours; what the figure itself says goes first. */
export function dressed(layout = {}, name = '') {
  const [ink, muted, line, zero, surface, ...series] = colours(
    '--ink', '--ink-2', '--line-soft', '--line-strong', '--surface', '--plot-1', '--plot-2', '--plot-3', '--plot-4', '--plot-5', '--plot-6');
  const axis = { gridcolor: line, linecolor: zero, zerolinecolor: zero, tickcolor: zero, automargin: true, title: { font: { size: 13, color: muted }, standoff: 10 } };
  const bar = { colorbar: { outlinewidth: 0, thickness: 14, ticklen: 4, tickcolor: zero } };
  const { width, height, ...rest } = layout;
  const given = rest.template?.layout ?? {};
  return {
    uirevision: name,
    ...rest,
    autosize: true,
    margin: { l: 56, r: 20, t: layout.title ? 48 : 20, b: 48, ...rest.margin },
    template: {
      ...rest.template,
      data: { heatmap: [bar], contour: [bar], histogram2d: [bar], ...rest.template?.data },
      layout: {
        ...given,
        paper_bgcolor: 'rgba(0,0,0,0)',
        plot_bgcolor: 'rgba(0,0,0,0)',
        colorway: series,
        font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: muted },
        title: { font: { color: ink, size: 15 } },
        xaxis: axis,
        yaxis: axis,
        legend: { orientation: 'h', yanchor: 'bottom', y: 1.02, x: 0, bgcolor: 'rgba(0,0,0,0)' },
        hoverlabel: { bgcolor: surface, bordercolor: zero, font: { color: ink } },
        coloraxis: bar,
        modebar: { bgcolor: 'rgba(0,0,0,0)', color: muted, activecolor: ink },
      },
    },
  };
}

export const CONFIG = {
  responsive: false, // a ResizeObserver of our own sees the panel, not only the window
  displaylogo: false,
  // buttons of our own stand below the plot: Plotly's cover the legend, and one sends the figure to Plotly's server
  displayModeBar: false,
  showSendToCloud: false,
  plotlyServerURL: '',
  showTips: false,
};
