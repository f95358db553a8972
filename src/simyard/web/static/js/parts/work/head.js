/** The head of the workspace: where the simulation lies, its name, whether it is saved, the way back and forth, and a menu. */
import { ApiError, api } from '../../api.js';
import { complain } from '../../toasts.js';
import { deleteSoon, copySimulation, save } from '../../simactions.js';
import { useKeys } from '../../keys.js';
import { html, useEffect, useRef, useState } from '../../lib.js';
import { go, link } from '../../route.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { Menu } from '../menu.js';
import { Generated } from '../saves/generated.js';
import { Saves } from '../saves/saves.js';

/** `model`: the one that is looked at. */
export function Head({ draft, code, model }) {
  const simulation = draft.simulation.value, frozen = draft.frozen.value;
  const [open, setOpen] = useState('');
  const copy = async () => {
    await draft.flush();
    const made = await copySimulation(draft.simulation.value);
    if (made) go('simulations', made.id);
  };
  const items = [
    { text: t('generated.show'), icon: 'code', run: () => setOpen('generated'), disabled: frozen },
    { text: t('saves.show'), icon: 'history', run: () => setOpen('saves') },
    { text: t('sims.copy'), icon: 'copy', run: copy },
    { text: t('work.export'), icon: 'download', run: async () => { await draft.flush(); await save([draft.simulation.value]); } },
    !frozen && { text: t('common.delete'), icon: 'trash', bad: true, run: () => { deleteSoon(draft.simulation.value); go('simulations'); } },
  ];
  return html`
    <div class="work-head">
      <a class="button quiet icon" href=${link('simulations')} aria-label=${t('sims.title')} title=${t('sims.title')}><${Icon} name="back" /></a>
      <div class="work-title"><${Name} draft=${draft} />
        <span class="work-where hint">${simulation.folder && html`<a href=${`${link('simulations')}?folder=${encodeURIComponent(simulation.folder)}`}><${Icon} name="folder" />${simulation.folder}</a><span aria-hidden="true">·</span>`}<span>${code.title}</span></span></div>
      <${SaveState} draft=${draft} />
      <${Steps} draft=${draft} onSaves=${() => setOpen('saves')} />
      <${Menu} label=${t('work.menu')} items=${items} />
    </div>
    ${open === 'saves' && html`<${Saves} draft=${draft} onClose=${() => setOpen('')} />`}
    ${open === 'generated' && html`<${Generated} draft=${draft} model=${model} onClose=${() => setOpen('')} />`}`;
}

/** Milliseconds of peace before the saves are looked up. */
const PEACE = 500;

function Steps({ draft, onSaves }) {
  const { undo, redo } = draft.steps.value, { stale } = draft, frozen = draft.frozen.value;
  const revision = draft.simulation.value.revision;
  useEffect(() => {
    if (!stale) return undefined;
    const timer = setTimeout(() => draft.loadSaves().catch(() => {}), PEACE);
    return () => clearTimeout(timer);
  }, [draft, stale, revision]);
  const step = async (way) => {
    try {
      await draft[way]();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error);
    }
  };
  // a field that is being typed in has an undo of its own
  const key = (way) => (event) => (isBeingTyped(event.target) ? false : step(way));
  useKeys([
    { keys: 'Ctrl+z', text: t('work.undo'), run: key('undo') },
    { keys: ['Ctrl+Shift+z', 'Ctrl+y'], text: t('work.redo'), run: key('redo') },
  ], { group: t('run.keys') });
  return html`
    <span class="work-steps">
      <button type="button" class="button quiet icon" aria-label=${t('work.undo')} title=${`${t('work.undo')} (Ctrl+Z)`} disabled=${frozen || (undo === null && !stale)} onClick=${() => step('undo')}><${Icon} name="undo" /></button>
      <button type="button" class="button quiet icon" aria-label=${t('work.redo')} title=${`${t('work.redo')} (Ctrl+Shift+Z)`} disabled=${frozen || redo === null} onClick=${() => step('redo')}><${Icon} name="redo" /></button>
      <button type="button" class="button quiet icon" aria-label=${t('saves.title')} title=${t('saves.title')} onClick=${onSaves}><${Icon} name="history" /></button>
    </span>`;
}

/** The field that has been typed in since it got the focus. */
let typedIn = /** @type {EventTarget | null} */ (null);
addEventListener('input', (event) => { if (event instanceof InputEvent) typedIn = event.target; }, true);
addEventListener('focusout', () => { typedIn = null; }, true);
const isBeingTyped = (target) => target === typedIn && /^(text|search|textarea)$/.test(target.type);

function Name({ draft }) {
  const { name } = draft.simulation.value;
  const box = useRef(null);
  const rename = async () => {
    const text = box.current.value.trim();
    if (!text || text === name) { box.current.value = name; return; }
    try {
      if (!(await draft.rename(text))) box.current.value = name;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error);
    }
  };
  const onKey = (event) => {
    if (event.key === 'Enter') event.currentTarget.blur();
    if (event.key === 'Escape') { event.currentTarget.value = name; event.currentTarget.blur(); }
  };
  return html`<h1 class="name-sizer" data-name=${name}><input ref=${box} class="name-input" size="1" aria-label=${t('work.name')} title=${name} maxlength="200" value=${name} disabled=${draft.frozen.value} onBlur=${rename} onKeyDown=${onKey} /></h1>`;
}

function SaveState({ draft }) {
  const state = draft.state.value, errors = Object.keys(draft.errors.value).length;
  const text = errors ? t('work.fix', { count: errors }) : t(`work.${state}`);
  const kind = errors || state === 'refused' ? 'bad' : state;
  return html`<span class=${`save-state ${kind}`} role="status">${kind === 'saved' && html`<${Icon} name="check" />`}<span>${text}</span></span>`;
}

/** A simulation that lies in the bin says so, and how it comes back. */
export function InBin({ draft }) {
  if (draft.gone.value) return html`<div class="notice bad work-bin" role="alert"><${Icon} name="trash" /><div><strong>${t('work.gone')}</strong> ${t('work.gone.help')}</div></div>`;
  if (!draft.frozen.value) return null;
  const back = async () => {
    try {
      draft.take(await api.restoreSimulation(draft.simulation.value.id));
    } catch (error) {
      complain(error);
    }
  };
  return html`
    <div class="notice warn work-bin" role="status"><${Icon} name="trash" /><div><strong>${t('work.bin')}</strong> ${t('work.bin.help')}</div>
      <button type="button" class="button small" onClick=${back}>${t('work.bin.back')}</button></div>`;
}
