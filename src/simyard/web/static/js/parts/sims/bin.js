/** The bin: what was deleted within 30 days, with the way back and the way out. */
import { api } from '../../api.js';
import { ago, moment, now, seconds } from '../../format.js';
import { html, useEffect, useRef, useState } from '../../lib.js';
import { restore } from '../../simactions.js';
import { codes, news } from '../../store.js';
import { complain, toast } from '../../toasts.js';
import { t } from '../../texts.js';
import { Turns } from '../../turns.js';
import { Ask } from '../dialog.js';
import { Empty, LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { Windowed } from './windowed.js';

const KEPT_DAYS = 30;
const ROW = 58;

const daysLeft = (/** @type {any} */ sim) => Math.max(0, Math.ceil(KEPT_DAYS - (now.value - seconds(sim.deleted)) / 86400));

export function Bin({ words }) {
  const [list, setList] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [asking, setAsking] = useState(/** @type {any[] | null} */ (null));
  const turns = useRef(new Turns()).current;
  const load = async () => {
    const question = turns.ask();
    setError(null);
    try {
      const found = [];
      let cursor;
      do {
        const page = await api.simulations({ deleted: true, brief: true, limit: 500, cursor });
        found.push(...page.items);
        cursor = page.cursor;
      } while (cursor && found.length < 5000);
      if (turns.take(question)) setList(found.sort((a, b) => (a.deleted < b.deleted ? 1 : -1)));
    } catch (problem) {
      if (!turns.late(question)) setError(problem);
    }
  };
  // what is deleted or taken back, here or in another window, is told of; many at once are one look
  const told = `${news.value?.id} ${news.value?.version}`;
  useEffect(() => {
    const timer = setTimeout(load, list ? 250 : 0);
    return () => clearTimeout(timer);
  }, [told]);
  const back = async (/** @type {any[]} */ some) => {
    const came = new Set((await restore(some)).map((sim) => sim.id));
    setList((old) => old?.filter((sim) => !came.has(sim.id)) ?? null);
    if (came.size) toast(t('bin.restored', { name: some[0].name, count: came.size }));
  };
  const away = async (/** @type {any[]} */ some) => {
    for (const sim of some) {
      try {
        await api.deleteSimulation(sim.id, true);
      } catch (problem) {
        if (problem.status !== 404) { complain(problem); break; }
      }
      setList((old) => old?.filter((one) => one.id !== sim.id) ?? null);
    }
  };
  const shown = list?.filter((sim) => words.every((/** @type {string} */ word) => `${sim.name} ${sim.code}`.toLowerCase().includes(word))) ?? [];
  if (error) return html`<${LoadError} error=${error} retry=${load} />`;
  if (!list) return html`<${Skeleton} rows=${4} />`;
  if (!list.length) return html`<${Empty} title=${t('bin.empty')} text=${t('bin.empty.help')} />`;
  return html`
    <div class="bin-head"><p class="hint">${t('bin.help')}</p>
      <button type="button" class="button small" onClick=${() => setAsking(list)}><${Icon} name="trash" />${t('bin.clear')}</button></div>
    ${shown.length === 0 && html`<${Empty} title=${t('bin.nomatch')} small />`}
    ${shown.length > 0 && html`
      <div class="sim-box"><${Windowed} items=${shown} height=${ROW} role="list">
        ${(/** @type {any} */ sim) => html`
          <li class="bin-row" key=${sim.id}>
            <div class="sim-main"><strong class="sim-name" title=${sim.name}>${sim.name}</strong><span class="hint">${codes.value?.byName.get(sim.code)?.title ?? sim.code}</span></div>
            <span class="hint bin-when" title=${moment(sim.deleted, true)}>${t('bin.when', { when: ago(sim.deleted) })}<br />${t('bin.left', { count: daysLeft(sim) })}</span>
            <button type="button" class="button small" aria-label=${t('bin.restore.label', { name: sim.name })} onClick=${() => back([sim])}><${Icon} name="undo" /><span>${t('bin.restore')}</span></button>
            <button type="button" class="button quiet icon small" title=${t('bin.forever')} aria-label=${t('bin.forever.label', { name: sim.name })} onClick=${() => setAsking([sim])}><${Icon} name="trash" /></button>
          </li>`}
      <//></div>`}
    ${asking && html`<${Ask} title=${t('bin.ask', { name: asking[0].name, count: asking.length })} text=${t('bin.ask.help')} go=${t('bin.forever')} bad onGo=${() => away(asking)} onClose=${() => setAsking(null)} />`}`;
}
