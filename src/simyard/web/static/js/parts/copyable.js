/** A command that can be copied. */
import { html, useState } from '../lib.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

export function Copyable({ text }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch { /* not allowed here: the text can still be selected */ }
  };
  return html`
    <div class="copyable"><code>${text}</code>
      <button type="button" class="button quiet icon small" aria-label=${t(done ? 'common.copied' : 'common.copy')} title=${t(done ? 'common.copied' : 'common.copy')} onClick=${copy}><${Icon} name=${done ? 'check' : 'copy'} /></button></div>`;
}
