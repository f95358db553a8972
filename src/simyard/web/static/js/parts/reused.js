/** “You ran exactly this on …”: said of a run that is the answer to what was asked, or that stands there before anything was. */
import { ago, moment } from '../format.js';
import { html } from '../lib.js';
import { link } from '../route.js';
import { simulations } from '../store.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/**
 * `run` is the completed run that has computed exactly this, `simulation` the id of the simulation that asks, `again` starts a new
 * one; `show`, where it is given, shows the old one in its place (else its own page is opened).
 * @param {{ run: any, simulation: string, again: () => void, show?: () => void }} props
 */
export function Reused({ run, simulation, again, show = undefined }) {
  const when = moment(run.ended ?? run.created), other = run.simulation !== simulation;
  const name = simulations.value?.get(run.simulation)?.name;
  return html`
    <p class="notice reused" role="status">
      <${Icon} name="history" />
      <span>${t(run.name ? 'reused.named' : 'reused.on', { when, name: run.name, ago: ago(run.ended ?? run.created) })}${' '}
        ${other && html`<span class="hint">${name ? html`${t('reused.in')} <a href=${link('simulations', run.simulation)}>${name}</a>.` : t('reused.deleted')}</span>`}</span>
      <span class="reused-acts">
        ${show ? html`<button type="button" class="linklike" onClick=${show}>${t('reused.open')}</button>` : html`<a href=${link('runs', run.id)}>${t('reused.open')}</a>`}
        <button type="button" class="linklike" onClick=${again}>${t('run.again')}</button></span>
    </p>`;
}
