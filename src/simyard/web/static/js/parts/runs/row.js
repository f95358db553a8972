/** A row of the list of runs: one run, or consecutive refreshes of one simulation. */
import { ago, duration, moment, ticking } from '../../format.js';
import { cls, html } from '../../lib.js';
import { link } from '../../route.js';
import { named } from '../../runlist.js';
import { elapsed, isActive, wentWrong } from '../../states.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { Menu } from '../menu.js';
import { ProgressBar, StateBadge } from '../state.js';

/**
 * `acts`: what can be done, {select(runs, on), toggle(key), stop(runs), remove(runs), pin(run)}.
 * @param {{ item: import('../../runlist.js').Item, index: number, open: boolean, chosen: 'all' | 'some' | 'none', acts: any }} props
 */
export function Row({ item, index, open, chosen, acts }) {
  const { run, runs, kind } = item;
  const { title, simulation, model, code } = named(run);
  const name = title ?? t('runs.deleted');
  const fold = kind === 'fold', active = isActive(run);
  const took = elapsed(run);
  const bad = fold ? runs.filter(wentWrong).length : 0;
  const under = wentWrong(run) ? run.reason : run.note;
  return html`
    <tr class=${cls('run-row', kind, chosen !== 'none' && 'chosen', !simulation && 'orphan')} aria-rowindex=${index + 2}>
      <td class="pick-cell"><label class="pick"><input type="checkbox" checked=${chosen === 'all'} indeterminate=${chosen === 'some'} aria-label=${t('runs.select', { name })} onChange=${(event) => acts.select(runs, event.currentTarget.checked)} /></label></td>
      <td class="main-cell">
        <div class="run-name">
          ${fold && html`<button type="button" class="fold-button" aria-expanded=${open} aria-label=${t(open ? 'runs.fold.close' : 'runs.fold.open', { name, count: runs.length })} onClick=${() => acts.toggle(item.key)}><${Icon} name=${open ? 'down' : 'next'} /></button>`}
          <a class="row-link" href=${link('runs', run.id)} title=${name}>${name}</a>
          ${run.pinned && html`<span class="pinned" title=${t('runs.pinned')}><${Icon} name="pin" /></span>`}
          ${run.name && simulation && html`<span class="hint of">${simulation}</span>`}
        </div>
        <div class="run-sub"><span class="hint">${code} · ${model}</span>${fold && html`<span class="hint fold-count">${t('runs.fold', { count: runs.length })}${bad > 0 && `, ${t('runs.fold.bad', { count: bad })}`}</span>`}
          ${!fold && under && html`<span class=${wentWrong(run) ? 'row-reason' : 'row-note'} title=${under}>${under}</span>`}</div></td>
      <td class="state-cell"><${StateBadge} state=${run.state} />${run.state === 'running' && html`<${ProgressBar} run=${run} small />`}</td>
      <td class="when-cell hint" title=${moment(run.started ?? run.created, true)}>${ago(run.started ?? run.created)}</td>
      <td class="took-cell number">${Number.isFinite(took) ? (active ? ticking(took) : duration(took)) : ''}</td>
      <td class="where-cell hint" title=${run.target}>${run.target}</td>
      <td class="actions">
        ${active && html`<button type="button" class="button quiet icon small stop" disabled=${run.state === 'canceling'} aria-label=${`${t('run.stop')}: ${name}`} title=${t(run.state === 'canceling' ? 'run.stopping' : 'run.stop')} onClick=${() => acts.stop([run])}><${Icon} name="stop" /></button>`}
        <${Menu} label=${t('runs.menu', { name })} items=${[
          simulation && { text: t('runs.go.simulation'), icon: 'back', run: () => { location.hash = `${link('simulations', run.simulation)}?model=${encodeURIComponent(run.model)}`; } },
          !fold && { text: t(run.pinned ? 'runs.unpin' : 'runs.pin'), icon: 'pin', run: () => acts.pin(run) },
          { text: t('runs.only'), icon: 'search', run: () => acts.only(run) },
          !active && { text: fold ? t('runs.delete.fold', { count: runs.length }) : t('common.delete'), icon: 'trash', bad: true, run: () => acts.remove(runs) },
        ]} />
      </td>
    </tr>`;
}
