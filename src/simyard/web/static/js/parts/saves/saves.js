/** Every save of a simulation: when, what changed by it, what differs from now, and the way back to it. */
import { api } from '../../api.js';
import { ago, moment } from '../../format.js';
import { html, useEffect, useState } from '../../lib.js';
import { changed } from '../../saves.js';
import { t } from '../../texts.js';
import { Dialog } from '../dialog.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { Difference } from './difference.js';

const PAGE = 50;

/** `draft`: what is looked at; a save, an example or the defaults is put beside what it is now. */
export function Saves({ draft, onClose }) {
  const { code } = draft, simulation = draft.simulation.value;
  const [saves, setSaves] = useState(null);
  const [cursor, setCursor] = useState('');
  const [error, setError] = useState(null);
  const [chosen, setChosen] = useState('');
  const load = async (after = '') => {
    setError(null);
    try {
      await draft.flush();
      const page = await api.revisions(simulation.id, { limit: PAGE, cursor: after });
      setSaves((known) => (after ? [...known, ...page.items] : page.items));
      setCursor(page.cursor);
      if (!after) setChosen(String(page.items[1]?.n ?? 'defaults'));
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => { load(); }, []);
  const back = async (n) => { if (await draft.restore(n)) await load(); };

  const others = [['defaults', t('saves.defaults'), {}], ...code.examples.map((one) => [`example ${one.name}`, one.title, one.inputs])];
  const defaults = Object.fromEntries(code.inputs.map((input) => [input.name, input.default]));
  const other = others.find(([key]) => key === chosen);
  const save = saves?.find((one) => String(one.n) === chosen);
  const before = other ? { inputs: { ...defaults, ...other[2] } } : save;
  const now = saves?.[0];
  return html`
    <${Dialog} wide title=${t('saves.title')} onClose=${onClose}>
      ${error && html`<${LoadError} error=${error} retry=${() => load()} />`}
      ${!error && !saves && html`<${Skeleton} rows=${5} />`}
      ${saves && html`
        <div class="saves">
          <div class="saves-list" onKeyDown=${onKey}>
            <h3>${t('saves.saves')}</h3>
            ${saves.map((one, at) => html`
              <button type="button" class="save" key=${one.n} aria-pressed=${String(one.n) === chosen} onClick=${() => setChosen(String(one.n))}>
                <span class="save-when" title=${moment(one.saved, true)}>${one === now ? t('saves.now') : ago(one.saved)}</span>
                <span class="save-what">${what(code, one, saves[at + 1], cursor)}</span>
              </button>`)}
            ${cursor && html`<button type="button" class="button small" onClick=${() => load(cursor)}>${t('common.more')}</button>`}
            <h3>${t('saves.others')}</h3>
            ${others.map(([key, text]) => html`<button type="button" class="save" key=${key} aria-pressed=${key === chosen} onClick=${() => setChosen(String(key))}><span class="save-what">${text}</span></button>`)}
          </div>
          <div class="saves-one" aria-live="polite">
            ${before && now && html`
              <div class="saves-head"><h3>${t('saves.difference', { from: other ? other[1] : save === now ? t('saves.now') : moment(save.saved, true) })}</h3>
                ${save && save !== now && !draft.frozen.value && html`<button type="button" class="button small" onClick=${() => back(save.n)}><${Icon} name="undo" />${t('saves.back')}</button>`}</div>
              <${Difference} code=${code} before=${before} after=${other ? { inputs: now.inputs } : now} />`}
          </div>
        </div>`}
    <//>`;
}

/** What a save changed, in a few words. */
function what(code, save, before, cursor) {
  if (save.restores != null) return t('saves.restored', { n: save.restores });
  if (!before) return cursor ? '' : t('saves.first');
  const titles = changed(before, save).map((name) => code.inputs.find((input) => input.name === name)?.title ?? name.replace(/^file /, ''));
  return titles.length > 3 ? t('saves.many', { names: titles.slice(0, 2).join(', '), count: titles.length - 2 }) : titles.join(', ');
}

/** The arrow keys go along the list. */
function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll('.save')];
  const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + step))];
  next.focus();
  next.click();
}
