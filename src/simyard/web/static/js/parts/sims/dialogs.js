/** Where to move simulations, and which tags they have: for one, or for a selection. */
import { cls, html, useRef, useState } from '../../lib.js';
import { folderName } from '../../order.js';
import { t } from '../../texts.js';
import { Dialog } from '../dialog.js';
import { Icon } from '../icon.js';

const MAX_TAGS = 20, MAX_TAG = 40, MAX_FOLDERS = 8, MAX_NAME = 80;

/** What is wrong with a folder's name, in words; "" for nothing. */
function wrongFolder(/** @type {string} */ folder) {
  const parts = folder.split('/');
  if (parts.length > MAX_FOLDERS) return t('sims.move.deep', { count: MAX_FOLDERS });
  if (parts.some((part) => part.length > MAX_NAME)) return t('sims.move.long', { count: MAX_NAME });
  return parts.some((part) => part === '.' || part === '..') ? t('sims.move.dots') : '';
}

/** @param {{ list: any[], folders: import('../../order.js').Folder[], onMove: (folder: string) => void, onClose: () => void }} props */
export function MoveDialog({ list, folders, onMove, onClose }) {
  const here = list.every((sim) => sim.folder === list[0].folder) ? list[0].folder : null;
  const [made, setMade] = useState('');
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const close = () => form.current?.closest('dialog')?.close();
  const to = (/** @type {string} */ folder) => { onMove(folder); close(); };
  const folder = folderName(made);
  const wrong = wrongFolder(folder);
  const row = (/** @type {string} */ path, /** @type {string} */ name, depth = 0, count = -1) => html`
    <li key=${path}><button type="button" class="rail-place" style=${{ paddingLeft: `${12 + depth * 16}px` }} disabled=${here === path} onClick=${() => to(path)}>
      <${Icon} name=${path ? 'folder' : 'layers'} /><span class="rail-name">${name}</span>${here === path ? html`<span class="hint">${t('sims.move.here')}</span>` : count >= 0 && html`<span class="rail-count">${count}</span>`}</button></li>`;
  return html`
    <${Dialog} title=${t('sims.move.title', { name: list[0].name, count: list.length })} onClose=${onClose}>
      <form ref=${form} class="move-form" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); if (folder && !wrong) to(folder); }}>
        <div class="move-new">
          <input class="input" autofocus maxlength="700" placeholder=${t('sims.move.placeholder')} aria-label=${t('sims.move.new')} aria-invalid=${wrong ? 'true' : undefined} aria-describedby="move-help" value=${made} onInput=${(/** @type {InputEvent} */ event) => setMade(event.currentTarget?.value)} />
          <button class="button primary" disabled=${!folder || Boolean(wrong)}>${t(folders.some((one) => one.path === folder) ? 'sims.move' : 'sims.move.make')}</button>
        </div>
        <p id="move-help" class=${cls('hint', wrong && 'bad')}>${wrong || t('sims.move.help')}</p>
      </form>
      <ul class="rail-places move-list">
        ${row('', t('sims.move.none'))}
        ${folders.map((one) => row(one.path, one.name, one.depth, one.count))}
      </ul>
    <//>`;
}

/** @param {{ list: any[], known: [string, number][], onChange: (tags: (sim: any) => string[]) => void, onClose: () => void }} props */
export function TagsDialog({ list, known, onChange, onClose }) {
  const [typed, setTyped] = useState('');
  // a tag that all have, some have, or none: it stays as it is until it is touched
  const [touched, setTouched] = useState(/** @type {Map<string, boolean>} */ (new Map()));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const have = (/** @type {string} */ tag) => list.filter((sim) => (sim.tags ?? []).includes(tag)).length;
  const state = (/** @type {string} */ tag) => (touched.has(tag) ? (touched.get(tag) ? 'all' : 'none') : have(tag) === list.length ? 'all' : have(tag) ? 'some' : 'none');
  const names = [...new Set([...touched.keys(), ...known.map(([tag]) => tag)])];
  const needle = typed.trim().toLowerCase();
  const shown = names.filter((tag) => !needle || tag.toLowerCase().includes(needle)).slice(0, 60);
  const set = (/** @type {string} */ tag, /** @type {boolean} */ on) => setTouched(new Map(touched).set(tag, on));
  const next = (/** @type {any} */ sim) => {
    const tags = (sim.tags ?? []).filter((/** @type {string} */ tag) => touched.get(tag) !== false);
    for (const [tag, on] of touched) if (on && !tags.includes(tag)) tags.push(tag);
    return tags;
  };
  const many = Math.max(...list.map((sim) => next(sim).length));
  const add = () => {
    for (const one of typed.split(',')) {
      const tag = one.trim().replace(/\s+/g, ' ').slice(0, MAX_TAG);
      if (tag) touched.set(tag, true);
    }
    setTouched(new Map(touched));
    setTyped('');
  };
  const done = () => {
    if (touched.size) onChange(next);
    form.current?.closest('dialog')?.close();
  };
  const onSubmit = (/** @type {Event} */ event) => { event.preventDefault(); if (typed.trim()) add(); else if (many <= MAX_TAGS) done(); };
  const foot = html`<button type="button" class="button" onClick=${() => form.current?.closest('dialog')?.close()}>${t('common.cancel')}</button>
    <button type="button" class="button primary" disabled=${many > MAX_TAGS || !touched.size} onClick=${done}>${t('sims.tags.save')}</button>`;
  return html`
    <${Dialog} title=${t('sims.tags.title', { name: list[0].name, count: list.length })} onClose=${onClose} foot=${foot}>
      <form ref=${form} class="move-form" onSubmit=${onSubmit}>
        <div class="move-new">
          <input class="input" autofocus maxlength="200" placeholder=${t('sims.tags.placeholder')} aria-label=${t('sims.tags.new')} value=${typed} onInput=${(/** @type {InputEvent} */ event) => setTyped(event.currentTarget?.value)} />
          <button class="button" disabled=${!typed.trim()}><${Icon} name="plus" />${t('sims.tags.add')}</button>
        </div>
        <p class=${cls('hint', many > MAX_TAGS && 'bad')} role="status">${many > MAX_TAGS ? t('sims.tags.many', { count: MAX_TAGS }) : t('sims.tags.help')}</p>
      </form>
      ${names.length === 0 && html`<p class="hint">${t('sims.tags.none')}</p>`}
      <div class="tag-choice">
        ${shown.map((tag) => html`<button type="button" class="tag large" key=${tag} aria-pressed=${{ all: 'true', some: 'mixed', none: 'false' }[state(tag)]} onClick=${() => set(tag, state(tag) !== 'all')}>
          ${state(tag) !== 'none' && html`<${Icon} name=${state(tag) === 'all' ? 'check' : 'minus'} />`}<span>${tag}</span></button>`)}
      </div>
    <//>`;
}
