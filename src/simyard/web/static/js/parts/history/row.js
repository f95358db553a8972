/** One run in a simulation's history, or several quick ones folded into a line. */
import { ago, duration, moment, title } from '../../format.js';
import { same } from '../../inputs.js';
import { cls, html, useState } from '../../lib.js';
import { note } from '../../notes.js';
import { go, link } from '../../route.js';
import { inputsOf, loadInputs } from '../../runinputs.js';
import { elapsed, isActive, wentWrong } from '../../states.js';
import { t } from '../../texts.js';
import { complain, toast } from '../../toasts.js';
import { Icon } from '../icon.js';
import { Menu } from '../menu.js';
import { rows } from '../results.js';
import { inWords } from '../saves/difference.js';
import { StateBadge } from '../state.js';
import { NoteEditor } from './note.js';

/** So many numbers and so many differing inputs are shown. */
const NUMBERS = 2, DIFFERENT = 3;

/**
 * @param {{ job: any, run: any, part: boolean, named: boolean, current: boolean, chosen: boolean, acts: any }} props
 */
export function HistoryRow({ job, run, part, named, current, chosen, acts }) {
  const [edits, setEdits] = useState(false);
  const { draft } = job, own = run.model === job.model.name;
  const took = elapsed(run), name = run.name || ago(run.created), active = isActive(run);
  const show = () => {
    if (own) job.show(run.id);
    else go('runs', run.id);
  };
  const numbers = rows(run.results, Object.fromEntries((draft.code.results ?? []).map((one) => [one.name, one]))).slice(0, NUMBERS);
  const model = draft.code.models.find((one) => one.name === run.model)?.title ?? run.model;
  return html`
    <li class=${cls('history-row', part && 'part', current && 'current', chosen && 'chosen')}>
      <label class="pick"><input type="checkbox" checked=${chosen} aria-label=${t('history.pick', { name })} onChange=${(event) => acts.choose([run], event.currentTarget.checked)} /></label>
      <div class="history-main">
        <div class="history-line">
          <button type="button" class="history-open" aria-current=${current ? 'true' : undefined} title=${moment(run.created, true)} onClick=${show}>${name}</button>
          ${run.pinned && html`<span class="pinned" title=${t('history.pinned')}><${Icon} name="pin" /><span class="visually-hidden">${t('history.pinned')}</span></span>`}
          <${StateBadge} state=${run.state} />
          ${named && html`<span class="hint">${model}</span>`}
          ${run.name && html`<span class="hint">${ago(run.created)}</span>`}
          ${Number.isFinite(took) && html`<span class="hint number">${duration(took)}</span>`}
          <span class="hint">${run.target}</span>
          ${numbers.map((one) => html`<span key=${one.key} class="history-number number"><span class="hint">${one.title}</span> ${one.text}${one.unit && ` ${one.unit}`}</span>`)}
        </div>
        <${Differs} run=${run} draft=${draft} />
        ${wentWrong(run) && run.reason && html`<p class="history-reason">${run.reason}</p>`}
        ${run.note && !edits && html`<p class="history-note">${run.note}</p>`}
        ${edits && html`<${NoteEditor} run=${run} close=${() => setEdits(false)} />`}
      </div>
      <div class="history-acts">
        <button type="button" class="button quiet icon small" aria-pressed=${run.pinned} aria-label=${t('history.pin', { name })} title=${t(run.pinned ? 'history.unpin' : 'history.pin.help')} onClick=${() => note(run, { pinned: !run.pinned })}><${Icon} name="pin" /></button>
        <${Menu} label=${t('history.menu', { name })} items=${[
          { text: t('history.open'), icon: 'expand', run: () => go('runs', run.id) },
          { text: t(run.name || run.note ? 'history.note.edit' : 'history.note.add'), icon: 'note', run: () => setEdits(true) },
          !draft.frozen.value && { text: t('history.use'), icon: 'undo', run: () => useInputs(draft, run) },
          !current && own && job.run.value && { text: t('history.compare.shown'), icon: 'compare', run: () => { location.hash = `${link('compare')}?runs=${run.id},${job.run.value.id}`; } },
          !active && { text: t('common.delete'), icon: 'trash', bad: true, run: () => acts.remove([run]) },
        ]} />
      </div>
    </li>`;
}

/** Several quick runs that followed each other. @param {{ item: any, open: boolean, acts: any }} props */
export function FoldRow({ item, open, acts }) {
  const { runs } = item, oldest = runs[runs.length - 1];
  const clock = (run) => new Date(run.created).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const sameDay = new Date(oldest.created).toDateString() === new Date(runs[0].created).toDateString();
  const [from, to] = sameDay ? [clock(oldest), clock(runs[0])] : [moment(oldest.created), moment(runs[0].created)];
  const words = t(from === to ? 'history.fold.once' : 'history.fold', { count: runs.length, from, to });
  const bad = runs.filter(wentWrong).length;
  return html`
    <li class="history-row fold">
      <button type="button" class="history-fold" aria-expanded=${open} onClick=${() => acts.open(item.key)}><${Icon} name=${open ? 'down' : 'next'} /><span>${words}</span>
        ${bad > 0 && html`<span class="history-bad">${t('history.fold.bad', { count: bad })}</span>`}</button>
      <div class="history-acts">
        <button type="button" class="button quiet icon small" aria-label=${t('history.fold.delete', { words })} title=${t('common.delete')} onClick=${() => acts.remove(runs)}><${Icon} name="trash" /></button>
      </div>
    </li>`;
}

/** Of a file that came from another simulation it is that which was chosen, and not what it was called. */
const sourcesOf = (made) => Object.fromEntries((made.sources ?? []).map(({ input, simulation, model, file }) => [input, { simulation, model, file }]));

/** Which inputs of the run are others than now. @param {{ run: any, draft: any }} props */
function Differs({ run, draft }) {
  const made = inputsOf(run.id), { inputs, revision } = draft.simulation.value;
  if (run.simulation_revision === revision) return html`<p class="history-differs hint">${t('history.same')}</p>`;
  // the room is kept while it is asked for
  if (made === undefined) return html`<p class="history-differs hint" aria-hidden="true"> </p>`;
  if (made === null) return null;
  const defaults = Object.fromEntries(draft.code.inputs.map((one) => [one.name, one.default]));
  const now = { ...defaults, ...inputs }, then = { ...defaults, ...made.inputs, ...sourcesOf(made) };
  const changed = draft.code.inputs.filter((one) => !same(now[one.name], then[one.name]));
  const files = Object.entries(made.files ?? {}).filter(([name, sha]) => !made.sources?.some((one) => one.as === name) && draft.simulation.value.files?.[name]?.sha256 !== sha).map(([name]) => name);
  if (!changed.length && !files.length) return html`<p class="history-differs hint">${t('history.same')}</p>`;
  const rest = Math.max(0, changed.length - DIFFERENT);
  return html`
    <p class="history-differs">
      ${changed.slice(0, DIFFERENT).map((one) => html`<span key=${one.name} class="number"><span class="hint">${one.title}</span> ${one.type === 'text' || one.type === 'table' ? t('history.other') : inWords(one, then[one.name])}</span>`)}
      ${files.slice(0, DIFFERENT).map((name) => html`<span key=${`file ${name}`}><span class="hint">${name}</span> ${t('history.other')}</span>`)}
      ${rest > 0 && html`<span class="hint">${t('history.further', { count: rest })}</span>`}
    </p>`;
}

/** The simulation's inputs and files become those of the run, which can be undone. */
async function useInputs(draft, run) {
  try {
    const made = await loadInputs(run.id);
    const known = new Set(draft.code.inputs.map((one) => one.name));
    const inputs = Object.fromEntries(Object.entries(made.inputs).filter(([name]) => known.has(name)));
    const here = Object.keys(draft.simulation.value.files ?? {}).filter((name) => !(name in made.files));
    const files = { ...Object.fromEntries(here.map((name) => [name, null])), ...made.files };
    if (!await draft.put(inputs, files)) return;
    const name = run.name || `${title(run.model)}, ${moment(run.created)}`;
    toast(t('history.used', { name }), { action: { text: t('common.undo'), run: () => draft.undo() } });
  } catch (error) {
    complain(error);
  }
}

