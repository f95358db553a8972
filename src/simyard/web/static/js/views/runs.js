/** Everything that the user runs and has run: live, filtered, folded; stopped, deleted and compared, one or many. */
import { api } from '../api.js';
import { now } from '../format.js';
import { html, useEffect, useMemo, useRef, useState } from '../lib.js';
import { Ask } from '../parts/dialog.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { MOST } from '../parts/history.js';
import { Icon } from '../parts/icon.js';
import { FILTERS, Filters } from '../parts/runs/filters.js';
import { Clusters } from '../parts/runs/clusters.js';
import { ShowAs } from '../parts/showas.js';
import { Row } from '../parts/runs/row.js';
import { useWindow } from '../parts/runs/window.js';
import { deleteRuns, note } from '../notes.js';
import { link, setQuery } from '../route.js';
import { folded, named, wantedOf } from '../runlist.js';
import { useRunPages } from '../runpages.js';
import { runs as asRuns } from '../showas.js';
import { isActive, isFinal } from '../states.js';
import { putRuns } from '../store.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';
import { complain } from '../toasts.js';

export { named };

/** Pixels of a row, as style/run.css has them; and from which width of the page on. */
const ROW = 58, CARD = 96, NARROW = '(max-width: 760px)';
/** Found less than this, the server is asked for more by itself. */
const FEW = 40;
const AT_ONCE = 4;

export function RunList({ query }) {
  const server = { simulation: query.simulation ?? '', code: query.code ?? '', model: query.model ?? '', state: ['completed', 'canceled'].includes(query.show) ? query.show : '' };
  const pages = useRunPages(server);
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const [ask, setAsk] = useState(/** @type {any} */ (null));
  useEffect(() => { setTitle(t('runs.title')); }, []);

  const minute = Math.floor(now.value / 60);
  const list = useMemo(() => wantedOf(pages.runs, query, minute * 60), [pages.runs, ...FILTERS.map((name) => query[name]), minute]);
  const items = useMemo(() => folded(list, open), [list, open]);
  const there = useMemo(() => new Set(list.map((run) => run.id)), [list]);
  const picked = list.filter((run) => chosen.has(run.id));

  const acts = useMemo(() => actsOf({ setChosen, setOpen, setAsk, drop: pages.drop }), []);
  useEffect(() => {
    // what is out of sight must not be deleted by a click
    if ([...chosen].some((id) => !there.has(id))) setChosen(new Set([...chosen].filter((id) => there.has(id))));
  }, [there]);
  useEffect(() => { if (list.length < FEW && !pages.end && !pages.error && pages.canLook) pages.more(); });

  const filtered = FILTERS.some((name) => query[name]);
  return html`
    <main class="page runs-page">
      <div class="page-head"><h1>${t('runs.title')}</h1><${ShowAs} note=${query.q || query.target || query.since || query.pinned ? t('showas.filters') : ''} commands=${() => asRuns({ origin: location.origin, ...server })} />
        <span class="hint number" role="status">${!pages.first && t(pages.end ? 'runs.count' : 'runs.count.more', { count: list.length })}</span></div>
      <${Clusters} />
      <${Filters} query=${query} />
      ${pages.error && html`<${LoadError} error=${pages.error} retry=${pages.more} />`}
      ${pages.first && !list.length && html`<${Skeleton} rows=${8} />`}
      ${!pages.first && !list.length && !pages.error && (filtered
        ? html`<${Empty} title=${t('runs.empty.filter')} text=${pages.end ? '' : t('runs.empty.further')}>
            ${!pages.end && html`<button type="button" class="button" onClick=${pages.more}>${t('runs.further')}</button>`}<//>`
        : html`<${Empty} title=${t('runs.empty')} text=${t('runs.empty.help')}><a class="button primary" href=${link('codes')}>${t('sims.empty.go')}</a><//>`)}
      ${list.length > 0 && html`<${Table} items=${items} open=${open} chosen=${chosen} list=${list} acts=${acts} more=${pages.end || pages.error ? null : pages.more} />`}
      ${list.length > 0 && !pages.end && html`<button type="button" class="button center" onClick=${pages.more}>${t('runs.further')}</button>`}
      ${picked.length > 0 && html`<${Picked} picked=${picked} acts=${acts} />`}
      ${ask && html`<${Ask} ...${ask} bad onClose=${() => setAsk(null)} />`}
    </main>`;
}

/** What can be done with runs, one or many. */
function actsOf({ setChosen, setOpen, setAsk, drop }) {
  const stop = async (list) => {
    await inTurn(list, async (run) => { const said = await api.cancelRun(run.id); if (said?.id) putRuns([said]); });
  };
  const remove = async (list) => {
    drop(await deleteRuns(list));
    setChosen(new Set());
  };
  return {
    clear: () => setChosen(new Set()),
    select: (list, on) => setChosen((was) => { const next = new Set(was); for (const run of list) { if (on) next.add(run.id); else next.delete(run.id); } return next; }),
    toggle: (key) => setOpen((was) => { const next = new Set(was); if (!next.delete(key)) next.add(key); return next; }),
    only: (run) => setQuery({ ...Object.fromEntries(FILTERS.map((name) => [name, ''])), simulation: run.simulation }),
    pin: (run) => note(run, { pinned: !run.pinned }),
    // one is stopped at once: it can be run again; many are asked about
    stop: (list) => {
      const active = list.filter(isActive);
      if (active.length === 1) { stop(active); return; }
      if (active.length) setAsk({ title: t('runs.stop.ask', { count: active.length }), text: t('runs.stop.ask.help'), go: t('runs.stop.go', { count: active.length }), onGo: () => stop(active) });
    },
    remove: (list) => {
      const over = list.filter(isFinal);
      if (over.length) setAsk({ title: t('runs.delete.ask', { count: over.length }), text: t(over.some((run) => run.pinned) ? 'runs.delete.pinned' : 'runs.delete.help'), go: t('runs.delete.go', { count: over.length }), onGo: () => remove(over) });
    },
  };
}

/** Does it for each, a few at a time, and complains of the first that it could not be done for. */
async function inTurn(list, act) {
  const left = [...list];
  let problem = /** @type {any} */ (null);
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = left.shift(); one; one = left.shift()) {
      try {
        await act(one);
      } catch (error) { problem ??= error; }
    }
  }));
  if (problem) complain(problem);
}

function Table({ items, open, chosen, list, acts, more }) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const narrow = useMedia(NARROW), height = narrow ? CARD : ROW;
  const { from, to } = useWindow(body, items.length, height);
  // at the end of what is there more is asked for, one page at a time
  useEffect(() => { if (more && to >= items.length) more(); });
  const all = list.every((run) => chosen.has(run.id)), some = list.some((run) => chosen.has(run.id));
  const head = (name) => html`<th scope="col" class=${`${name}-cell`}>${t(`runs.${name}`)}</th>`;
  const state = (runs) => (runs.every((run) => chosen.has(run.id)) ? 'all' : runs.some((run) => chosen.has(run.id)) ? 'some' : 'none');
  return html`
    <div class="table-box"><table class="table runs" aria-rowcount=${items.length + 1}>
      <thead><tr aria-rowindex="1">
        <th scope="col" class="pick-cell"><label class="pick"><input type="checkbox" checked=${all} indeterminate=${some && !all} aria-label=${t('runs.select.all')} onChange=${(event) => acts.select(list, event.currentTarget.checked)} /></label></th>
        ${['what', 'state', 'when', 'took', 'where'].map(head)}<th scope="col"><span class="visually-hidden">${t('common.actions')}</span></th></tr></thead>
      <tbody ref=${body}>
        ${from > 0 && html`<tr class="gap" aria-hidden="true" key="before"><td colspan="7" style=${{ height: `${from * height}px` }}></td></tr>`}
        ${items.slice(from, to).map((item, at) => html`<${Row} key=${item.kind + item.key} item=${item} index=${from + at} open=${open.has(item.key)} chosen=${state(item.runs)} acts=${acts} />`)}
        ${to < items.length && html`<tr class="gap" aria-hidden="true" key="after"><td colspan="7" style=${{ height: `${(items.length - to) * height}px` }}></td></tr>`}
      </tbody>
    </table></div>`;
}

function useMedia(words) {
  const [fits, setFits] = useState(() => matchMedia(words).matches);
  useEffect(() => {
    const media = matchMedia(words), look = () => setFits(media.matches);
    media.addEventListener('change', look);
    return () => media.removeEventListener('change', look);
  }, [words]);
  return fits;
}

/** What can be done with those that are selected, at the foot of the page. */
function Picked({ picked, acts }) {
  const active = picked.filter(isActive).length, over = picked.length - active;
  const address = `${link('compare')}?runs=${picked.map((run) => run.id).join(',')}`;
  const comparable = picked.length > 1 && picked.length <= MOST;
  return html`
    <div class="picked" role="region" aria-label=${t('runs.selected', { count: picked.length })}>
      <strong class="number" role="status">${t('runs.selected', { count: picked.length })}</strong>
      <span class="spacer"></span>
      ${comparable
        ? html`<a class="button small primary" href=${address}><${Icon} name="compare" />${t('runs.compare')}</a>`
        : html`<button type="button" class="button small" disabled title=${t(picked.length < 2 ? 'runs.compare.two' : 'runs.compare.many', { count: MOST })}><${Icon} name="compare" />${t('runs.compare')}</button>`}
      <button type="button" class="button small stop" disabled=${!active} onClick=${() => acts.stop(picked)}><${Icon} name="stop" />${t('run.stop')}</button>
      <button type="button" class="button small" disabled=${!over} onClick=${() => acts.remove(picked)}><${Icon} name="trash" />${t('common.delete')}</button>
      <button type="button" class="button quiet icon small" aria-label=${t('runs.select.none')} title=${t('runs.select.none')} onClick=${acts.clear}><${Icon} name="close" /></button>
    </div>`;
}
