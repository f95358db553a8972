/** For who has no session: how to get in. */
import { html } from '../lib.js';
import { Copyable } from '../parts/copyable.js';
import { Mark } from '../parts/mark.js';
import { t } from '../texts.js';

export function Login({ enter }) {
  return html`
    <main class="login">
      <div class="card pad">
        <${Mark} />
        <h1>${t('login.title')}</h1>
        <p>${t('login.text')}</p>
        <${Copyable} text=${t('login.command')} />
        <p class="hint">${t('login.help')}</p>
        <button type="button" class="button" onClick=${enter}>${t('common.retry')}</button>
      </div>
    </main>`;
}
