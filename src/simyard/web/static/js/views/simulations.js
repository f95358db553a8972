/** All of the user's simulations: search, open, copy, delete with undo. */
import { api } from '../api.js';
import { ago, moment } from '../format.js';
import { html, useEffect, useMemo, useState } from '../lib.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { StateBadge } from '../parts/state.js';
import { link } from '../route.js';
import { codes, dropSimulation, loadSimulations, putSimulation, runs, simulations, simulationsError } from '../store.js';
import { complain, toast } from '../toasts.js';
import { t } from '../texts.js';

const UNDO = 6000;
const SHOWN = 100;

/** Deletes after a while in which it can be undone; a page that is closed meanwhile deletes nothing. */
export function deleteSoon(simulation) {
  dropSimulation(simulation.id);
  const timer = setTimeout(async () => {
    try {
      await api.deleteSimulation(simulation.id);
    } catch (error) {
      putSimulation(simulation);
      toast(t('sims.delete.busy', { name: simulation.name, detail: error.detail }), { kind: 'bad' });
    }
  }, UNDO);
  toast(t('sims.deleted', { name: simulation.name }), {
    ms: UNDO, action: { text: t('common.undo'), run: () => { clearTimeout(timer); putSimulation(simulation); } },
  });
}

export async function copySimulation(simulation) {
  try {
    const copy = await api.copySimulation(simulation.id);
    putSimulation(copy);
    toast(t('sims.copied', { name: copy.name }));
    return copy;
  } catch (error) {
    complain(error);
    return null;
  }
}

export function Simulations() {
  const [search, setSearch] = useState('');
  const [many, setMany] = useState(SHOWN);
  useEffect(() => {
    document.title = `${t('sims.title')} · ${t('app.name')}`;
    if (simulations.value) loadSimulations(); // one may have been made elsewhere
  }, []);
  const all = simulations.value;
  const last = useMemo(() => {
    const newest = new Map();
    for (const run of runs.value.values()) if (!(newest.get(run.simulation)?.id > run.id)) newest.set(run.simulation, run);
    return newest;
  }, [runs.value]);

  if (simulationsError.value && !all) return html`<main class="page"><h1>${t('sims.title')}</h1><${LoadError} error=${simulationsError.value} retry=${loadSimulations} /></main>`;
  const wanted = search.trim().toLowerCase();
  const list = [...(all?.values() ?? [])]
    .filter((sim) => !wanted || sim.name.toLowerCase().includes(wanted) || sim.code.includes(wanted))
    .sort((a, b) => (a.updated < b.updated ? 1 : -1));
  return html`
    <main class="page">
      <div class="page-head">
        <h1>${t('sims.title')}</h1>
        ${all?.size > 0 && html`<div class="search"><${Icon} name="search" /><input class="input" type="search" placeholder=${t('sims.search')} aria-label=${t('sims.search')} value=${search} onInput=${(e) => setSearch(e.currentTarget.value)} /></div>`}
        <a class="button primary" href=${link('codes')}><${Icon} name="plus" />${t('gallery.start')}</a>
      </div>
      ${!all && html`<${Skeleton} rows=${6} />`}
      ${all?.size === 0 && html`<${Empty} title=${t('sims.empty')} text=${t('sims.empty.help')}><a class="button primary" href=${link('codes')}>${t('sims.empty.go')}</a><//>`}
      ${all?.size > 0 && list.length === 0 && html`<${Empty} title=${t('sims.nomatch', { query: search })} small />`}
      ${list.length > 0 && html`
        <div class="table-box"><table class="table">
          <thead><tr><th scope="col">${t('sims.name')}</th><th scope="col">${t('sims.code')}</th><th scope="col">${t('sims.last')}</th><th scope="col">${t('sims.changed')}</th><th scope="col"><span class="visually-hidden">${t('common.actions')}</span></th></tr></thead>
          <tbody>${list.slice(0, many).map((sim) => html`<${Row} key=${sim.id} sim=${sim} run=${last.get(sim.id)} />`)}</tbody>
        </table></div>`}
      ${list.length > many && html`<button type="button" class="button center" onClick=${() => setMany(many + SHOWN)}>${t('common.more')}</button>`}
    </main>`;
}

function Row({ sim, run }) {
  return html`
    <tr>
      <td class="main-cell"><a class="row-link" href=${link('simulations', sim.id)}>${sim.name}</a></td>
      <td class="code-cell">${codes.value?.byName.get(sim.code)?.title ?? sim.code}</td>
      <td class="state-cell">${run ? html`<a href=${link('runs', run.id)}><${StateBadge} state=${run.state} /></a>` : html`<span class="hint">${t('sims.norun')}</span>`}</td>
      <td class="hint when-cell" title=${moment(sim.updated, true)}>${ago(sim.updated)}</td>
      <td class="actions">
        <button type="button" class="button quiet icon small" title=${t('sims.copy')} aria-label=${`${t('sims.copy')}: ${sim.name}`} onClick=${() => copySimulation(sim)}><${Icon} name="copy" /></button>
        <button type="button" class="button quiet icon small" title=${t('common.delete')} aria-label=${`${t('common.delete')}: ${sim.name}`} onClick=${() => deleteSoon(sim)}><${Icon} name="trash" /></button>
      </td>
    </tr>`;
}
