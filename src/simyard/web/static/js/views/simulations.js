/** All of the user's simulations: folders, tags, search, sort, selection, the bin, export and import. */
import { cls, html, useEffect, useMemo, useRef, useState } from '../lib.js';
import { useKeys } from '../keys.js';
import { lastRun, loadLastRuns, lookAt, notes } from '../lastruns.js';
import { SORT_NAMES, found, foldersOf, sorted, tagsOf, wordsOf } from '../order.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Menu } from '../parts/menu.js';
import { Bin } from '../parts/sims/bin.js';
import { MoveDialog, TagsDialog } from '../parts/sims/dialogs.js';
import { Rail } from '../parts/sims/rail.js';
import { DRAGGED, SimRow } from '../parts/sims/row.js';
import { Windowed } from '../parts/sims/windowed.js';
import { go, link, route, setQuery } from '../route.js';
import { change, copySimulation, move, remove, save, take } from '../simactions.js';
import { codes, loadSimulations, simulations, simulationsError } from '../store.js';
import { ShowAs } from '../parts/showas.js';
import { simulations as asSimulations } from '../showas.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';

export { copySimulation, deleteSoon } from '../simactions.js';

const LOOK = 'simyard.simulations.look';
const HEIGHT = { list: 64, narrow: 88, grid: 252 };
const NARROW = matchMedia('(max-width: 760px)');
const noSims = /** @type {any[]} */ ([]);

export function Simulations() {
  const { folder = '', q = '', sort = 'changed', show = '', tags: tagged = '' } = route.value.query;
  const tags = tagged.split(',').filter(Boolean);
  const [grid, setGrid] = useState(localStorage.getItem(LOOK) === 'grid');
  const [narrow, setNarrow] = useState(NARROW.matches);
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [current, setCurrent] = useState({ id: '', moved: 0 });
  const [renaming, setRenaming] = useState('');
  const [dialog, setDialog] = useState(/** @type {{ kind: string, list: any[] } | null} */ (null));
  const [importing, setImporting] = useState(false);
  const [dropping, setDropping] = useState(false);
  const anchor = useRef('');
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    setTitle(t('sims.title'));
    if (simulations.value) loadSimulations(); // one may have been made elsewhere
    loadLastRuns();
    const onNarrow = () => setNarrow(NARROW.matches);
    NARROW.addEventListener('change', onNarrow);
    return () => NARROW.removeEventListener('change', onNarrow);
  }, []);
  const bin = show === 'bin';
  const all = useMemo(() => (simulations.value ? [...simulations.value.values()].filter((sim) => !sim.deleted) : noSims), [simulations.value]);
  const folders = useMemo(() => foldersOf(all), [all]);
  const known = useMemo(() => tagsOf(all), [all]);
  const words = wordsOf(q);
  const last = (/** @type {any} */ sim) => lastRun(sim.id);
  // read here, so that a run's change sorts again only where runs decide the order
  const runsAt = sort === 'run' || sort === 'state' ? all.map((sim) => `${last(sim)?.id} ${last(sim)?.state}`).join() : '';
  const list = useMemo(
    () => sorted(found(all, { folder, tags, words }, (sim) => `${codes.value?.byName.get(sim.code)?.title ?? ''} ${notes.value.get(sim.id) ?? ''}`), sort, last),
    [all, folder, tagged, q, sort, runsAt, codes.value, words.length ? notes.value : null],
  );
  const chosen = useMemo(() => list.filter((sim) => selected.has(sim.id)), [list, selected]);
  const at = list.findIndex((sim) => sim.id === current.id);
  const byId = (/** @type {string[]} */ ids) => ids.map((id) => simulations.value?.get(id)).filter(Boolean);
  const clear = () => setSelected(new Set());

  const act = {
    select: (/** @type {any} */ sim, /** @type {boolean} */ range) => {
      const next = new Set(selected);
      const from = list.findIndex((one) => one.id === anchor.current), to = list.indexOf(sim);
      const on = !selected.has(sim.id);
      const some = range && from >= 0 ? list.slice(Math.min(from, to), Math.max(from, to) + 1) : [sim];
      for (const one of some) if (on) next.add(one.id); else next.delete(one.id);
      anchor.current = sim.id;
      setSelected(next);
    },
    focus: (/** @type {any} */ sim) => { if (current.id !== sim.id) setCurrent({ id: sim.id, moved: 0 }); },
    rename: (/** @type {any} */ sim, /** @type {string | null | undefined} */ name) => {
      setRenaming('');
      if (name) change([sim], () => ({ name }));
      setCurrent({ id: sim.id, moved: current.moved + 1 });
    },
    drag: (/** @type {DragEvent} */ event, /** @type {any} */ sim) => {
      const ids = selected.has(sim.id) ? chosen.map((one) => one.id) : [sim.id];
      event.dataTransfer?.setData(DRAGGED, JSON.stringify(ids));
      if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
      document.body.classList.add('dragging-sims');
    },
    dragEnd: () => document.body.classList.remove('dragging-sims'),
    tag: (/** @type {string} */ tag) => { if (!tags.includes(tag)) setQuery({ tags: [...tags, tag].join(',') }); },
    actions: (/** @type {any} */ sim) => [
      { text: t('common.open'), icon: 'next', run: () => go('simulations', sim.id) },
      { text: t('common.rename'), icon: 'edit', run: () => setRenaming(sim.id) },
      { text: t('sims.copy'), icon: 'copy', run: () => copySimulation(sim) },
      { text: t('sims.move.to'), icon: 'folder', run: () => setDialog({ kind: 'move', list: [sim] }) },
      { text: t('sims.tags.edit'), icon: 'tag', run: () => setDialog({ kind: 'tags', list: [sim] }) },
      { text: t('sims.export'), icon: 'download', run: () => save([sim]) },
      { text: t('common.delete'), icon: 'trash', bad: true, run: () => bye([sim]) },
    ],
  };
  const bye = (/** @type {any[]} */ some) => {
    const gone = new Set(some.map((sim) => sim.id));
    const next = list.find((sim, index) => index >= at && !gone.has(sim.id)) ?? [...list].reverse().find((sim) => !gone.has(sim.id));
    if (next && at >= 0) setCurrent({ id: next.id, moved: current.moved + 1 });
    setSelected(new Set([...selected].filter((id) => !gone.has(id))));
    remove(some);
  };
  const step = (/** @type {number} */ by) => (/** @type {KeyboardEvent} */ event) => {
    if (bin || !list.length || event.target?.closest?.('[role=menu], select, .rail')) return false;
    const columns = grid ? Number(getComputedStyle(document.querySelector('.windowed-rows') ?? document.body).gridTemplateColumns.split(' ').length) || 1 : 1;
    const rows = { ArrowDown: columns, ArrowUp: -columns }[event.key] ?? by;
    const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + rows))];
    setCurrent({ id: next.id, moved: current.moved + 1 });
    return undefined;
  };
  // the focus follows, once the row stands in the page
  useEffect(() => {
    if (current.moved) document.querySelector(`[data-sim="${current.id}"] .sim-name`)?.focus({ preventScroll: true });
  }, [current.moved]);
  const one = () => (chosen.length ? chosen : at >= 0 ? [list[at]] : []);
  const withOne = (/** @type {(some: any[]) => void} */ run) => () => {
    const some = one();
    if (bin || !some.length) return false;
    run(some);
    return undefined;
  };
  useKeys([
    { keys: ['j', 'ArrowDown'], text: t('sims.keys.down'), run: step(1) },
    { keys: ['k', 'ArrowUp'], text: t('sims.keys.up'), run: step(-1) },
    grid && { keys: 'ArrowRight', text: t('sims.keys.down'), run: step(1) },
    grid && { keys: 'ArrowLeft', text: t('sims.keys.up'), run: step(-1) },
    { keys: 'Enter', text: t('sims.keys.open') },
    { keys: 'x', text: t('sims.keys.select'), run: () => { if (bin || at < 0) return false; act.select(list[at], false); return undefined; } },
    { keys: 'F2', text: t('common.rename'), run: withOne(([sim]) => setRenaming(sim.id)) },
    { keys: 'm', text: t('sims.move.to'), run: withOne((some) => setDialog({ kind: 'move', list: some })) },
    { keys: 'Delete', text: t('sims.keys.delete'), run: withOne(bye) },
    { keys: 'Escape', text: t('sims.keys.clear'), run: () => { if (!selected.size) return false; clear(); return undefined; } },
  ], { group: t('sims.title') });

  const receive = async (/** @type {Iterable<File>} */ files) => {
    setImporting(true);
    await take([...files]);
    setImporting(false);
  };
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
  const onDrop = (/** @type {DragEvent} */ event) => {
    setDropping(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    receive(event.dataTransfer?.files ?? []);
  };
  const onSearchKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'ArrowDown' && list.length) setCurrent({ id: list[0].id, moved: current.moved + 1 });
    else if (event.key === 'Escape' && q) setQuery({ q: '' });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const look = grid ? 'grid' : narrow ? 'narrow' : 'list';
  const parts = folder.split('/').filter(Boolean);
  const nothing = simulations.value && all.length === 0;
  return html`
    <main class=${cls('page', 'sims-page', dropping && 'dropping')}
      onDragOver=${(/** @type {DragEvent} */ event) => { if (hasFiles(event)) { event.preventDefault(); setDropping(true); } }}
      onDragLeave=${(/** @type {DragEvent} */ event) => { if (!event.currentTarget?.contains(event.relatedTarget)) setDropping(false); }} onDrop=${onDrop}>
      <div class="page-head">
        <h1>${bin ? t('sims.bin') : t('sims.title')}</h1>
        ${!(nothing && !bin) && html`<div class="search"><${Icon} name="search" /><input class="input" type="search" placeholder=${t('sims.search')} aria-label=${t('sims.search')} value=${q} onKeyDown=${onSearchKey} onInput=${(/** @type {InputEvent} */ event) => setQuery({ q: event.currentTarget?.value })} /></div>`}
        <input ref=${picker} type="file" accept=".zip,application/zip" multiple hidden onChange=${(/** @type {Event} */ event) => { receive(event.currentTarget?.files ?? []); if (event.currentTarget) event.currentTarget.value = ''; }} />
        ${!bin && !nothing && html`<span class="wide-only"><${ShowAs} commands=${() => asSimulations({ origin: location.origin, folder, tag: tags.length === 1 ? tags[0] : '' })} /></span>`}
        <button type="button" class="button import" aria-label=${t('sims.import')} disabled=${importing} aria-busy=${importing} title=${t('sims.import.help')} onClick=${() => picker.current?.click()}>${importing ? html`<span class="spinner small" aria-hidden="true"></span>` : html`<${Icon} name="upload" />`}<span>${t('sims.import')}</span></button>
        <a class="button primary" href=${link('codes')} aria-label=${t('gallery.start')}><${Icon} name="plus" /><span>${t('gallery.start')}</span></a>
      </div>
      <div class="sims-columns">
        <${Rail} all=${simulations.value ? all.length : undefined} folders=${folders} folder=${folder} tags=${known} chosen=${tags} bin=${bin}
          move=${(/** @type {string[]} */ ids, /** @type {string} */ to) => move(byId(ids), to)} toBin=${(/** @type {string[]} */ ids) => bye(byId(ids))} />
        <div class="sims-content">
          ${simulationsError.value && html`<${LoadError} error=${simulationsError.value} retry=${loadSimulations} />`}
          ${!simulations.value && !simulationsError.value && html`<${Skeleton} rows=${7} />`}
          ${bin && simulations.value && html`<${Bin} words=${words} />`}
          ${!bin && nothing && html`
            <${Empty} title=${t('sims.empty')} text=${t('sims.empty.help')}><a class="button primary" href=${link('codes')}>${t('sims.empty.go')}</a><p class="hint">${t('sims.empty.import')}</p><//>`}
          ${!bin && all.length > 0 && html`
            <div class="sims-bar">
              ${chosen.length > 0
                ? html`<${Selection} list=${chosen} all=${list} selectAll=${() => setSelected(new Set(list.map((sim) => sim.id)))} clear=${clear} dialog=${setDialog} bye=${bye} />`
                : html`
                  <nav class="crumb-line" aria-label=${t('sims.folder')}>
                    <button type="button" class="linklike" aria-current=${parts.length ? undefined : 'true'} onClick=${() => setQuery({ folder: '' })}>${t('sims.all')}</button>
                    ${parts.map((name, index) => html`<span key=${index} class="crumb"><span aria-hidden="true">/</span><button type="button" class="linklike" aria-current=${index === parts.length - 1 ? 'true' : undefined} onClick=${() => setQuery({ folder: parts.slice(0, index + 1).join('/') })}>${name}</button></span>`)}
                    <span class="hint sims-count" role="status">${t(list.length === all.length ? 'sims.count' : 'sims.count.of', { count: list.length, all: all.length })}</span>
                  </nav>
                  ${tags.map((tag) => html`<button type="button" class="tag on" key=${tag} aria-label=${t('sims.tag.remove', { tag })} onClick=${() => setQuery({ tags: tags.filter((name) => name !== tag).join(',') })}><span>${tag}</span><${Icon} name="close" /></button>`)}
                  <span class="spacer"></span>
                  <${Menu} label=${t('sims.sort')} items=${SORT_NAMES.map((name) => ({ text: t(`sims.sort.${name}`), icon: name === (SORT_NAMES.includes(sort) ? sort : 'changed') ? 'check' : 'blank', run: () => setQuery({ sort: name === 'changed' ? '' : name }) }))}><${Icon} name="sort" /><span>${t(`sims.sort.${SORT_NAMES.includes(sort) ? sort : 'changed'}`)}</span><//>
                  <button type="button" class="button quiet icon small" aria-pressed=${grid} title=${t(grid ? 'sims.aslist' : 'sims.asgrid')} aria-label=${t('sims.asgrid')} onClick=${() => { localStorage.setItem(LOOK, grid ? 'list' : 'grid'); setGrid(!grid); }}><${Icon} name=${grid ? 'rows' : 'grid'} /></button>`}
            </div>
            ${list.length === 0 && html`<${Empty} title=${q ? t('sims.nomatch', { query: q }) : t(tags.length ? 'sims.nothere' : 'sims.folder.empty', { folder })} small>
              <button type="button" class="button" onClick=${() => setQuery({ q: '', tags: '', folder: '' })}>${t('sims.showall')}</button><//>`}
            ${list.length > 0 && html`
              <div class=${grid ? 'sim-cards' : 'sim-box'}>
                <${Windowed} key=${look} items=${list} height=${HEIGHT[look]} width=${grid ? 236 : 0} role="list" onSeen=${(/** @type {any[]} */ some) => lookAt(some.map((sim) => sim.id))} at=${current.moved ? at : -1}>
                  ${(/** @type {any} */ sim, /** @type {number} */ index) => html`
                    <${SimRow} key=${sim.id} sim=${sim} run=${lastRun(sim.id)} grid=${grid} selected=${selected.has(sim.id)} selecting=${selected.size > 0} current=${sim.id === current.id}
                      renaming=${renaming === sim.id} folder=${folder} at=${index} all=${list.length} act=${act} />`}
                <//>
              </div>`}`}
        </div>
      </div>
      ${dropping && html`<div class="drop-veil" aria-hidden="true"><div><${Icon} name="upload" />${t('sims.drop')}</div></div>`}
      ${dialog?.kind === 'move' && html`<${MoveDialog} list=${dialog.list} folders=${folders} onMove=${(/** @type {string} */ to) => { move(dialog.list, to); clear(); }} onClose=${() => setDialog(null)} />`}
      ${dialog?.kind === 'tags' && html`<${TagsDialog} list=${dialog.list} known=${known} onChange=${(/** @type {(sim: any) => string[]} */ next) => change(dialog.list, (sim) => ({ tags: next(sim) }))} onClose=${() => setDialog(null)} />`}
    </main>`;
}

/** What can be done with all that are selected. */
function Selection({ list, all, selectAll, clear, dialog, bye }) {
  return html`
    <div class="selection" role="toolbar" aria-label=${t('sims.selection')}>
      <button type="button" class="button quiet icon small" title=${t('sims.keys.clear')} aria-label=${t('sims.keys.clear')} onClick=${clear}><${Icon} name="close" /></button>
      <strong role="status">${t('sims.selected', { count: list.length })}</strong>
      ${list.length < all.length && html`<button type="button" class="linklike" onClick=${selectAll}>${t('sims.select.all', { count: all.length })}</button>`}
      <span class="spacer"></span>
      <button type="button" class="button small" aria-label=${t('sims.move')} title=${t('sims.move')} onClick=${() => dialog({ kind: 'move', list })}><${Icon} name="folder" /><span>${t('sims.move')}</span></button>
      <button type="button" class="button small" aria-label=${t('sims.tags')} title=${t('sims.tags')} onClick=${() => dialog({ kind: 'tags', list })}><${Icon} name="tag" /><span>${t('sims.tags')}</span></button>
      <button type="button" class="button small" aria-label=${t('sims.export')} title=${t('sims.export')} onClick=${() => save(list)}><${Icon} name="download" /><span>${t('sims.export')}</span></button>
      <button type="button" class="button small stop" aria-label=${t('common.delete')} title=${t('common.delete')} onClick=${() => bye(list)}><${Icon} name="trash" /><span>${t('common.delete')}</span></button>
    </div>`;
}
