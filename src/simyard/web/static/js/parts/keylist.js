/** The dialog that lists every key that does something where the page is now, and switches single characters off. */
import { alternatives, characters, groups, switchCharacters, useKeys } from '../keys.js';
import { html } from '../lib.js';
import { t } from '../texts.js';
import { Dialog } from './dialog.js';

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const SIGNS = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Ctrl: MAC ? '⌘' : 'Ctrl', PageUp: 'Page up', PageDown: 'Page down', Escape: 'Esc' };

/** @param {{ onClose: () => void }} props */
export function KeyList({ onClose }) {
  useKeys([{ keys: '?', text: t('keys.list'), run: onClose }], { dialog: true });
  const sections = new Map();
  for (const group of groups.value) {
    // of a dialog that is open below this one: where it has given them a name
    if (group.dialog && !group.group) continue;
    const name = group.group || t('keys.everywhere');
    const known = sections.get(name) ?? [];
    // a part that stands twice, such as a plot, has its keys once
    for (const key of group.list) if (!known.some((one) => one.text === key.text)) known.push(key);
    sections.set(name, known);
  }
  return html`
    <${Dialog} title=${t('keys.title')} onClose=${onClose} foot=${html`
      <label class="keys-switch"><input type="checkbox" class="switch" checked=${characters.value} onChange=${(event) => switchCharacters(event.currentTarget.checked)} />
        <span>${t('keys.characters')}<span class="hint">${t('keys.characters.help')}</span></span></label>`}>
      <div class="keys-sections">
        ${[...sections].filter(([, list]) => list.length).map(([name, list]) => html`
          <section key=${name} class="keys-section"><h3>${name}</h3>
            <dl>${list.map((key) => html`<div key=${key.text}><dt>${key.text}</dt><dd><${Keys} keys=${alternatives(key)} /></dd></div>`)}</dl>
          </section>`)}
      </div>
    <//>`;
}

/** @param {{ keys: string[] }} props */
function Keys({ keys }) {
  return keys.map((one, at) => html`${at > 0 && html`<span class="keys-or">${t('keys.or')}</span>`}<span class="keys-one">${one.split(' ').map((step, n) => html`${n > 0 && html`<span class="keys-or">${t('keys.then')}</span>`}${parts(step).map((part) => html`<kbd>${SIGNS[part] ?? part}</kbd>`)}`)}</span>`);
}

// "Ctrl++" has a + of its own
const parts = (/** @type {string} */ step) => step.split(/\+(?=.)/);
