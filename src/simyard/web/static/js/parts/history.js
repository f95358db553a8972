/** The runs of a simulation: what each gave, what it was made of, and what can be done with them. */
import { html, useEffect, useMemo, useState } from '../lib.js';
import { deleteRuns } from '../notes.js';
import { link } from '../route.js';
import { folded } from '../runlist.js';
import { wantInputs } from '../runinputs.js';
import { useRunPages } from '../runpages.js';
import { isFinal } from '../states.js';
import { t } from '../texts.js';
import { Ask } from './dialog.js';
import { LoadError, Skeleton } from './empty.js';
import { FoldRow, HistoryRow } from './history/row.js';
import { Icon } from './icon.js';
import { Menu } from './menu.js';

/** Rows that are shown at first, and more at a time. */
const STEP = 20;
/** More curves than this nobody can tell apart. */
export const MOST = 6;

const isOwn = (run) => Boolean(run.name || run.note || run.pinned);

/**
 * `job` is the model's, `run` the one that is looked at.
 * @param {{ job: any, run: any }} props
 */
export function History({ job, run }) {
  const [all, setAll] = useState(false);
  const [count, setCount] = useState(STEP);
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const [ask, setAsk] = useState(/** @type {any} */ (null));
  const { draft, model } = job, simulation = draft.simulation.value.id, { code } = draft;
  const pages = useRunPages({ simulation, model: all ? '' : model.name });

  const list = useMemo(() => pages.runs.filter((one) => one.simulation === simulation && (all || one.model === model.name)).sort((a, b) => (a.id < b.id ? 1 : -1)),
    [pages.runs, simulation, all, model.name]);
  const items = useMemo(() => folded(list, open), [list, open]);
  const shown = items.slice(0, count);
  const looked = shown.filter((item) => item.kind !== 'fold').map((item) => item.run.id);
  useEffect(() => { wantInputs(looked); }, [looked.join()]);
  useEffect(() => {
    const there = new Set(list.map((one) => one.id));
    if ([...chosen].some((id) => !there.has(id))) setChosen(new Set([...chosen].filter((id) => there.has(id))));
  }, [list]);

  const remove = (runs, words = {}) => {
    const over = runs.filter(isFinal);
    if (!over.length) return;
    const gone = async () => { pages.drop(await deleteRuns(over)); setChosen(new Set()); };
    setAsk({ title: t('history.delete', { count: over.length }), text: t(over.some(isOwn) ? 'history.delete.own' : 'history.delete.help'), go: t('common.delete'), onGo: gone, ...words });
  };
  const toggle = (set, keys, on) => { const next = new Set(set); for (const key of keys) { if (on ?? !next.has(key)) next.add(key); else next.delete(key); } return next; };
  const acts = {
    choose: (runs, on) => setChosen((was) => toggle(was, runs.map((one) => one.id), on)),
    open: (key) => setOpen((was) => toggle(was, [key])),
    remove,
  };
  // what somebody has pinned, named or written on is never cleaned away
  const clutter = list.filter((one) => one.kind === 'quick' && isFinal(one) && !isOwn(one) && one.id !== run?.id);
  const picked = list.filter((one) => chosen.has(one.id));
  const more = () => { setCount(count + STEP); if (items.length < count + 2 * STEP && !pages.end) pages.more(); };

  return html`
    <section class="history" aria-label=${t('history.title')}>
      <div class="history-head">
        ${code.models.length > 1 && html`
          <div class="segments" role="group" aria-label=${t('history.which')}>
            <button type="button" class="chip" aria-pressed=${!all} onClick=${() => setAll(false)}>${model.title}</button>
            <button type="button" class="chip" aria-pressed=${all} onClick=${() => setAll(true)}>${t('history.all')}</button>
          </div>`}
        <span class="spacer"></span>
        <${Menu} label=${t('history.clean')} items=${[{
          text: t('history.clean.quick', { count: clutter.length }), icon: 'trash', bad: true, disabled: !clutter.length,
          run: () => remove(clutter, { title: t('history.clean.ask', { count: clutter.length }), text: t('history.clean.help') }),
        }]} />
      </div>
      ${pages.error && html`<${LoadError} error=${pages.error} retry=${pages.more} />`}
      ${pages.first && !list.length && html`<${Skeleton} rows=${3} />`}
      ${!pages.first && !list.length && !pages.error && html`<p class="hint">${t('history.none')}</p>`}
      <ul class="history-list">
        ${shown.map((item) => (item.kind === 'fold'
          ? html`<${FoldRow} key=${item.key} item=${item} open=${open.has(item.key)} acts=${acts} />`
          : html`<${HistoryRow} key=${item.key} job=${job} run=${item.run} part=${item.kind === 'part'} named=${all} current=${item.run.id === run?.id} chosen=${chosen.has(item.run.id)} acts=${acts} />`))}
      </ul>
      ${(items.length > count || !pages.end) && list.length > 0 && html`<button type="button" class="button small center" onClick=${more}>${t('common.more')}</button>`}
      ${picked.length > 0 && html`<${Picked} picked=${picked} clear=${() => setChosen(new Set())} remove=${remove} />`}
      ${ask && html`<${Ask} ...${ask} bad onClose=${() => setAsk(null)} />`}
    </section>`;
}

/** @param {{ picked: any[], clear: () => void, remove: (runs: any[]) => void }} props */
function Picked({ picked, clear, remove }) {
  const fits = picked.length > 1 && picked.length <= MOST;
  const address = `${link('compare')}?runs=${picked.map((one) => one.id).sort().join(',')}`; // the oldest is what the others are compared with
  return html`
    <div class="history-picked">
      <strong class="number" role="status">${t('history.picked', { count: picked.length })}</strong><span class="spacer"></span>
      ${fits ? html`<a class="button small primary" href=${address}><${Icon} name="compare" />${t('history.compare')}</a>`
        : html`<span class="hint">${t(picked.length < 2 ? 'history.compare.two' : 'history.compare.many', { count: MOST })}</span>`}
      <button type="button" class="button small" disabled=${!picked.some(isFinal)} onClick=${() => remove(picked)}><${Icon} name="trash" />${t('common.delete')}</button>
      <button type="button" class="button quiet icon small" aria-label=${t('history.clear')} title=${t('history.clear')} onClick=${clear}><${Icon} name="close" /></button>
    </div>`;
}
