/** Beside the list: folders (a drop moves simulations there), tags, and the way to the bin. */
import { cls, html, useState } from '../../lib.js';
import { setQuery } from '../../route.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { DRAGGED } from './row.js';

const TAGS = 12;

/** Something that simulations can be dropped on. */
function useDrop(/** @type {(ids: string[]) => void} */ onDrop) {
  const [over, setOver] = useState(false);
  const ours = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(DRAGGED);
  return {
    over,
    on: {
      onDragOver: (/** @type {DragEvent} */ event) => { if (ours(event)) { event.preventDefault(); setOver(true); } },
      onDragLeave: () => setOver(false),
      onDrop: (/** @type {DragEvent} */ event) => {
        setOver(false);
        if (!ours(event)) return;
        event.preventDefault();
        event.stopPropagation();
        onDrop(JSON.parse(event.dataTransfer?.getData(DRAGGED) || '[]'));
      },
    },
  };
}

function Place({ icon, text, count, current, depth = 0, go, onDrop }) {
  const { over, on } = useDrop(onDrop);
  return html`
    <li><button type="button" class=${cls('rail-place', over && 'over')} aria-current=${current ? 'true' : undefined} style=${{ paddingLeft: `${10 + depth * 14}px` }} title=${text} onClick=${go} ...${onDrop ? on : {}}>
      <${Icon} name=${icon} /><span class="rail-name">${text}</span>${count !== undefined && html`<span class="rail-count">${count}</span>`}</button></li>`;
}

/**
 * @param {{ all: number | undefined, folders: import('../../order.js').Folder[], folder: string, tags: [string, number][], chosen: string[], bin: boolean,
 *   move: (ids: string[], folder: string) => void, toBin: (ids: string[]) => void }} props
 */
export function Rail({ all, folders, folder, tags, chosen, bin, move, toBin }) {
  const [every, setEvery] = useState(false);
  const shown = every ? tags : tags.slice(0, TAGS);
  const missing = chosen.filter((tag) => !shown.some(([name]) => name === tag));
  const toggle = (/** @type {string} */ tag) => setQuery({ show: '', tags: (chosen.includes(tag) ? chosen.filter((one) => one !== tag) : [...chosen, tag]).join(',') });
  const count = (/** @type {string} */ tag) => tags.find(([name]) => name === tag)?.[1] ?? 0;
  return html`
    <nav class="rail" aria-label=${t('sims.places')}>
      <ul class="rail-places">
        <${Place} icon="layers" text=${t('sims.all')} count=${all} current=${!bin && !folder} go=${() => setQuery({ folder: '', show: '' })} onDrop=${(/** @type {string[]} */ ids) => move(ids, '')} />
        ${folders.map((one) => html`<${Place} key=${one.path} icon="folder" text=${one.name} depth=${one.depth + 1} count=${one.count} current=${!bin && folder === one.path}
          go=${() => setQuery({ folder: one.path, show: '' })} onDrop=${(/** @type {string[]} */ ids) => move(ids, one.path)} />`)}
        <${Place} icon="trash" text=${t('sims.bin')} current=${bin} go=${() => setQuery({ show: 'bin', folder: '', tags: '' })} onDrop=${toBin} />
      </ul>
      ${(shown.length > 0 || missing.length > 0) && html`
        <h2 class="rail-head">${t('sims.tags')}</h2>
        <div class="rail-tags">
          ${[...missing.map((tag) => /** @type {[string, number]} */ ([tag, count(tag)])), ...shown].map(([tag, many]) => html`
            <button type="button" class="tag" key=${tag} aria-pressed=${chosen.includes(tag)} onClick=${() => toggle(tag)}><span>${tag}</span><span class="tag-count">${many}</span></button>`)}
          ${tags.length > TAGS && html`<button type="button" class="linklike" onClick=${() => setEvery(!every)}>${every ? t('sims.tags.fewer') : t('sims.tags.more', { count: tags.length - TAGS })}</button>`}
        </div>`}
    </nav>`;
}
