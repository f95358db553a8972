/** The little picture of a run's first plot, drawn when it comes into view; a quiet sign of its state where there is none. */
import { figure } from '../figures.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { isFinal } from '../states.js';
import { codes } from '../store.js';
import { colours, dark } from '../theme.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';
import { drawSketch, sketched } from './plot/sketch.js';

/** Pictures that are kept, and that are asked for at a time. */
const KEPT = 300, AT_ONCE = 4;
/** @type {Map<string, import('./plot/sketch.js').Sketch | null>} by run, report and frame; null: there is nothing to show. */
const kept = new Map();
/** @type {(() => void)[]} */
const waiting = [];
let asking = 0;

/** Which picture stands for a run: {run, report, frame, key}; null where there can be none (yet). @param {any} run */
function pictureOf(run) {
  const code = codes.value?.byName.get(run.code);
  const model = code?.models.find((/** @type {any} */ one) => one.name === run.model);
  const report = code?.reports.find((/** @type {any} */ one) => one.name === model?.reports[0]);
  const frames = run.progress?.frames ?? 0;
  if (!report || !isFinal(run) || (run.state !== 'completed' && !(report.frames && frames))) return null;
  if (report.frames && !frames) return null;
  const frame = report.frames ? frames - 1 : -1;
  return { run: run.id, report: report.name, frame, key: `${run.id}/${report.name}/${frame}` };
}

/** @param {any} picture @param {AbortSignal} abort */
async function fetched(picture, abort) {
  if (asking >= AT_ONCE) await new Promise((resolve) => { waiting.push(() => resolve(undefined)); });
  asking += 1;
  try {
    if (abort.aborted) return undefined;
    if (!kept.has(picture.key)) {
      // not kept as a figure: the next few hundred numbers are enough
      const sketch = sketched(await figure(picture.run, picture.report, picture.frame, { abort }));
      kept.set(picture.key, sketch);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value ?? '');
    }
    return kept.get(picture.key);
  } finally {
    asking -= 1;
    waiting.shift()?.();
  }
}

const SIGNS = { failed: 'warning', lost: 'warning', canceled: 'stop', running: 'play', starting: 'play', pending: 'history', canceling: 'stop' };

/** @param {{run: any}} what a run, or none: a simulation that was never run */
export function Thumb({ run }) {
  const box = useRef(/** @type {any} */ (null)), canvas = useRef(/** @type {any} */ (null));
  const [seen, setSeen] = useState(false);
  const picture = run ? pictureOf(run) : null;
  const [sketch, setSketch] = useState(/** @type {any} */ (picture ? kept.get(picture.key) : null));
  const night = dark.value;

  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.some((entry) => entry.isIntersecting)), { rootMargin: '120px' });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!picture) { setSketch(null); return undefined; }
    if (kept.has(picture.key)) { setSketch(kept.get(picture.key)); return undefined; }
    if (!seen) return undefined;
    const abort = new AbortController();
    // a picture that cannot be had is none: who opens the run is told why
    fetched(picture, abort.signal).then((found) => { if (!abort.signal.aborted) setSketch(found ?? null); }, () => {});
    return () => abort.abort();
  }, [picture?.key, seen]);
  useLayoutEffect(() => {
    if (sketch && seen && canvas.current?.clientWidth) drawSketch(canvas.current, sketch, colours('--plot-1', '--plot-2', '--plot-3', '--plot-4', '--plot-5', '--plot-6'));
  }, [sketch, seen, night]);

  return html`
    <span class=${`thumb ${run?.state ?? 'none'}`} ref=${box} role=${sketch ? 'img' : undefined} aria-label=${sketch ? t('thumb.plot') : undefined}>
      ${sketch ? html`<canvas ref=${canvas}></canvas>` : html`<${Icon} name=${SIGNS[run?.state] ?? 'image'} />`}
    </span>`;
}
