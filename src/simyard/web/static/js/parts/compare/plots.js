/** The plots of several runs: curves over each other, maps beside each other, and the difference from the first. */
import { ApiError } from '../../api.js';
import { LETTERS, difference, isGrid, overlaid, sideBySide, together } from '../../compare.js';
import { figure } from '../../figures.js';
import { html, useEffect, useMemo, useState } from '../../lib.js';
import { colours, dark } from '../../theme.js';
import { t } from '../../texts.js';
import { Skeleton } from '../empty.js';
import { Plot } from '../plot.js';

/**
 * One report of the runs that have it. `report`: {name, title, frames}.
 * @param {{ runs: any[], report: any }} props
 */
export function Compared({ runs, report }) {
  const counts = runs.map(({ run }) => run.progress?.frames ?? 0), count = report.frames ? Math.min(...counts) : 0;
  const [frame, setFrame] = useState(-1);
  const at = report.frames ? (frame < 0 ? count - 1 : Math.min(frame, count - 1)) : -1;
  const { figures, errors } = useFigures(runs, report, at);
  const night = dark.value;
  const palette = useMemo(() => colours('--plot-1', '--plot-2', '--plot-3', '--plot-4', '--plot-5', '--plot-6'), [night]);
  const parts = runs.flatMap(({ run, label, letter }) => {
    const found = figures.get(run.id);
    return found ? [{ run: run.id, label: `${LETTERS[letter]} · ${label}`, short: LETTERS[letter], figure: found, colour: palette[letter] }] : [];
  });
  const key = parts.map((part) => part.run).join() + at + night;
  const made = useMemo(() => (parts.length ? compose(parts) : null), [key, figures]);
  return html`
    <section class="compare-part" aria-label=${report.title}>
      <div class="compare-head"><h2>${report.title}</h2></div>
      ${report.frames && count > 1 && html`
        <label class="compare-frames"><span class="number">${t('compare.frame', { frame: at + 1, count })}</span>
          <input type="range" min="0" max=${count - 1} value=${at} aria-label=${t('player.frame')} onInput=${(event) => setFrame(Number(event.currentTarget.value))} /></label>
        ${new Set(counts).size > 1 && html`<p class="hint">${t('compare.frames.different')}</p>`}`}
      ${errors.map(({ label, error }) => html`<p key=${label} class="notice warn">${t('compare.figure.failed', { name: label, detail: error.detail ?? String(error) })}</p>`)}
      ${!made && !errors.length && html`<div class="compare-wait"><${Skeleton} rows=${1} kind="plot" /></div>`}
      ${made && html`<${Pictures} made=${made} parts=${parts} report=${report} />`}
    </section>`;
}

/** @param {{ made: any, parts: any[], report: any }} props */
function Pictures({ made, parts, report }) {
  const base = parts[0];
  return html`
    ${made.over && html`<div class="compare-canvas tall"><${Plot} figure=${made.over} name=${`compare-${report.name}`} label=${t('compare.overlaid', { title: report.title })} /></div>`}
    ${made.beside && html`<div class="compare-grid">${made.beside.map((part) => html`
      <figure key=${part.run} class="compare-cell"><figcaption><span class=${`swatch s${LETTERS.indexOf(part.short) + 1}`}>${part.short}</span> <span class="clip">${part.label.slice(4)}</span></figcaption>
        <div class="compare-canvas"><${Plot} figure=${part.figure} name=${`compare-${report.name}-${part.run}`} label=${t('compare.sidebyside', { name: part.label, title: report.title })} /></div></figure>`)}</div>`}
    ${parts.length > 1 && html`
      <h3 class="compare-sub">${t('compare.difference', { name: base.short })}</h3>
      ${made.joined && html`<div class="compare-canvas tall"><${Plot} figure=${made.joined} name=${`difference-${report.name}`} label=${t('compare.difference', { name: base.label })} /></div>`}
      ${!made.beside && made.differences.map(({ part, ...found }) => html`<${Said} key=${part.run} part=${part} base=${base} found=${found} named />`)}
      ${made.beside && html`<div class="compare-grid">${made.differences.map(({ part, ...found }) => html`
        <figure key=${part.run} class="compare-cell"><figcaption>${t('compare.differenceof', { name: part.short, base: base.short })}</figcaption>
          ${found.figure && !found.identical && html`<div class="compare-canvas"><${Plot} figure=${found.figure} name=${`difference-${report.name}-${part.run}`} label=${t('compare.differenceof', { name: part.label, base: base.label })} /></div>`}
          <${Said} part=${part} base=${base} found=${found} /></figure>`)}</div>`}`}`;
}

/** What is to be known of a difference, or why there is none. @param {{ part: any, base: any, found: any, named?: boolean }} props */
function Said({ part, base, found, named = false }) {
  const which = named ? `${t('compare.differenceof', { name: part.short, base: base.short })}: ` : '';
  if (found.why) return html`<p class="notice">${which}${t('compare.differs.not', { why: t(`compare.why.${found.why}`, { sizes: found.sizes ?? '' }) })}</p>`;
  if (found.identical) return html`<p class="hint">${which}${t('compare.identical')}</p>`;
  return found.interpolated ? html`<p class="hint">${which}${t('compare.interpolated', { name: base.short })}</p>` : null;
}

/** What is drawn of these parts. */
function compose(parts) {
  const grids = parts.every(({ figure: one }) => (one.data ?? []).some(isGrid));
  const over = grids ? null : overlaid(parts);
  const differences = parts.slice(1).map((part) => ({ part, ...difference(parts[0], part) }));
  return { over, beside: over ? null : sideBySide(parts), differences, joined: over ? together(differences.filter((one) => !one.identical)) : null };
}

/** The figures of the runs, as they arrive; what could not be had, with why. */
function useFigures(runs, report, frame) {
  const [found, setFound] = useState({ figures: new Map(), errors: /** @type {any[]} */ ([]) });
  const key = runs.map(({ run }) => `${run.id}${run.state}`).join() + report.name + frame;
  useEffect(() => {
    const abort = new AbortController();
    const figures = new Map(), errors = /** @type {any[]} */ ([]);
    const ask = async ({ run, label }) => {
      try {
        figures.set(run.id, await figure(run.id, report.name, frame, { keep: true, abort: abort.signal }));
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        errors.push({ label, error });
      }
    };
    // all at once: a plot that grows curve by curve would jump
    Promise.all(runs.map(ask)).then(() => { if (!abort.signal.aborted) setFound({ figures, errors }); });
    return () => abort.abort();
  }, [key]);
  return found;
}
