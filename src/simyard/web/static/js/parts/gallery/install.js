/** What a code that is not installed needs: a button that installs it here where the site allows that, else the command that does. */
import { api } from '../../api.js';
import { html, useEffect, useState } from '../../lib.js';
import { loadCodes } from '../../store.js';
import { toast } from '../../toasts.js';
import { t } from '../../texts.js';
import { Copyable } from '../copyable.js';
import { Icon } from '../icon.js';

const ASK_MS = 600;
/** After its end the list of codes is asked for so often, until it knows of it. */
const DONE_ASKS = 50;

/** @typedef {{ state: string, step: string, fraction: number, lines: string[], error: string }} Installing */

/** How an install of this code goes, asked for while it goes on: it may have been begun in another window, or before a reload. */
function useInstall(/** @type {any} */ code) {
  const [said, setSaid] = useState(/** @type {Installing | null} */ (null));
  const running = said?.state === 'running', done = said?.state === 'done', known = said !== null;
  useEffect(() => {
    if (!code.installable) return undefined;
    let current = true, left = DONE_ASKS;
    const ask = async () => {
      if (done && left-- <= 0) return;
      try {
        const now = await api.install(code.name);
        if (!current) return;
        setSaid(now);
        if (now.state === 'done') {
          await loadCodes();
          if (running) toast(t('install.done', { title: code.title }));
        }
      } catch { /* web is away for a moment: it is asked again */ }
    };
    ask();
    const timer = running || done || !known ? setInterval(ask, ASK_MS) : 0;
    return () => { current = false; clearInterval(timer); };
  }, [code.name, code.installable, running, done, known]);
  const begin = async () => {
    setSaid({ state: 'running', step: 'starting', fraction: 0, lines: [], error: '' });
    try {
      setSaid(await api.installCode(code.name));
    } catch (error) {
      if (error.code === 'already-installed') { await loadCodes(); return; }
      setSaid({ state: 'failed', step: '', fraction: 0, lines: [], error: error.detail ?? String(error) });
    }
  };
  return { said, begin };
}

function Lines({ lines }) {
  if (!lines.length) return null;
  return html`<details class="install-lines"><summary>${t('install.lines')}</summary><pre tabIndex="0">${lines.join('\n')}</pre></details>`;
}

export function Install({ code }) {
  const { said, begin } = useInstall(code);
  const command = code.install || `simyard code install ${code.name}`;
  if (!code.installable) {
    return html`<div class="install"><p><strong>${t('gallery.missing')}</strong> ${t('gallery.install')}</p><${Copyable} text=${command} /></div>`;
  }
  if (said?.state === 'running') {
    const percent = Math.round(said.fraction * 100);
    const step = t(`install.step.${said.step}`);
    return html`
      <div class="install">
        <div class="install-head"><strong role="status">${step}</strong><span class="hint number">${percent} %</span></div>
        <div class="bar" role="progressbar" aria-label=${t('install.progress', { title: code.title })} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}><div class="bar-fill" style=${{ width: `${Math.max(3, percent)}%` }}></div></div>
        <p class="install-now hint mono">${said.lines[said.lines.length - 1] ?? '\u00a0'}</p>
        <${Lines} lines=${said.lines} />
      </div>`;
  }
  const failed = said?.state === 'failed';
  return html`
    <div class=${`install ${failed ? 'failed' : ''}`}>
      ${failed && html`<div class="install-error" role="alert"><${Icon} name="warning" /><div><strong>${t('install.failed')}</strong><p>${said?.error}</p></div></div>`}
      <div class="install-head">
        <p>${failed ? '' : html`<strong>${t('gallery.missing')}</strong> ${t('install.needs', { packages: code.requires.join(', ') || t('install.nothing') })}`}</p>
        <button type="button" class="button primary" onClick=${begin}><${Icon} name="download" />${t(failed ? 'install.again' : 'install.go')}</button>
      </div>
      ${failed && html`<${Lines} lines=${said?.lines ?? []} />`}
      <details class="install-lines"><summary>${t('install.terminal')}</summary><${Copyable} text=${command} /></details>
    </div>`;
}
