/** On a code's card: the targets, other than this machine, on which it cannot run yet, and the command that helps. */
import { api } from '../../api.js';
import { html, signal } from '../../lib.js';
import { targets } from '../../store.js';
import { t } from '../../texts.js';
import { Copyable } from '../copyable.js';

/** How every code stands at every target. @type {{ value: any[] }} */
const standings = signal([]);

/** Ask anew, where there is anything but this machine. */
export async function loadElsewhere() {
  if (!targets.value.some((/** @type {any} */ one) => one.kind !== 'local')) return;
  try {
    standings.value = (await api.codeTargets()).items;
  } catch { /* the supervisor is away: the connection's state says so */ }
}

export function Elsewhere({ code }) {
  const lacking = standings.value.filter((one) => one.code === code.name && one.kind !== 'local' && ['missing', 'other'].includes(one.state));
  if (!lacking.length) return null;
  return html`
    <details class="install-lines elsewhere"><summary>${t('gallery.elsewhere', { targets: lacking.map((one) => one.target).join(', ') })}</summary>
      ${lacking.map((one) => html`<div key=${one.target}><p>${one.detail}</p>${one.remedy && html`<${Copyable} text=${one.remedy} />`}</div>`)}</details>`;
}
