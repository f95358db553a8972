/** Choosing a file of another simulation's run: the simulation, what it computes, and which of its files. */
import { api } from '../../api.js';
import { ago, size } from '../../format.js';
import { html, useEffect, useRef, useState } from '../../lib.js';
import { fileWords, isPath, isSource } from '../../source.js';
import { codes, simulations } from '../../store.js';
import { t } from '../../texts.js';
import { Dialog } from '../dialog.js';
import { Skeleton } from '../empty.js';

/** So many are shown; whoever has more searches. */
const SHOWN = 60;

/** What people call `twiss.tfs` is `work/twiss.tfs` of the run's folder. */
const pathOf = (/** @type {string} */ file) => (!file || file.startsWith('work/') ? file : `work/${file}`);

/** @param {{ input: any, value: any, self: string, onChoose: (source: import('../../source.js').Source) => void, onClose: () => void }} props */
export function SourceDialog({ input, value, self, onChoose, onClose }) {
  const before = isSource(value) ? value : { simulation: '', model: '', file: '' };
  const [simulation, setSimulation] = useState(before.simulation);
  const [model, setModel] = useState(before.model);
  const [file, setFile] = useState(before.file);
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const close = () => body.current?.closest('dialog')?.close();
  const chosen = simulations.value?.get(simulation);
  const models = codes.value?.byName.get(chosen?.code)?.models ?? [];
  const current = models.find((one) => one.name === model) ?? models[0];
  const choose = (/** @type {string} */ id) => { if (id !== simulation) { setSimulation(id); setModel(''); setFile(''); } };
  const path = pathOf(file), ready = Boolean(chosen && current && isPath(path));
  const take = (/** @type {string} */ wanted) => { if (chosen && current && isPath(wanted)) { onChoose({ simulation, model: current.name, file: wanted }); close(); } };
  const foot = html`<button type="button" class="button" onClick=${close}>${t('common.cancel')}</button>
    <button type="button" class="button primary" disabled=${!ready} onClick=${() => take(path)}>${t('source.go')}</button>`;
  return html`
    <${Dialog} title=${t('source.title', { input: input.title })} onClose=${onClose} foot=${foot}>
      <div ref=${body} class="source-dialog">
        <p class="hint">${t('source.help')}</p>
        <${Simulations} self=${self} chosen=${simulation} choose=${choose} />
        ${chosen && models.length > 0 && html`
          <div class="field"><label for="source-model">${t('source.model')}</label>
            <select id="source-model" class="input" value=${current.name} onChange=${(/** @type {any} */ event) => { setModel(event.currentTarget.value); setFile(''); }}>
              ${models.map((one) => html`<option key=${one.name} value=${one.name} selected=${one === current}>${one.title}</option>`)}
            </select></div>
          <${Files} key=${`${simulation}/${current.name}`} input=${input} simulation=${simulation} model=${current.name} file=${file} path=${path} setFile=${setFile} take=${take} />`}
      </div>
    <//>`;
}

/** @param {{ self: string, chosen: string, choose: (id: string) => void }} props */
function Simulations({ self, chosen, choose }) {
  const [search, setSearch] = useState('');
  const all = [...(simulations.value?.values() ?? [])].filter((one) => one.id !== self && !one.deleted);
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const titleOf = (one) => codes.value?.byName.get(one.code)?.title ?? one.code;
  const fits = all.filter((one) => { const text = [one.name, titleOf(one), one.folder, ...(one.tags ?? [])].join(' ').toLowerCase(); return words.every((word) => text.includes(word)); })
    .sort((a, b) => (a.id === chosen ? -1 : b.id === chosen ? 1 : a.updated < b.updated ? 1 : -1));
  if (!simulations.value) return html`<${Skeleton} rows=${3} />`;
  if (!all.length) return html`<p>${t('source.none')}</p>`;
  return html`
    <fieldset class="source-choice">
      <legend>${t('source.simulation')}</legend>
      <input class="input small" type="search" autofocus autocomplete="off" placeholder=${t('source.search')} aria-label=${t('source.search')} value=${search} onInput=${(/** @type {any} */ event) => setSearch(event.currentTarget.value)} />
      <div class="source-list">
        ${fits.slice(0, SHOWN).map((one) => html`
          <label key=${one.id}><input type="radio" name="source-simulation" value=${one.id} checked=${one.id === chosen} onChange=${() => choose(one.id)} />
            <span class="source-name">${one.name}</span><span class="hint">${[titleOf(one), one.folder].filter(Boolean).join(' · ')}</span><span class="hint number">${ago(one.updated)}</span></label>`)}
        ${!fits.length && html`<p class="hint">${t('source.nofit')}</p>`}
      </div>
      ${fits.length > SHOWN && html`<p class="hint">${t('source.many', { count: SHOWN })}</p>`}
    </fieldset>`;
}

/** The files of the newest completed run; where there is none, or they cannot be had, a path that is typed. */
function Files({ input, simulation, model, file, path, setFile, take }) {
  // null: asked for; [] with words: to be typed
  const [found, setFound] = useState(/** @type {{ files: any[], words: string } | null} */ (null));
  useEffect(() => {
    let left = false;
    newestFiles(simulation, model, input).then((answer) => {
      if (left) return;
      setFound(answer);
      const fits = answer.files.filter((one) => isFit(input, one.path));
      if (!file && fits.length === 1) setFile(fits[0].path); // the others are of another kind
    });
    return () => { left = true; };
  }, []);
  if (!found) return html`<${Skeleton} rows=${2} />`;
  if (!found.files.length) {
    const wrong = file && !isPath(path);
    return html`
      <div class="field"><label for="source-path">${t('source.path')}</label>
        <input id="source-path" class="input" type="text" autocomplete="off" spellcheck=${false} value=${fileWords(file)} aria-describedby="source-path-help" aria-invalid=${wrong ? 'true' : undefined}
          onInput=${(/** @type {any} */ event) => setFile(event.currentTarget.value)} onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter') { event.preventDefault(); take(pathOf(/** @type {any} */ (event.currentTarget).value)); } }} />
        <p id="source-path-help" class=${wrong ? 'field-error' : 'hint'}>${wrong ? t('source.path.wrong') : found.words}</p></div>`;
  }
  return html`
    <fieldset class="source-choice">
      <legend>${t('source.file')}</legend>
      <div class="source-list">
        ${found.files.map((one) => html`
          <label key=${one.path}><input type="radio" name="source-file" value=${one.path} checked=${one.path === file} onChange=${() => setFile(one.path)} />
            <span class="source-name mono">${fileWords(one.path)}</span><span class="hint number">${size(one.size)}</span></label>`)}
      </div>
    </fieldset>`;
}

/** Whether it is called as the input's files are. @param {any} input @param {string} path */
const isFit = (input, path) => input.suffixes.some((/** @type {string} */ suffix) => path.toLowerCase().endsWith(suffix));

async function newestFiles(simulation, model, input) {
  try {
    const { items: [own] } = await api.runs({ simulation, model, state: 'completed', limit: 1 });
    const run = own ?? (await api.sameRun(simulation, model)).items[0]; // another simulation may have computed it
    if (!run) return { files: [], words: t('source.file.first') };
    const rank = ({ path }) => (isFit(input, path) ? 0 : 1);
    const files = (await api.runFiles(run.id)).items.filter(({ path }) => path.startsWith('work/'));
    files.sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
    return { files, words: t('source.file.none') };
  } catch {
    return { files: [], words: t('source.file.failed') };
  }
}
