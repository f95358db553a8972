/** The first view: the codes, each with its examples one click away from a running simulation. */
import { api } from '../api.js';
import { ago } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { Copyable } from '../parts/copyable.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Picture } from '../parts/picture.js';
import { StateBadge } from '../parts/state.js';
import { go, link } from '../route.js';
import { codes, codesError, loadCodes, putSimulation, runsOf, simulations } from '../store.js';
import { complain } from '../toasts.js';
import { t } from '../texts.js';

const EXAMPLES = 4;

export function Gallery() {
  useEffect(() => {
    document.title = `${t('nav.codes')} · ${t('app.name')}`;
    if (codes.value) loadCodes(); // one may have been installed since
  }, []);
  const found = codes.value;
  return html`
    <main class="page gallery">
      <div class="page-head"><div><h1>${t('gallery.title')}</h1><p class="lead">${t('gallery.subtitle')}</p></div></div>
      <${Recent} />
      ${codesError.value && html`<${LoadError} error=${codesError.value} retry=${loadCodes} />`}
      ${!found && !codesError.value && html`<${Skeleton} rows=${3} kind="cards" />`}
      ${found?.byName.size === 0 && html`<${Empty} title=${t('gallery.empty')} text=${t('gallery.empty.help')} />`}
      ${found && html`<div class="cards">${[...found.byName.values()].map((code) => html`<${CodeCard} key=${code.name} code=${code} />`)}</div>`}
      ${found && Object.keys(found.broken).length > 0 && html`
        <details class="notice warn"><summary><${Icon} name="warning" /><strong>${t('gallery.broken')}</strong></summary>
          <ul>${Object.entries(found.broken).map(([name, words]) => html`<li key=${name}><code>${name}</code> ${words}</li>`)}</ul></details>`}
    </main>`;
}

function Recent() {
  const list = [...(simulations.value?.values() ?? [])].sort((a, b) => (a.updated < b.updated ? 1 : -1)).slice(0, 4);
  if (!list.length) return null;
  return html`
    <section class="recent" aria-labelledby="recent">
      <h2 id="recent">${t('gallery.recent')}</h2>
      <div class="recent-list">
        ${list.map((sim) => {
          const [last] = runsOf(sim.id);
          return html`
            <a class="recent-item" key=${sim.id} href=${link('simulations', sim.id)}>
              <strong>${sim.name}</strong>
              <span class="hint">${codes.value?.byName.get(sim.code)?.title ?? sim.code} · ${ago(sim.updated)}</span>
              ${last && html`<${StateBadge} state=${last.state} />`}
            </a>`;
        })}
      </div>
    </section>`;
}

/** Makes a simulation, and opens it. */
export async function create(code, example) {
  const simulation = await api.createSimulation({
    code: code.name, name: example ? example.title : t('sims.default', { title: code.title }), ...(example ? { example: example.name } : {}),
  });
  putSimulation(simulation);
  go('simulations', simulation.id);
}

function CodeCard({ code }) {
  const [busy, setBusy] = useState(null);
  const [all, setAll] = useState(false);
  const missing = code.installed === false;
  const begin = async (example) => {
    setBusy(example?.name ?? '');
    try {
      await create(code, example);
    } catch (error) {
      complain(error);
      setBusy(null);
    }
  };
  const examples = all ? code.examples : code.examples.slice(0, EXAMPLES);
  return html`
    <article class=${`card code-card ${missing ? 'missing' : ''}`} aria-labelledby=${`code-${code.name}`}>
      <${Picture} name=${code.name} />
      <div class="card-body">
        <div class="card-title"><h2 id=${`code-${code.name}`}>${code.title}</h2>${code.title.toLowerCase() !== code.name && html`<code class="hint">${code.name}</code>`}</div>
        <p class="card-text">${code.description}</p>
        <ul class="models" aria-label=${t('gallery.models')}>
          ${code.models.map((model) => html`<li key=${model.name} class="chip-static" title=${[model.help, t(`kind.${model.kind}.help`)].filter(Boolean).join('. ')}>${model.title}<span class="hint"> ${t(`kind.${model.kind}`)}</span></li>`)}
        </ul>
        ${missing && html`
          <div class="notice warn"><div><strong>${t('gallery.missing')}</strong><p>${t('gallery.install')}</p><${Copyable} text=${code.install || `simyard code install ${code.name}`} /></div></div>`}
        ${code.examples.length > 0 && html`
          <div class="examples"><h3>${t('gallery.examples')}</h3>
            <ul>${examples.map((example) => html`
              <li key=${example.name}><button type="button" class="example" disabled=${busy !== null} title=${example.help || undefined} onClick=${() => begin(example)}>
                <span>${example.title}</span>${busy === example.name ? html`<span class="spinner small" aria-hidden="true"></span>` : html`<${Icon} name="next" />`}</button></li>`)}</ul>
            ${examples.length < code.examples.length && html`<button type="button" class="linklike more" onClick=${() => setAll(true)}>${t('gallery.more', { count: code.examples.length - examples.length })}</button>`}
          </div>`}
        <div class="card-foot"><button type="button" class="button" disabled=${busy !== null} onClick=${() => begin(null)}><${Icon} name="plus" />${t('gallery.start')}</button></div>
      </div>
    </article>`;
}
