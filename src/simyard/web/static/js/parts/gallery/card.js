/** A code as a card: its picture, what it computes, and its examples, each one click away from a running simulation. */
import { api } from '../../api.js';
import { cls, html, useState } from '../../lib.js';
import { go } from '../../route.js';
import { putSimulation } from '../../store.js';
import { complain } from '../../toasts.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { Picture } from '../picture.js';
import { Elsewhere } from './elsewhere.js';
import { Install } from './install.js';

const EXAMPLES = 4;

/** Makes a simulation, and opens it: its quick model runs by itself there. @param {any} code @param {any} example */
export async function create(code, example) {
  const simulation = await api.createSimulation({
    code: code.name, name: example ? example.title : t('sims.default', { title: code.title }), ...(example ? { example: example.name } : {}),
  });
  putSimulation(simulation);
  go('simulations', simulation.id);
}

/** Which example is being opened, and what opens one. */
export function useCreate(/** @type {any} */ code) {
  const [busy, setBusy] = useState(/** @type {string | null} */ (null));
  const begin = async (/** @type {any} */ example) => {
    setBusy(example?.name ?? '');
    try {
      await create(code, example);
    } catch (error) {
      complain(error);
      setBusy(null);
    }
  };
  return { busy, begin };
}

export function CodeCard({ code }) {
  const { busy, begin } = useCreate(code);
  const [all, setAll] = useState(false);
  const missing = code.installed === false;
  const examples = all ? code.examples : code.examples.slice(0, EXAMPLES);
  return html`
    <article class=${cls('card', 'code-card', missing && 'missing')} aria-labelledby=${`code-${code.name}`}>
      <${Picture} name=${code.name} src=${code.picture} />
      <div class="card-body">
        <div class="card-title"><h2 id=${`code-${code.name}`}>${code.title}</h2>${code.title.toLowerCase() !== code.name && html`<code class="hint">${code.name}</code>`}</div>
        ${code.description && html`<p class="card-text">${code.description}</p>`}
        <ul class="models" aria-label=${t('gallery.models')}>
          ${code.models.map((/** @type {any} */ model) => html`<li key=${model.name} class="chip-static" title=${[model.help, t(`kind.${model.kind}.help`)].filter(Boolean).join('. ')}>${model.title}<span class="hint"> ${t(`kind.${model.kind}`)}</span></li>`)}
        </ul>
        ${missing && html`<${Install} code=${code} />`}
        <${Elsewhere} code=${code} />
        ${code.examples.length > 0 && html`
          <div class="examples"><h3>${t('gallery.examples')}</h3>
            <ul>${examples.map((/** @type {any} */ example) => html`
              <li key=${example.name}><button type="button" class="example" disabled=${busy !== null || missing} title=${missing ? t('gallery.first') : example.help || undefined} onClick=${() => begin(example)}>
                <span>${example.title}</span>${busy === example.name ? html`<span class="spinner small" aria-hidden="true"></span>` : html`<${Icon} name="play" />`}</button></li>`)}</ul>
            ${examples.length < code.examples.length && html`<button type="button" class="linklike more" onClick=${() => setAll(true)}>${t('gallery.more', { count: code.examples.length - examples.length })}</button>`}
          </div>`}
        <div class="card-foot"><button type="button" class="button" disabled=${busy !== null} onClick=${() => begin(null)}>${busy === '' ? html`<span class="spinner small" aria-hidden="true"></span>` : html`<${Icon} name="plus" />`}${t('gallery.start')}</button></div>
      </div>
    </article>`;
}
