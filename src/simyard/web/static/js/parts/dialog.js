/** Dialogs of the browser's own: they keep the focus, and Escape closes them. */
import { html, useEffect, useRef } from '../lib.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/** Opens the dialog as it is drawn; where it goes away without being closed (the address has changed), the focus goes back as well. */
function useModal(dialog) {
  useEffect(() => {
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    const shown = dialog.current;
    shown.showModal();
    return () => {
      // while it is open nothing beside it takes the focus; that it closes now is no news to anybody
      shown.addEventListener('close', (event) => event.stopImmediatePropagation(), { capture: true });
      shown.close();
      if (!document.activeElement || document.activeElement === document.body) opener?.focus({ preventScroll: true });
    };
  }, []);
}

/** A panel over the page. `wide` for tables and pictures; `foot` stands below, `onClose` is called however it was closed. */
export function Dialog({ title, wide, foot, onClose, children }) {
  const dialog = useRef(null);
  useModal(dialog);
  // a click beside it closes it: the backdrop belongs to the dialog element itself
  const onClick = (event) => { if (event.target === dialog.current) dialog.current.close(); };
  return html`
    <dialog ref=${dialog} class=${`dialog panel ${wide ? 'wide' : ''}`} onClose=${onClose} onMouseDown=${onClick} aria-label=${title}>
      <div class="dialog-head"><h2>${title}</h2><button type="button" class="button quiet icon small" aria-label=${t('common.close')} onClick=${() => dialog.current.close()}><${Icon} name="close" /></button></div>
      <div class="dialog-body">${children}</div>
      ${foot && html`<div class="dialog-foot">${foot}</div>`}
    </dialog>`;
}

/** A question with one answer beside Cancel. */
export function Ask({ title, text, go, bad, onGo, onClose }) {
  const dialog = useRef(null);
  useModal(dialog);
  return html`
    <dialog ref=${dialog} class="dialog" onClose=${onClose} aria-label=${title}>
      <h2>${title}</h2>
      <p>${text}</p>
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${() => dialog.current.close()}>${t('common.cancel')}</button>
        <button type="button" class=${`button ${bad ? 'danger' : 'primary'}`} autofocus onClick=${() => { onGo(); dialog.current.close(); }}>${go}</button>
      </div>
    </dialog>`;
}
