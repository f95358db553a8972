/** “Show as”: what is on the screen as a command line, as Python, as curl; to copy. */
import { html, useState } from '../lib.js';
import { t } from '../texts.js';
import { Dialog } from './dialog.js';
import { Icon } from './icon.js';

const KEY = 'simyard.showas';
const KINDS = /** @type {const} */ (['cli', 'python', 'curl']);

/**
 * A button that shows it. `commands()` is asked when it is pressed, and answers {cli, python, curl}; `note` is what they leave out.
 * @param {{ commands: () => import('../showas.js').Commands, note?: string, small?: boolean }} props
 */
export function ShowAs({ commands, note = '', small = true }) {
  const [shown, show] = useState(/** @type {import('../showas.js').Commands | null} */ (null));
  return html`
    <button type="button" class=${`button quiet ${small ? 'small' : ''}`} title=${t('showas.help')} onClick=${() => show(commands())}><${Icon} name="code" />${t('showas')}</button>
    ${shown && html`<${Commands} shown=${shown} note=${note} onClose=${() => show(null)} />`}`;
}

function Commands({ shown, note, onClose }) {
  const [kind, choose] = useState(() => /** @type {(typeof KINDS)[number]} */ (KINDS.find((one) => one === localStorage.getItem(KEY)) ?? 'cli'));
  const [copied, setCopied] = useState('');
  const pick = (/** @type {(typeof KINDS)[number]} */ one) => { choose(() => one); localStorage.setItem(KEY, one); setCopied(''); };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(shown[kind]);
      setCopied('done');
    } catch { setCopied('not'); }
    setTimeout(() => setCopied(''), 2500);
  };
  const onKey = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (KINDS.indexOf(/** @type {any} */ (kind)) + step + KINDS.length) % KINDS.length;
    pick(KINDS[next]);
    event.currentTarget.children[next].focus();
  };
  return html`
    <${Dialog} title=${t('showas.title')} onClose=${onClose}>
      <div class="showas">
        <div class="showas-head">
          <div class="tabs" role="tablist" aria-label=${t('showas')} onKeyDown=${onKey}>
            ${KINDS.map((one) => html`<button type="button" role="tab" key=${one} id=${`showas-${one}`} class="tab" aria-controls="showas-text" aria-selected=${one === kind} tabIndex=${one === kind ? 0 : -1} onClick=${() => pick(one)}>${t(`showas.${one}`)}</button>`)}
          </div>
          <span class="spacer"></span>
          <button type="button" class="button small" onClick=${copy}><${Icon} name=${copied === 'done' ? 'check' : 'copy'} /><span role="status">${t(copied === 'done' ? 'common.copied' : copied === 'not' ? 'showas.copy.not' : 'common.copy')}</span></button>
        </div>
        <pre class="showas-text" id="showas-text" role="tabpanel" aria-labelledby=${`showas-${kind}`} tabIndex="0">${shown[kind]}</pre>
        <p class="hint">${t(`showas.${kind}.help`)}${note && ` ${note}`}</p>
      </div>
    <//>`;
}
