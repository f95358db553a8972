/** A figure's layout in the page's colours: what the figure itself says goes first. */
import { MAPS } from '../../colourmaps.js';
import { colours, font } from '../../theme.js';
import { titleOf } from '../../arrays.js';
import { keepImages } from './foreign.js';
import { cameraOf, linesOf } from './narrow.js';
import { moveLegend, stack } from './stack.js';

/** A further line of a title takes so much (pixels). */
const LINE = 20;

/**
 * @param {any} layout
 * @param {string} name figures of one name keep the reader's zoom
 * @param {Record<string, number>} room margins that its traces need
 * @param {{clientWidth: number, clientHeight: number}} box where it is drawn
 */
export function dressed(layout = {}, name = '', room = {}, box = { clientWidth: 0, clientHeight: 0 }) {
  const [ink, muted, line, edge, zero, surface, sunken, ...series] = colours(
    '--ink', '--ink-2', '--line-soft', '--line', '--line-strong', '--surface', '--sunken', '--plot-1', '--plot-2', '--plot-3', '--plot-4', '--plot-5', '--plot-6');
  const clear = 'rgba(0,0,0,0)';
  const axis = {
    gridcolor: line, linecolor: zero, zerolinecolor: zero, tickcolor: zero, automargin: true, title: { font: { size: 13, color: muted }, standoff: 10 },
    // the margins grow with the numbers along an axis: to look whether one of them sticks out, each by itself, takes a seventh of a drawing
    ticklabeloverflow: 'allow',
  };
  const bar = { colorbar: { outlinewidth: 0, thickness: 14, ticklen: 4, tickcolor: zero, title: { font: { size: 13, color: muted } } } };
  const cells = { ...bar, colorscale: MAPS.viridis };
  const spatial = { gridcolor: edge, zerolinecolor: zero, linecolor: zero, backgroundcolor: clear, showbackground: false };
  const round = { gridcolor: edge, linecolor: zero, tickcolor: zero };
  // a copy: Plotly writes ranges into the layout that it is given, and the figure stays as it came
  const { width, height, ...rest } = structuredClone(keepImages(layout));
  const given = keepImages(rest.template?.layout) ?? {};
  const margin = { l: 56, r: 20, t: layout.title ? 48 : 20, b: 48, ...room, ...rest.margin };
  const title = linesOf(titleOf({ layout }), box.clientWidth);
  if (title.length > 1) {
    rest.title = { ...(typeof rest.title === 'object' ? rest.title : {}), text: title.join('<br>') };
    margin.t += LINE * (title.length - 1);
  }
  rest.margin = margin;
  moveLegend(rest, box);
  stack(rest, box.clientWidth);
  for (const key of Object.keys(rest).filter((one) => /^scene\d*$/.test(one))) {
    rest[key].camera = cameraOf(rest[key], box);
  }
  return {
    uirevision: name,
    ...rest,
    autosize: true,
    template: {
      ...rest.template,
      data: {
        heatmap: [cells], contour: [cells], histogram2d: [cells], histogram2dcontour: [cells], surface: [cells], mesh3d: [bar],
        table: [{ header: { fill: { color: sunken }, line: { color: line }, font: { color: ink } }, cells: { fill: { color: clear }, line: { color: line }, font: { color: ink } } }],
        parcoords: [{ line: { color: series[0] }, labelfont: { color: ink }, tickfont: { color: muted }, rangefont: { color: muted } }],
        sankey: [{ node: { color: series[0], line: { width: 0 } }, link: { color: 'rgba(128,140,150,0.35)' } }],
        ...rest.template?.data,
      },
      layout: {
        ...given,
        paper_bgcolor: clear,
        plot_bgcolor: clear,
        colorway: series,
        font: { family: font(), size: 12.5, color: muted },
        title: { font: { color: ink, size: 15 } },
        xaxis: axis,
        yaxis: axis,
        scene: { xaxis: spatial, yaxis: spatial, zaxis: spatial },
        polar: { bgcolor: clear, angularaxis: round, radialaxis: round },
        smith: { bgcolor: clear, realaxis: round, imaginaryaxis: round },
        ternary: { bgcolor: clear, aaxis: round, baxis: round, caxis: round },
        legend: { orientation: 'h', yanchor: 'bottom', y: 1.02, x: 0, bgcolor: clear },
        hoverlabel: { bgcolor: surface, bordercolor: zero, font: { color: ink } },
        coloraxis: bar,
        modebar: { bgcolor: clear, color: muted, activecolor: ink },
      },
    },
  };
}
