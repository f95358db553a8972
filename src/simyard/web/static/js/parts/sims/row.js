/** One simulation in the list or the grid: its last picture, name, tags, last run, and what can be done with it. */
import { ago, moment } from '../../format.js';
import { cls, html, useLayoutEffect, useRef } from '../../lib.js';
import { lastResult } from '../../lastruns.js';
import { link } from '../../route.js';
import { codes } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { Menu } from '../menu.js';
import { Picture } from '../picture.js';
import { ProgressBar, StateBadge } from '../state.js';
import { Thumb } from '../thumb.js';

/** What is dragged to a folder. */
export const DRAGGED = 'application/x-simyard-simulations';

/** The name as a field: Enter and leaving it keep what is typed, Escape does not. */
function Rename({ sim, done }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const over = useRef(false);
  useLayoutEffect(() => { input.current?.focus(); input.current?.select(); }, []);
  const end = (/** @type {string | null} */ name) => {
    if (over.current) return;
    over.current = true;
    done(name?.trim() && name.trim() !== sim.name ? name.trim() : null);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter') end(event.currentTarget?.value);
    else if (event.key === 'Escape') end(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<input ref=${input} class="input small rename" maxlength="200" aria-label=${t('sims.rename.label', { name: sim.name })} defaultValue=${sim.name}
    onKeyDown=${onKey} onBlur=${(/** @type {FocusEvent} */ event) => end(event.currentTarget?.value)} />`;
}

/** The plot of the last run that has one; before there is any, what the code looks like. */
export function Preview({ sim }) {
  const result = lastResult(sim.id);
  const code = codes.value?.byName.get(sim.code);
  return result && code ? html`<${Thumb} run=${result} />` : html`<${Picture} name=${sim.code} src=${code?.picture} faint />`;
}

function LastState({ run }) {
  if (run === undefined) return html`<span class="hint" aria-hidden="true">·</span>`;
  if (run === null) return html`<span class="hint">${t('sims.norun')}</span>`;
  return html`<a class="above" href=${link('runs', run.id)} title=${run.reason || undefined}><${StateBadge} state=${run.state} /></a>
    ${run.state === 'running' && html`<${ProgressBar} run=${run} small />`}`;
}

/**
 * @param {{ sim: any, run: any, grid: boolean, selected: boolean, selecting: boolean, current: boolean, renaming: boolean, folder: string, at: number, all: number,
 *   act: { select: (sim: any, range: boolean) => void, focus: (sim: any) => void, rename: (sim: any, name?: string | null) => void, drag: (event: DragEvent, sim: any) => void,
 *     dragEnd: () => void, tag: (tag: string) => void, actions: (sim: any) => any[] } }} props
 */
export function SimRow({ sim, run, grid, selected, selecting, current, renaming, folder, at, all, act }) {
  const inner = folder && sim.folder?.startsWith(folder + '/') ? sim.folder.slice(folder.length + 1) : sim.folder === folder ? '' : sim.folder;
  const tags = sim.tags ?? [];
  return html`
    <li class=${cls('sim', grid ? 'sim-card' : 'sim-row', selected && 'selected', current && 'current')} data-sim=${sim.id} aria-setsize=${all} aria-posinset=${at + 1}
      draggable=${!renaming} onDragStart=${(/** @type {DragEvent} */ event) => act.drag(event, sim)} onDragEnd=${act.dragEnd} onFocusIn=${() => act.focus(sim)}>
      <label class=${cls('sim-check', 'above', selecting && 'on')}><input type="checkbox" checked=${selected} aria-label=${t('sims.select', { name: sim.name })} tabIndex=${current || selecting ? 0 : -1}
        onClick=${(/** @type {MouseEvent} */ event) => act.select(sim, event.shiftKey)} /></label>
      <div class="sim-thumb" aria-hidden="true"><${Preview} sim=${sim} /></div>
      <div class="sim-main">
        ${renaming
          ? html`<${Rename} sim=${sim} done=${(/** @type {string | null} */ name) => act.rename(sim, name)} />`
          : html`<a class="sim-name" href=${link('simulations', sim.id)} title=${sim.name}>${sim.name}</a>`}
        ${(inner || tags.length > 0) && html`
          <div class="sim-marks">
            ${inner && html`<span class="sim-folder"><${Icon} name="folder" /><span>${inner}</span></span>`}
            ${tags.map((/** @type {string} */ tag) => html`<button type="button" class="tag above" key=${tag} tabIndex="-1" title=${t('sims.tag.filter', { tag })} onClick=${() => act.tag(tag)}><span>${tag}</span></button>`)}
          </div>`}
      </div>
      <span class="sim-code" title=${sim.code}>${codes.value?.byName.get(sim.code)?.title ?? sim.code}</span>
      <span class="sim-state"><${LastState} run=${run} /></span>
      <span class="sim-when hint" title=${moment(sim.updated, true)}>${ago(sim.updated)}</span>
      <span class="sim-menu above"><${Menu} label=${t('sims.actions', { name: sim.name })} items=${act.actions(sim)} /></span>
    </li>`;
}
