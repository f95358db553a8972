/** What can be done with a plot: all of it again, logarithmic axes, colour map, full screen, saving. */
import { MAPS, chooseMap, chosenMap, isColoured } from '../../colourmaps.js';
import { html, useEffect, useMemo, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { complain } from '../../toasts.js';
import { Icon } from '../icon.js';
import { isLog, logarithms } from './axes.js';
import { csv } from './csv.js';
import { cameraOf } from './narrow.js';

/**
 * @param {object} what
 * @param {any} what.figure as it came
 * @param {{current: any}} what.handle the plot's element
 * @param {{current: any}} what.stage what fills the screen
 * @param {string} what.name of the file that is saved
 * @param {boolean} what.odd it cannot be drawn here: its numbers are all that can be had
 * @param {{x?: boolean, y?: boolean}} what.logs @param {(logs: {x?: boolean, y?: boolean}) => void} what.setLogs
 */
export function Toolbar({ figure, odd, handle, stage, name, logs, setLogs }) {
  const can = useMemo(() => logarithms(figure), [figure]);
  const axes = /** @type {const} */ (['x', 'y']).filter((letter) => can[letter]);
  const isOn = (/** @type {'x' | 'y'} */ letter) => logs[letter] ?? isLog(figure, letter);
  const lost = axes.reduce((sum, letter) => sum + (isOn(letter) ? can[letter]?.lost ?? 0 : 0), 0);
  const reset = () => {
    const { plotly, _fullLayout: full } = handle.current ?? {};
    if (!plotly) return;
    const change = {};
    for (const [key, axis] of Object.entries(full ?? {})) {
      if (/^[xy]axis\d*$/.test(key) && !axis.fixedrange) {
        const own = figure.layout?.[key]?.range;
        if (Array.isArray(own) && !logs[/** @type {'x' | 'y'} */ (key[0])]) change[`${key}.range`] = [...own];
        else change[`${key}.autorange`] = true;
      } else if (/^scene\d*$/.test(key)) change[`${key}.camera`] = cameraOf(figure.layout?.[key], handle.current);
    }
    Promise.resolve(plotly.relayout(handle.current, change)).catch(complain);
  };
  if (odd) return html`<div class="plot-tools" role="toolbar" aria-label=${t('report.tools')}><span class="spacer"></span><${Save} kinds=${['csv']} handle=${handle} name=${name} figure=${figure} /></div>`;
  return html`
    <div class="plot-tools" role="toolbar" aria-label=${t('report.tools')}>
      <button type="button" class="button quiet small" title=${t('report.reset.help')} onClick=${reset}><${Icon} name="reset" /><span>${t('report.reset')}</span></button>
      ${axes.map((letter) => html`
        <button type="button" key=${letter} class="button quiet small toggle" aria-pressed=${isOn(letter)} aria-label=${t('report.log.label', { axis: letter })} title=${t('report.log.label', { axis: letter })}
          onClick=${() => setLogs({ ...logs, [letter]: !isOn(letter) })}>${t('report.log', { axis: letter })}</button>`)}
      ${isColoured(figure) && html`
        <select class="input small colour-map" aria-label=${t('report.colours')} title=${t('report.colours')} value=${chosenMap.value} onChange=${(/** @type {any} */ event) => chooseMap(event.currentTarget.value)}>
          ${['', ...Object.keys(MAPS)].map((one) => html`<option key=${one} value=${one} selected=${one === chosenMap.value}>${t(`report.colours.${one || 'own'}`)}</option>`)}
        </select>`}
      ${lost > 0 && html`<span class="plot-lost" role="status">${t('report.log.lost', { count: lost })}</span>`}
      <span class="spacer"></span>
      <${Save} kinds=${['png', 'svg', 'csv']} handle=${handle} name=${name} figure=${figure} />
      <${Expand} stage=${stage} />
    </div>`;
}

/** @param {{kinds: string[], handle: {current: any}, name: string, figure: any}} what */
function Save({ kinds, handle, name, figure }) {
  const label = (/** @type {string} */ kind) => t(kind === 'csv' ? 'report.export.csv' : 'report.export', { kind: kind.toUpperCase() });
  return html`
    <span class="plot-save" role="group" aria-label=${t('report.save')}>
      <${Icon} name="download" />
      ${kinds.map((kind) => html`
        <button type="button" key=${kind} class="button quiet small" aria-label=${label(kind)} title=${label(kind)} onClick=${() => save(kind, handle, name, figure)}>${t(`report.${kind}`)}</button>`)}
    </span>`;
}

/** @param {string} kind @param {{current: any}} handle @param {string} name @param {any} figure */
async function save(kind, handle, name, figure) {
  try {
    if (kind === 'csv') return download(new Blob(['\ufeff', csv(figure)], { type: 'text/csv;charset=utf-8' }), `${name}.csv`);
    const { clientWidth, clientHeight, plotly } = handle.current;
    // as it stands on the screen, with the page behind it: letters for a dark page cannot be read on white paper
    const picture = {
      data: handle.current.data, layout: { ...handle.current.layout, paper_bgcolor: ground(handle.current) }, config: { staticPlot: true },
    };
    const options = { format: kind, filename: name, scale: kind === 'png' ? 2 : 1, width: Math.max(700, clientWidth), height: Math.max(420, clientHeight) };
    await plotly.downloadImage(picture, options);
  } catch (error) {
    complain(error);
  }
  return undefined;
}

/** The colour behind an element. @param {Element} element */
function ground(element) {
  for (let one = /** @type {Element | null} */ (element); one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour && !/, 0\)$|transparent/.test(colour)) return colour;
  }
  return '#fff';
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {{stage: {current: any}}} what */
function Expand({ stage }) {
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const look = () => setWide(document.fullscreenElement === stage.current && Boolean(stage.current));
    document.addEventListener('fullscreenchange', look);
    return () => document.removeEventListener('fullscreenchange', look);
  }, []);
  if (!document.fullscreenEnabled) return null;
  const toggle = () => (wide ? document.exitFullscreen() : stage.current.requestFullscreen()).catch(complain);
  return html`<button type="button" class="button quiet icon small" aria-pressed=${wide} aria-label=${t('report.expand')} title=${t('report.expand')} onClick=${toggle}><${Icon} name=${wide ? 'close' : 'expand'} /></button>`;
}
