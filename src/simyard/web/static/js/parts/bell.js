/** The bell in the head of the page: ends and failures since somebody looked, and the browser's own notifications. */
import { bell, isNew, nameOf, news, permission, readAll, readOne, startBell, tell, unread } from '../bell.js';
import { ago, duration, moment } from '../format.js';
import { cls, html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { link } from '../route.js';
import { elapsed } from '../states.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';
import { StateBadge } from './state.js';

export function Bell() {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null)), button = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => { startBell(); }, []);
  // looked at is what was open: it is read when the list is closed
  const close = (back = false) => { setOpen(false); readAll(); if (back) button.current?.focus(); };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => { if (!box.current?.contains(event.target)) close(); };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, [open]);
  const count = unread.value.length, failed = unread.value.some((run) => run.state !== 'completed');
  const label = count ? t('bell.new', { count }) : t('bell');
  return html`
    <div class="bell" ref=${box} onKeyDown=${(event) => { if (event.key === 'Escape' && open) { event.stopPropagation(); close(true); } }}>
      <button ref=${button} type="button" class="button quiet icon" aria-haspopup="dialog" aria-expanded=${open} aria-label=${label} title=${label} onClick=${() => (open ? close() : setOpen(true))}>
        <${Icon} name="bell" />${count > 0 && html`<span class=${cls('bell-count', failed && 'bad')} aria-hidden="true">${count > 9 ? '9+' : count}</span>`}</button>
      <span class="visually-hidden" role="status">${count > 0 ? label : ''}</span>
      ${open && html`<${Panel} close=${close} />`}
    </div>`;
}

function Panel({ close }) {
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => { panel.current?.focus(); }, []);
  const list = news.value, may = permission.value;
  const on = bell.value.tell && may === 'granted';
  return html`
    <div class="bell-panel" role="dialog" aria-label=${t('bell')} tabIndex="-1" ref=${panel}>
      <div class="bell-head"><h2>${t('bell.title')}</h2><button type="button" class="button quiet small" disabled=${!unread.value.length} onClick=${readAll}><${Icon} name="check" />${t('bell.read')}</button></div>
      ${list.length ? html`
        <ul class="bell-list">${list.map((run) => html`
          <li key=${run.id} class=${cls(isNew(run) && 'new')}>
            <a href=${link('runs', run.id)} onClick=${() => { readOne(run); close(); }}>
              <span class="bell-name">${isNew(run) && html`<span class="bell-dot"><span class="visually-hidden">${t('bell.is.new')}</span></span>`}<strong title=${nameOf(run)}>${nameOf(run)}</strong></span>
              <span class="bell-facts"><${StateBadge} state=${run.state} /><span class="hint number">${Number.isFinite(elapsed(run)) ? duration(elapsed(run)) : ''}</span><span class="hint" title=${moment(run.ended, true)}>${ago(run.ended)}</span></span>
              ${run.state !== 'completed' && run.reason && html`<span class="bell-reason">${run.reason}</span>`}
            </a></li>`)}</ul>`
        : html`<p class="bell-empty">${t('bell.empty')}</p>`}
      <div class="bell-foot">
        <label class="follow"><input type="checkbox" role="switch" class="switch small" checked=${on} disabled=${['missing', 'denied'].includes(may)} onChange=${(event) => tell(event.currentTarget.checked)} />${t('bell.tell')}</label>
        <span class="hint">${t(may === 'denied' ? 'bell.denied' : may === 'missing' ? 'bell.missing' : 'bell.tell.help')}</span>
      </div>
    </div>`;
}
