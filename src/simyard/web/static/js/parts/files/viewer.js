/** One file of a run, shown as what it is; the one before and the one after by a key. */
import { api } from '../../api.js';
import { moment, size } from '../../format.js';
import { useKeys } from '../../keys.js';
import { html, useEffect, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { Dialog } from '../dialog.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { Hdf5View } from './hdf5.js';
import { viewsOf } from './kind.js';
import { bytes } from './load.js';
import { NumpyView } from './numpy.js';
import { HexView, JsonView, PictureView, Takeaway } from './simple.js';
import { TableView } from './table.js';
import { TextView } from './text.js';
import { safeName } from './tree.js';

const HEAD = 4096;

/** `files`: all of them in their order; `open(path)` shows another, `at` and `goTo` are a place in a file. */
export function Viewer({ run, files, path, open, at, goTo, onClose }) {
  const place = files.findIndex((one) => one.path === path);
  const file = files[place];
  const step = (by) => { const next = files[place + by]; if (next) open(next.path); };
  // arrows are for what has the focus, where that has a use for them
  const free = (event) => !event.target.closest('[role=region], [role=log], input, select, textarea, .plot, nav');
  useKeys([
    { keys: ['n', 'ArrowRight'], text: t('view.next'), run: (event) => (event.key === 'n' || free(event) ? step(1) : false) },
    { keys: ['p', 'ArrowLeft'], text: t('view.previous'), run: (event) => (event.key === 'p' || free(event) ? step(-1) : false) },
    { keys: '/', text: t('view.search'), run: () => { const field = document.querySelector('.file-viewer [data-search]'); if (!field) return false; field.focus(); return true; } },
  ], { dialog: true, group: t('keys.viewer') });
  const name = safeName(path.split('/').pop());
  return html`
    <${Dialog} wide title=${name} onClose=${onClose}>
      <div class="file-viewer">
        <div class="file-bar">
          <p class="hint number file-facts"><bdi class="file-path">${safeName(path)}</bdi>${file && html`<span>${size(file.size)}</span>${file.modified && html`<span>${moment(file.modified, true)}</span>`}`}</p>
          <div class="file-steps">
            <button type="button" class="button quiet icon small" aria-label=${t('view.previous')} title=${`${t('view.previous')} (p)`} disabled=${place <= 0} onClick=${() => step(-1)}><${Icon} name="previous" /></button>
            <span class="hint number">${place >= 0 ? t('view.place', { at: place + 1, count: files.length }) : ''}</span>
            <button type="button" class="button quiet icon small" aria-label=${t('view.next')} title=${`${t('view.next')} (n)`} disabled=${place < 0 || place + 1 >= files.length} onClick=${() => step(1)}><${Icon} name="next" /></button>
            ${file && html`<a class="button small" href=${api.fileAddress(run.id, path)} download=${path.split('/').pop()}><${Icon} name="download" />${t('common.download')}</a>`}
          </div>
        </div>
        ${file ? html`<${Content} key=${path} run=${run} file=${file} at=${at} goTo=${goTo} />` : html`<p class="notice warn">${t('view.gone')}</p>`}
      </div>
    <//>`;
}

function Content({ run, file, at, goTo }) {
  const [views, setViews] = useState(null);
  const [error, setError] = useState(null);
  const [view, setView] = useState('');
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    bytes(run.id, file.path, { to: Math.min(HEAD, file.size), signal: abort.signal }).then((head) => setViews(viewsOf(file.path, head)), (problem) => { if (!abort.signal.aborted) setError(problem); });
    return () => abort.abort();
  }, [again]);
  if (!file.size) return html`<p class="hint view-empty">${t('view.empty')}</p>`;
  if (error) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!views) return html`<${Skeleton} rows=${8} />`;
  const shown = view || views[0];
  const asText = () => setView('text');
  return html`
    ${views.length > 1 && html`<div class="segments view-choice" role="group" aria-label=${t('view.as')}>
      ${views.map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${one === shown} onClick=${() => setView(one)}>${t(`view.${one}`)}</button>`)}</div>`}
    <div class=${`view-content view-${shown}`} key=${shown}>
      ${shown === 'text' && html`<${TextView} run=${run} file=${file} />`}
      ${shown === 'table' && html`<${TableView} run=${run} file=${file} fallback=${asText} />`}
      ${shown === 'json' && html`<${JsonView} run=${run} file=${file} fallback=${asText} />`}
      ${shown === 'picture' && html`<${PictureView} run=${run} file=${file} />`}
      ${shown === 'hex' && html`<${HexView} run=${run} file=${file} />`}
      ${shown === 'pdf' && html`<${Takeaway} run=${run} file=${file} text=${t('view.pdf.help')} />`}
      ${shown === 'numpy' && html`<${NumpyView} run=${run} file=${file} at=${at} goTo=${goTo} />`}
      ${shown === 'hdf5' && html`<${Hdf5View} run=${run} file=${file} at=${at} goTo=${goTo} />`}
    </div>`;
}
