/** The plots of a model: tabs, the figure (the old one stays until the new one is there), a player where there are frames. */
import { Feed } from '../feed.js';
import { figure } from '../figures.js';
import { cls, html, useEffect, useMemo, useRef, useState } from '../lib.js';
import { plotly, unsupported } from '../plotly.js';
import { isFinal } from '../states.js';
import { t } from '../texts.js';
import { complain } from '../toasts.js';
import { Empty } from './empty.js';
import { Plot } from './plot.js';
import { Player } from './player.js';

/** `run`: whose plots; may change while this stands. `reports`: the model's, [{name, title, frames}]. `hint`: what to say while there is no run. */
export function Reports({ run, reports, hint }) {
  const [chosen, choose] = useState('');
  const report = reports.find((one) => one.name === chosen) ?? reports[0];
  if (!report) return html`<${Empty} title=${t('report.nothing')} small />`;
  return html`
    <div class="reports">
      ${reports.length > 1 && html`<${Tabs} reports=${reports} current=${report.name} choose=${choose} />`}
      <${OneReport} key=${report.name} run=${run} report=${report} hint=${hint} />
    </div>`;
}

// a quick run's plot comes with its end; a long one has something to show once it has said how far it is,
// and one that did not end well where it had got as far as frames
const canShow = (run) =>
  run.state === 'completed' || (isFinal(run) && run.progress?.frames > 0) ||
  (run.state === 'running' && run.kind === 'long' && (run.progress?.fraction > 0 || run.progress?.frames > 0));

function Tabs({ reports, current, choose }) {
  const onKey = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = reports.findIndex((one) => one.name === current);
    const next = reports[(at + step + reports.length) % reports.length];
    choose(next.name);
    event.currentTarget.querySelector(`[data-name="${CSS.escape(next.name)}"]`)?.focus();
    event.preventDefault();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${t('report.tabs')} onKeyDown=${onKey}>
      ${reports.map((one) => html`
        <button type="button" role="tab" key=${one.name} data-name=${one.name} class="tab" aria-selected=${one.name === current}
          tabIndex=${one.name === current ? 0 : -1} onClick=${() => choose(one.name)}>${one.title}</button>`)}
    </div>`;
}

function OneReport({ run, report, hint }) {
  const [frame, setFrame] = useState(-1); // −1: the newest, live
  const feed = useMemo(() => new Feed(), []);
  const shown = feed.shown.value, error = feed.error.value;
  const [drawn, setDrawn] = useState(null); // the figure that stands
  const handle = useRef(null);
  const count = run?.progress?.frames ?? 0;
  const wanted = report.frames ? (frame < 0 ? count - 1 : Math.min(frame, count - 1)) : -1;
  const askable = Boolean(run) && (report.frames ? count > 0 : canShow(run));
  // a report without frames of a run that goes on is made again as the run moves, but not for each of its events
  const tick = askable && !report.frames && !isFinal(run) ? Math.floor((run.progress?.fraction ?? 0) * 20) : isFinal(run ?? { state: '' }) ? 'final' : '';

  useEffect(() => setFrame(-1), [run?.id]);
  useEffect(() => {
    feed.want(askable ? { run: run.id, report: report.name, frame: wanted, tick, final: isFinal(run) } : null);
  }, [run?.id, report.name, wanted, askable, tick]);
  useEffect(() => () => feed.close(), []);

  usePrefetch(run, report, wanted, count, frame >= 0);

  const current = shown?.run === run?.id && shown?.frame === wanted;
  const ofAnother = Boolean(shown) && shown.run !== run?.id;
  const odd = shown && unsupported(shown.figure);
  const ready = current && (odd || drawn === shown.figure);
  // live, a picture of this run that is a moment old is as good as there can be
  const busy = askable && !error && !(ready || (frame < 0 && !isFinal(run) && drawn && shown?.run === run.id));
  return html`
    <div class=${cls('report', ofAnother && 'is-stale')} aria-busy=${busy}>
      <div class="report-stage">
        ${shown && !odd && html`<${Plot} figure=${shown.figure} name=${report.name} label=${t('report.plot', { title: report.title })} handle=${handle}
            onDrawn=${(stands, problem) => { if (problem) feed.error.value = problem; else setDrawn(stands); }} />`}
        ${odd && html`<${Empty} title=${t('report.unsupported', { type: odd })} text=${t('report.unsupported.help')} small />`}
        ${!(drawn || odd) && !error && html`<${Waiting} run=${run} busy=${askable} hint=${hint} />`}
        ${error && html`<${Failed} error=${error} retry=${() => feed.retry()} over=${Boolean(shown)} />`}
        ${ofAnother && !error && html`<span class="report-note">${askable || (run && !isFinal(run) && run.kind === 'quick') ? t('report.updating') : t('report.stale')}</span>`}
      </div>
      <div class="report-foot">
        ${report.frames && count > 0 && html`<${Player} frame=${wanted} count=${count} live=${frame < 0} running=${!isFinal(run)} ready=${ready} show=${setFrame} />`}
        ${shown && !odd && html`<${Exports} handle=${handle} name=${`${report.name}${shown.frame >= 0 ? '-' + shown.frame : ''}`} />`}
      </div>
    </div>`;
}

/** The frames that come next are asked for while one is looked at, one at a time; one that is on its way is let arrive. */
function usePrefetch(run, report, wanted, count, playing) {
  useEffect(() => {
    if (!playing || !report.frames || !run) return undefined;
    let current = true;
    (async () => {
      for (let next = wanted + 1; current && next <= wanted + 4 && next < count; next += 1) await figure(run.id, report.name, next, { keep: true });
    })().catch(() => { /* it is asked for again when it is wanted, and complains then */ });
    return () => { current = false; };
  }, [run?.id, report.name, wanted, playing]);
}

function Waiting({ run, busy, hint }) {
  if (busy || (run && !isFinal(run))) {
    return html`<div class="plot-ghost"><span class="spinner" aria-hidden="true"></span>${busy ? t('report.loading') : t('report.none.help')}</div>`;
  }
  return html`<div class="plot-ghost"><${Sketch} /><strong>${t(run ? 'report.none' : 'run.none')}</strong><span>${run ? t('report.none.ended') : hint}</span></div>`;
}

const Sketch = () => html`
  <svg class="sketch" viewBox="0 0 160 70" aria-hidden="true">
    <path d="M8 4v58h148" /><path class="curve" d="M8 48c18 0 18-34 36-34s18 34 36 34 18-34 36-34 18 34 36 34" />
  </svg>`;

function Failed({ error, retry, over }) {
  return html`
    <div class=${cls('plot-failed', over && 'over')} role="alert">
      <strong>${t('report.failed')}</strong>
      <p>${error.detail ?? error.message}</p>
      <button type="button" class="button small" onClick=${retry}>${t('common.retry')}</button>
    </div>`;
}

function Exports({ handle, name }) {
  const save = async (format) => {
    try {
      const Plotly = await plotly();
      await Plotly.downloadImage(handle.current, { format, filename: name, scale: format === 'png' ? 2 : 1, width: 1000, height: 600 });
    } catch (error) {
      complain(error);
    }
  };
  const reset = async () => {
    const Plotly = await plotly();
    const axes = Object.keys(handle.current.layout).filter((key) => /^[xy]axis\d*$/.test(key));
    await Plotly.relayout(handle.current, Object.fromEntries(axes.map((axis) => [`${axis}.autorange`, true])));
  };
  return html`
    <div class="exports">
      <button type="button" class="button quiet small" title=${t('report.reset.help')} onClick=${reset}>${t('report.reset')}</button>
      ${['png', 'svg'].map((kind) => html`
        <button type="button" key=${kind} class="button quiet small" aria-label=${t('report.export', { kind: kind.toUpperCase() })} onClick=${() => save(kind)}>${t(`report.${kind}`)}</button>`)}
    </div>`;
}
