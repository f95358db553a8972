/** Above the codes: where one was, with the last picture of each; and the first step of who is here for the first time. */
import { ago } from '../../format.js';
import { html, useEffect } from '../../lib.js';
import { lastRun, lookAt } from '../../lastruns.js';
import { link } from '../../route.js';
import { codes, simulations } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { Picture } from '../picture.js';
import { Preview } from '../sims/row.js';
import { StateBadge } from '../state.js';
import { useCreate } from './card.js';

const RECENT = 4;

export function Recent() {
  const list = [...(simulations.value?.values() ?? [])].filter((sim) => !sim.deleted).sort((a, b) => (a.updated < b.updated ? 1 : -1)).slice(0, RECENT);
  const ids = list.map((sim) => sim.id).join();
  useEffect(() => { if (ids) lookAt(ids.split(',')); }, [ids]);
  if (!list.length) return null;
  return html`
    <section class="recent" aria-labelledby="recent">
      <div class="recent-head"><h2 id="recent">${t('gallery.recent')}</h2><a href=${link('simulations')}>${t('gallery.recent.all', { count: simulations.value?.size ?? 0 })}</a></div>
      <div class="recent-list">
        ${list.map((sim) => {
          const run = lastRun(sim.id);
          const code = codes.value?.byName.get(sim.code);
          return html`
            <a class="recent-item" key=${sim.id} href=${link('simulations', sim.id)}>
              <div class="recent-picture" aria-hidden="true"><${Preview} sim=${sim} /></div>
              <div class="recent-words"><strong title=${sim.name}>${sim.name}</strong>
                <span class="hint">${code?.title ?? sim.code} · ${ago(sim.updated)}</span>
                <span class="recent-state">${run ? html`<${StateBadge} state=${run.state} />` : run === null ? html`<span class="hint">${t('sims.norun')}</span>` : ''}</span></div>
            </a>`;
        })}
      </div>
    </section>`;
}

/** Whoever has no simulation yet: one click to a plot. */
export function Welcome() {
  const all = [...(codes.value?.byName.values() ?? [])].filter((code) => code.installed !== false && code.examples.length);
  // what computes in seconds shows most for one click; who has a picture is meant to be seen
  const quick = all.filter((one) => one.models.some((/** @type {any} */ model) => model.kind === 'quick'));
  const code = quick.find((one) => one.picture) ?? quick[0] ?? all[0];
  if (!code || !simulations.value || simulations.value.size) return null;
  return html`<${First} code=${code} example=${code.examples[0]} />`;
}

function First({ code, example }) {
  const { busy, begin } = useCreate(code);
  return html`
    <section class="welcome card" aria-labelledby="welcome">
      <div class="welcome-words">
        <h2 id="welcome">${t('welcome.title')}</h2>
        <p>${t('welcome.text')}</p>
        <ol class="welcome-steps"><li>${t('welcome.step1')}</li><li>${t('welcome.step2')}</li><li>${t('welcome.step3')}</li></ol>
        <button type="button" class="button primary large" disabled=${busy !== null} onClick=${() => begin(example)}>
          ${busy !== null ? html`<span class="spinner small" aria-hidden="true"></span>` : html`<${Icon} name="play" />`}${t('welcome.go', { example: example.title })}</button>
        <span class="hint">${t('welcome.what', { code: code.title })}</span>
      </div>
      <${Picture} name=${code.name} src=${code.picture} />
    </section>`;
}
