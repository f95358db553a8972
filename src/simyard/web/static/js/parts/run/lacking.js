/** Where a code cannot run as it is: said before Run is pressed, with the command that helps, or the button that installs it. */
import { api } from '../../api.js';
import { html, useEffect, useState } from '../../lib.js';
import { targets } from '../../store.js';
import { t } from '../../texts.js';
import { Copyable } from '../copyable.js';
import { Icon } from '../icon.js';

const LOOK = 800;

/** @typedef {{ code: string, target: string, kind: string, state: string, detail: string, remedy: string, missing: string[], installable: boolean }} Standing */
/** @typedef {{ state: string, step: string, fraction: number, lines: string[], error: string, code: string }} Installing */

/** What a cluster cannot install by itself is sent from a terminal. */
const FROM_HERE = ['no-network', 'no-version', 'no-venv'];

/** How the code stands at that target, looked at whenever the targets change; null where it can run, or nobody knows. */
function useStanding(/** @type {any} */ code, /** @type {any} */ place) {
  const [standing, setStanding] = useState(/** @type {Standing | null} */ (null)), [asked, ask] = useState(0);
  const name = place && place.state !== 'disabled' ? place.name : '', all = targets.value;
  useEffect(() => {
    let current = true;
    if (!name) { setStanding(null); return undefined; }
    api.codeTargets({ code: code.name }).then(({ items }) => {
      const found = items.find((/** @type {Standing} */ one) => one.target === name);
      if (current) setStanding(found && ['missing', 'other'].includes(found.state) ? found : null);
    }).catch(() => {}); // the supervisor is away: the connection's state says so
    return () => { current = false; };
  }, [code.name, code.version, name, all, asked]);
  return { standing, again: () => ask((was) => was + 1) };
}

/** The line above a run's stage. @param {{ code: any, place: any }} props */
export function Lacking({ code, place }) {
  const { standing, again } = useStanding(code, place);
  if (!standing) return null;
  return html`
    <div class="notice warn lacking" role="status"><${Icon} name="warning" /><div>
      <p>${standing.detail} ${t('lacking.text')}</p>
      ${standing.kind === 'sbatch' && standing.installable ? html`<${InstallThere} key=${standing.target} code=${code} standing=${standing} done=${again} />` : standing.remedy && html`<${Copyable} text=${standing.remedy} />`}
    </div></div>`;
}

/** @param {{ code: any, standing: Standing, done: () => void }} props */
function InstallThere({ code, standing, done }) {
  const { target } = standing;
  const [said, setSaid] = useState(/** @type {Installing | null} */ (null));
  const running = said?.state === 'running';
  useEffect(() => {
    if (!running) return undefined;
    let current = true;
    const timer = setInterval(async () => {
      try {
        const now = await api.installedThere(code.name, target);
        if (!current) return;
        setSaid(now.state === 'idle' ? { ...now, state: 'failed', error: t('lacking.broken') } : now);
        if (now.state === 'done') done();
      } catch { /* it is asked again */ }
    }, LOOK);
    return () => { current = false; clearInterval(timer); };
  }, [running, code.name, target]);
  const begin = async () => {
    setSaid({ state: 'running', step: 'starting', fraction: 0, lines: [], error: '', code: '' });
    try {
      setSaid(await api.installThere(code.name, target));
    } catch (error) {
      setSaid({ state: 'failed', step: '', fraction: 0, lines: [], error: error.detail ?? String(error), code: '' });
    }
  };
  if (running) {
    const percent = Math.round((said?.fraction ?? 0) * 100), step = t(`install.step.${said?.step}`);
    return html`
      <p><strong>${step}</strong> <span class="hint mono">${said?.lines[said.lines.length - 1] ?? ''}</span></p>
      <div class="bar" role="progressbar" aria-label=${t('install.progress', { title: code.title })} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}><div class="bar-fill" style=${{ width: `${Math.max(3, percent)}%` }}></div></div>`;
  }
  const failed = said?.state === 'failed';
  return html`
    ${failed && html`<p role="alert"><strong>${t('install.failed')}.</strong> ${said?.error}</p>`}
    ${failed && FROM_HERE.includes(said?.code ?? '') && html`<p>${t('lacking.send', { target })}</p>`}
    <p><button type="button" class="button small" onClick=${begin}><${Icon} name="download" />${t('lacking.go', { target })}</button>${' '}
      <span class="hint">${t('lacking.where', { packages: code.requires.join(', ') || t('install.nothing') })}</span></p>
    <${Copyable} text=${standing.remedy} />`;
}
