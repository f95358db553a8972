/** A run that did not end well: the cause, the code's own words, the log around it, and what to do about it. */
import { api } from '../../api.js';
import { plain, speaksOfError } from '../../ansi.js';
import { size } from '../../format.js';
import { cls, html, useEffect, useState } from '../../lib.js';
import { remedies } from '../../remedy.js';
import { sizeText, timeText } from '../../resources.js';
import { isFinal, supersededBy, wentWrong } from '../../states.js';
import { runsOf, targets } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';

/** Bytes of the log's end that are looked at, and lines that are shown. */
const TAIL = 65_536, LINES = 9, BEFORE = 5;
/** Signals that somebody else sends; the others a code gets for its own doing. */
const KILLS = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
const CAUSES = ['memory', 'time-limit', 'disk', 'signal', 'exit', 'exception', 'input', 'start', 'lost'];

/** The cause in words: “It needed more memory than the 1 GiB that it was allowed”. */
export function causeWords(run) {
  if (run.state === 'lost') return t('cause.lost');
  if (!CAUSES.includes(run.cause)) return t('cause.unknown');
  const limit = run.resources?.time_limit;
  if (run.cause === 'time-limit' && limit) return t('cause.time-limit.of', { time: timeText(limit) });
  if (run.cause === 'exit' && run.usage?.exit_code) return t('cause.exit.of', { status: run.usage.exit_code });
  if (run.cause === 'signal' && run.usage?.signal) return t(KILLS.has(run.usage.signal) ? 'cause.signal.killed' : 'cause.signal.of', { signal: run.usage.signal });
  // of a job that Slurm, or somebody there, has ended nothing but that is known
  if (run.cause === 'signal' && run.remote?.job) return t('cause.signal.there');
  return t(`cause.${run.cause}`, { size: size(run.resources?.memory), where: run.target });
}

/**
 * What became of a final run that did not complete. `over`: laid over the results, which must not jump.
 * `again(resources)` runs it again; without it there is only the explanation. `code`: its declaration.
 * @param {{ run: any, code?: any, over?: boolean, again?: (resources: any) => unknown, log?: boolean }} props
 */
export function Outcome({ run, code = undefined, over = false, again = undefined, log = true }) {
  if (!isFinal(run) || run.state === 'completed') return null;
  if (!wentWrong(run)) return html`<${Canceled} run=${run} over=${over} />`;
  return html`
    <section class=${cls('failure', over && 'over')} role="alert" aria-label=${t(`state.${run.state}`)}>
      <div class="failure-head"><${Icon} name="warning" /><strong>${causeWords(run)}</strong></div>
      ${run.reason && html`<p class="reason">${run.reason}</p>`}
      ${log && run.started && html`<${Excerpt} key=${run.id} run=${run} />`}
      <${Fixes} run=${run} code=${code} again=${again} />
    </section>`;
}

/** Stopped: by the user, or for newer inputs. */
function Canceled({ run, over }) {
  const newer = supersededBy(run, runsOf(run.simulation, run.model));
  if (!newer && !run.reason) return null;
  // a quick run that follows the inputs is stopped all the time: the state line says it
  if (over && newer) return null;
  return html`<p class="notice"><span class="reason">${newer ? t('run.superseded') : run.reason}</span></p>`;
}

function Fixes({ run, code, again }) {
  const list = remedies(run, code, targets.value.find((one) => one.name === run.target));
  const free = list.find((one) => one.kind === 'free');
  const button = (one) => {
    const first = list.find((each) => each.kind !== 'free') === one;
    const as = cls('button small', first && one.kind !== 'again' && 'primary');
    if (one.kind === 'memory') return again && html`<button type="button" class=${as} onClick=${() => again({ memory: sizeText(one.amount) })}>${t(one.amount < 2 * run.resources.memory ? 'fix.memory.all' : 'fix.memory', { size: sizeText(one.amount), where: run.target })}</button>`;
    if (one.kind === 'time') return again && html`<button type="button" class=${as} onClick=${() => again({ time_limit: timeText(one.amount) })}>${t(one.amount < 2 * (run.resources.time_limit ?? 0) ? 'fix.time.all' : 'fix.time', { time: timeText(one.amount), where: run.target })}</button>`;
    if (one.kind === 'input') return fieldOf(one.input) && html`<button type="button" class=${as} onClick=${() => jumpTo(fieldOf(one.input))}><${Icon} name="edit" />${t('fix.input', { title: code?.inputs.find((each) => each.name === one.input)?.title ?? one.input })}</button>`;
    if (one.kind === 'files') return html`<button type="button" class=${as} onClick=${() => jumpTo(document.querySelector('.dropzone, .file-field, .inputs'))}><${Icon} name="upload" />${t('fix.file', { name: one.file })}</button>`;
    if (one.kind === 'again') return again && html`<button type="button" class=${as} onClick=${() => again({})}><${Icon} name="reset" />${t('run.again')}</button>`;
    return null;
  };
  return html`
    ${free && html`<p class="failure-hint">${t('fix.disk')}</p>`}
    <div class="failure-fixes">${list.map((one) => html`<span key=${one.kind}>${button(one)}</span>`)}</div>`;
}

/** The field of an input, where the form is on the page. */
const fieldOf = (name) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-input="${CSS.escape(name)}"], #input-${CSS.escape(name)}, #field-${CSS.escape(name)}`));

function jumpTo(/** @type {Element | null} */ place) {
  if (!place) return;
  for (let fold = place.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null) fold.open = true;
  place.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  const field = place.matches('input, select, textarea, button') ? place : place.querySelector('input, select, textarea') ?? place.querySelector('button');
  /** @type {HTMLElement | null} */ (field)?.focus({ preventScroll: true });
  place.classList.add('pointed');
  setTimeout(() => place.classList.remove('pointed'), 2000);
}

/** The lines of the log around its first word of an error, else its last. */
function Excerpt({ run }) {
  const [lines, setLines] = useState(/** @type {{ text: string, bad: boolean }[] | null} */ (null));
  useEffect(() => {
    let current = true;
    tail(run).then((text) => { if (current) setLines(excerpt(text)); }, () => { if (current) setLines([]); });
    return () => { current = false; };
  }, [run.id]);
  if (lines && !lines.length) return null;
  return html`<pre class="excerpt" role="group" tabIndex="0" aria-label=${t('run.said')} aria-busy=${!lines}>${(lines ?? []).map((one, at) => html`<span key=${at} class=${one.bad ? 'bad-line' : ''}>${one.text}${'\n'}</span>`)}</pre>`;
}

async function tail(run) {
  const whole = await api.log(run.id);
  // most logs are short; the end of an empty one cannot be asked for
  if (!(Number(whole.headers.get('Content-Length')) > TAIL)) return whole.text();
  whole.body?.cancel();
  const end = await (await api.log(run.id, TAIL)).text();
  return end.slice(end.indexOf('\n') + 1);
}

/** @param {string} text */
export function excerpt(text) {
  const all = text.replace(/\n+$/, '').split('\n').map(plain);
  if (all.length === 1 && !all[0]) return [];
  let at = all.findIndex(speaksOfError);
  // of a traceback the last line says what was wrong
  if (at >= 0 && /^Traceback /.test(all[at])) {
    const end = all.findIndex((one, n) => n > at && /^\S/.test(one));
    if (end > 0) at = end;
  }
  const from = Math.max(0, at < 0 ? all.length - LINES : at - BEFORE);
  return all.slice(from, from + LINES).map((one, n) => ({ text: one, bad: from + n === at }));
}
