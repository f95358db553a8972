/** A question in a dialog of the browser's own: it keeps the focus, and Escape closes it. */
import { html, useEffect, useRef } from '../lib.js';
import { t } from '../texts.js';

export function Ask({ title, text, go, bad, onGo, onClose }) {
  const dialog = useRef(null);
  useEffect(() => { dialog.current.showModal(); }, []);
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
