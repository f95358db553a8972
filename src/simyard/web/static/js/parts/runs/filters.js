/** What of the runs is shown: by state, text, code and model, place, time, pinned; kept in the page's address. */
import { cls, html } from '../../lib.js';
import { setQuery } from '../../route.js';
import { SINCE, STATES } from '../../runlist.js';
import { codes, simulations, targets } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';

/** Names of the filters that stand in the address. */
export const FILTERS = ['show', 'q', 'code', 'model', 'simulation', 'target', 'since', 'pinned'];

export function Filters({ query }) {
  const set = (name) => (event) => setQuery({ [name]: event.currentTarget.value, ...(name === 'code' && { model: '' }) });
  const all = [...(codes.value?.byName.values() ?? [])];
  const code = codes.value?.byName.get(query.code);
  const select = (name, options) => (options.length > 1 || query[name]) && html`
    <select class=${cls('input small', query[name] && 'set')} aria-label=${t(`runs.by.${name}`)} value=${query[name] ?? ''} onChange=${set(name)}>
      <option value="">${t(`runs.by.${name}.all`)}</option>
      ${options.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === query[name]}>${text}</option>`)}
    </select>`;
  const show = query.show in STATES ? query.show : 'all';
  const simulation = query.simulation && (simulations.value?.get(query.simulation)?.name ?? t('runs.deleted'));
  const any = FILTERS.some((name) => query[name]);
  return html`
    <div class="run-filters" role="search" aria-label=${t('runs.filter')}>
      <div class="search"><${Icon} name="search" /><input class="input" type="search" data-search placeholder=${t('runs.search')} aria-label=${t('runs.search')} value=${query.q ?? ''} onInput=${set('q')} /></div>
      <div class="segments" role="group" aria-label=${t('runs.filter')}>
        ${Object.keys(STATES).map((name) => html`<button type="button" key=${name} class="chip" aria-pressed=${name === show} onClick=${() => setQuery({ show: name === 'all' ? '' : name })}>${t(`runs.filter.${name}`)}</button>`)}
        <button type="button" class="chip" aria-pressed=${Boolean(query.pinned)} onClick=${() => setQuery({ pinned: query.pinned ? '' : 'yes' })}><${Icon} name="pin" />${t('runs.filter.pinned')}</button>
      </div>
      <div class="selects">
        ${select('code', all.map((one) => [one.name, one.title]))}
        ${code && select('model', code.models.map((one) => [one.name, one.title]))}
        ${select('target', targets.value.map((one) => [one.name, one.name]))}
        ${select('since', Object.keys(SINCE).map((name) => [name, t(`runs.since.${name}`)]))}
        ${simulation && html`<button type="button" class="chip" aria-pressed="true" title=${t('runs.by.simulation.drop')} onClick=${() => setQuery({ simulation: '' })}><span class="chip-text">${simulation}</span><${Icon} name="close" /></button>`}
        ${any && html`<button type="button" class="button quiet small" onClick=${() => setQuery(Object.fromEntries(FILTERS.map((name) => [name, ''])))}>${t('runs.filter.none')}</button>`}
      </div>
    </div>`;
}
