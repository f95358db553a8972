/** The plots of a model: tabs, the figure (the old one stays until the new one is there), a player where there are frames. */
import { chosenMap, recoloured } from '../colourmaps.js';
import { connection } from '../events.js';
import { Feed } from '../feed.js';
import { Film } from '../film.js';
import { cls, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js';
import { unsupported } from '../plotly.js';
import { isFinal } from '../states.js';
import { t } from '../texts.js';
import { Empty } from './empty.js';
import { Plot } from './plot.js';
import { withLogarithms } from './plot/axes.js';
import { described } from './plot/described.js';
import { Toolbar } from './plot/toolbar.js';
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

/** @type {Map<string, {x?: boolean, y?: boolean}>} The switches of axes, by report, for as long as the page stands. */
const switches = new Map();
const MOST_SWITCHES = 100;

/** The figure as the reader wants it: colour map, logarithmic axes. @param {any} figure @param {string} name */
function useSeen(figure, name) {
  const [logs, setLogs] = useState(() => switches.get(name) ?? {});
  const keep = (/** @type {{x?: boolean, y?: boolean}} */ next) => {
    if (switches.size > MOST_SWITCHES) switches.clear();
    switches.set(name, next);
    setLogs(next);
  };
  const map = chosenMap.value;
  const seen = useMemo(() => figure && withLogarithms(recoloured(figure, map), logs), [figure, map, logs]);
  return { seen, logs, setLogs: keep };
}

let plots = 0;
/** Milliseconds at one frame after which the next few are asked for. */
const REST = 400;

function OneReport({ run, report, hint }) {
  const [frame, setFrame] = useState(-1); // −1: the newest, live
  const [playing, setPlaying] = useState(false);
  const feed = useMemo(() => new Feed(), []);
  const id = useMemo(() => `plot-${plots += 1}`, []);
  const film = useMemo(() => new Film(run?.id ?? '', report.name), [run?.id, report.name]);
  const shown = feed.shown.value, error = feed.error.value;
  const [drawn, setDrawn] = useState(/** @type {any} */ (null)); // the figure that stands
  const handle = useRef(/** @type {any} */ (null)), stage = useRef(/** @type {any} */ (null));
  const { seen, logs, setLogs } = useSeen(shown?.figure, report.name);
  const count = run?.progress?.frames ?? 0;
  const wanted = report.frames ? (frame < 0 ? count - 1 : Math.min(frame, count - 1)) : -1;
  const askable = Boolean(run) && (report.frames ? count > 0 : canShow(run));
  // a report without frames of a run that goes on is made again as the run moves, but not for each of its events
  const tick = askable && !report.frames && !isFinal(run) ? Math.floor((run.progress?.fraction ?? 0) * 20) : isFinal(run ?? { state: '' }) ? 'final' : '';

  useEffect(() => { setFrame(-1); setPlaying(false); }, [run?.id]);
  useLayoutEffect(() => {
    feed.want(askable ? { run: run.id, report: report.name, frame: wanted, tick, final: isFinal(run), live: frame < 0 } : null);
  }, [run?.id, report.name, wanted, askable, tick]);
  useEffect(() => () => feed.close(), []);
  const link = connection.value;
  useEffect(() => { if (link === 'live') feed.resume(); }, [link, feed]);
  // whoever rests at a frame may go on to the next few; while one scrubs, nothing but what is wanted is asked for
  const still = frame >= 0 && !playing && shown?.frame === wanted;
  useEffect(() => {
    if (!still) return undefined;
    const timer = setTimeout(() => film.ahead(wanted, 1, count, false, 3), REST);
    return () => { clearTimeout(timer); film.stop(); };
  }, [still, film, wanted]);

  const current = shown?.run === run?.id && shown?.frame === wanted;
  const ofAnother = Boolean(shown) && shown.run !== run?.id;
  const odd = shown && unsupported(shown.figure);
  const ready = current && (odd || drawn === seen);
  // live, a picture of this run that is a moment old is as good as there can be
  const busy = askable && !error && !(ready || (frame < 0 && !isFinal(run) && drawn && shown?.run === run.id));
  const words = useMemo(() => (shown && !playing ? described(shown.figure) : ''), [shown?.figure, playing]);
  return html`
    <div class=${cls('report', ofAnother && 'is-stale', playing && 'is-playing')} aria-busy=${busy} ref=${stage}>
      <div class="report-stage">
        ${shown && !odd && html`<${Plot} figure=${seen} name=${`${report.name} ${logs.x} ${logs.y}`} label=${t('report.plot', { title: report.title })} describedby=${id} handle=${handle}
            film=${report.frames} moving=${playing || (report.frames && frame < 0 && Boolean(run) && !isFinal(run))}
            onDrawn=${(stands, problem) => { if (problem) feed.error.value = problem; else setDrawn(stands); }} />`}
        ${shown && !odd && html`<p id=${id} class="visually-hidden">${words}</p>`}
        ${odd && html`<${Empty} title=${t(`report.unsupported.${odd.why}`, { type: odd.type })} text=${t(`report.unsupported.${odd.why}.help`, { type: odd.type })} small />`}
        ${!(drawn || odd) && !error && html`<${Waiting} run=${run} busy=${askable} hint=${hint} />`}
        ${error && html`<${Failed} error=${error} retry=${() => feed.retry()} over=${Boolean(shown)} />`}
        ${ofAnother && !error && html`<span class="report-note">${askable || (run && !isFinal(run) && run.kind === 'quick') ? t('report.updating') : t('report.stale')}</span>`}
      </div>
      <div class="report-foot">
        ${report.frames && count > 0 && html`<${Player} frame=${wanted} shown=${ready ? wanted : -1} count=${count} live=${frame < 0} running=${!isFinal(run)} film=${film} show=${setFrame} playing=${playing} setPlaying=${setPlaying} />`}
        ${shown && html`<${Toolbar} figure=${shown.figure} odd=${Boolean(odd)} handle=${handle} stage=${stage} name=${`${report.name}${shown.frame >= 0 ? `-${shown.frame + 1}` : ''}`} logs=${logs} setLogs=${setLogs} />`}
      </div>
    </div>`;
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
