/** The files of a run: a tree with sizes and times, search, a viewer for one, one or all to take away. The viewer's file is in the address. */
import { api } from '../api.js';
import { ago, moment, size } from '../format.js';
import { cls, html, useEffect, useMemo, useRef, useState } from '../lib.js';
import { go, link, route, setQuery } from '../route.js';
import { isActive } from '../states.js';
import { t } from '../texts.js';
import { LoadError, Skeleton } from './empty.js';
import { inOrder, safeName, tree } from './files/tree.js';
import { Icon } from './icon.js';

/** A folder or a search shows so many at first. */
const MAX_SHOWN = 200;

/** @type {Promise<any> | null} */
let viewerCode = null;
/** The viewer's scripts: they come when the first file is opened. */
const loadViewer = () => (viewerCode ??= import('./files/viewer.js').catch((error) => { viewerCode = null; throw error; }));

const address = (run, path) => `${link('runs', run.id)}?${new URLSearchParams({ file: path })}`;

export function RunFiles({ run }) {
  const [files, setFiles] = useState(null);
  const [error, setError] = useState(null);
  const [again, setAgain] = useState(0);
  const [search, setSearch] = useState('');
  // a run that goes on writes more: looked at again as it moves, but not for each of its events
  const tick = isActive(run) ? Math.floor((run.progress?.fraction ?? 0) * 10) + (run.progress?.frames ?? 0) / 1e9 : 'final';
  const asked = useRef(0);
  useEffect(() => {
    let current = true;
    const pause = Math.max(0, asked.current + 3000 - Date.now());
    const timer = setTimeout(() => {
      asked.current = Date.now();
      setError(null);
      api.runFiles(run.id).then((said) => current && setFiles(said.items ?? []), (problem) => current && setError(problem));
    }, asked.current ? pause : 0);
    return () => { current = false; clearTimeout(timer); };
  }, [run.id, run.state, tick, again]);
  const root = useMemo(() => files && tree(files), [files]);
  const all = useMemo(() => root && inOrder(root), [root]);

  if (error && !files) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!files) return html`<${Skeleton} rows=${3} />`;
  if (!files.length) return html`<p class="hint">${t('runfiles.empty')}</p>`;
  const wanted = search.trim().toLowerCase();
  const found = wanted ? all.filter((one) => one.path.toLowerCase().includes(wanted)) : [];
  return html`
    <div class="run-files">
      <div class="view-bar">
        ${files.length > 8 && html`<label class="search"><${Icon} name="search" /><span class="visually-hidden">${t('runfiles.search')}</span>
          <input type="search" class="input small-search" placeholder=${t('runfiles.search')} value=${search} onInput=${(event) => setSearch(event.currentTarget.value)} /></label>`}
        <span class="hint number" role="status">${wanted ? t('runfiles.found', { count: found.length }) : t('runfiles.count', { count: files.length, size: size(root.size) })}</span>
        <span class="spacer"></span>
        <a class="button quiet small" href=${api.bundleAddress(run.id)} download><${Icon} name="download" />${t('runfiles.all')}</a>
      </div>
      ${wanted
        ? found.length > 0 ? html`<${Some} list=${found} draw=${(one) => html`<${File} run=${run} file=${one} whole />`} /> ` : html`<p class="hint">${t('runfiles.none')}</p>`
        : html`<${Level} run=${run} folder=${root} open=${all.length <= 60} />`}
      ${files.length >= 50_000 && html`<p class="hint">${t('runfiles.cut', { count: files.length })}</p>`}
      <${Opened} run=${run} all=${all} />
    </div>`;
}

/** A list that shows the rest of itself when asked. */
function Some({ list, draw }) {
  const [count, setCount] = useState(MAX_SHOWN);
  return html`
    <ul class="file-tree">${list.slice(0, count).map(draw)}
      ${list.length > count && html`<li><button type="button" class="linklike more-files" onClick=${() => setCount(count * 4)}>${t('runfiles.more', { count: list.length - count })}</button></li>`}</ul>`;
}

function Level({ run, folder, open }) {
  const list = useMemo(() => [...folder.folders, ...folder.files], [folder]);
  return html`<${Some} list=${list} draw=${(one) => ('folders' in one ? html`<${FolderRow} key=${`${one.path}/`} run=${run} folder=${one} open=${open} />` : html`<${File} key=${one.path} run=${run} file=${one} />`)} />`;
}

function FolderRow({ run, folder, open: first }) {
  const [open, setOpen] = useState(first);
  return html`
    <li>
      <button type="button" class="file-row folder-row" aria-expanded=${open} onClick=${() => setOpen(!open)}>
        <span class=${cls('tree-toggle', open && 'is-open')} aria-hidden="true"><${Icon} name="next" /></span><${Icon} name="folder" />
        <bdi class="file-name">${safeName(folder.name)}</bdi><span class="hint number file-time">${t('runfiles.inside', { count: folder.count })}</span><span class="hint number file-size">${size(folder.size)}</span></button>
      ${open && html`<${Level} run=${run} folder=${folder} open=${first} />`}
    </li>`;
}

const ICONS = { png: 'image', jpg: 'image', jpeg: 'image', gif: 'image', webp: 'image', svg: 'image', csv: 'table', tsv: 'table', tfs: 'table', h5: 'table', hdf5: 'table', npy: 'table', npz: 'table', json: 'code', jsonl: 'code' };

function File({ run, file, whole = false }) {
  const name = safeName(whole ? file.path : file.path.slice(file.path.lastIndexOf('/') + 1));
  return html`
    <li class="file-row" key=${file.path}>
      <span class="tree-toggle" aria-hidden="true"></span><${Icon} name=${ICONS[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'file'} />
      <a class="file-name" href=${address(run, file.path)} title=${name} aria-label=${safeName(file.path)} onPointerEnter=${() => loadViewer().catch(() => {})}><bdi>${name}</bdi></a>
      <span class="hint number file-time" title=${file.modified ? moment(file.modified, true) : undefined}>${file.modified ? ago(file.modified) : ''}</span>
      <span class="hint number file-size">${size(file.size)}</span>
      <a class="button quiet icon small" href=${api.fileAddress(run.id, file.path)} download=${file.path.split('/').pop()} aria-label=${t('runfiles.download', { name })} title=${t('common.download')}><${Icon} name="download" /></a>
    </li>`;
}

/** What the address names, in the viewer. */
function Opened({ run, all }) {
  const { path: [place, id], query } = route.value;
  const wanted = place === 'runs' && id === run.id ? query.file ?? '' : '';
  const [code, setCode] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => { if (wanted && !code) loadViewer().then((one) => setCode(() => one.Viewer), setError); }, [wanted]);
  if (!wanted) return null;
  if (error) return html`<${LoadError} error=${error} retry=${() => { setError(null); go('runs', run.id); }} />`;
  if (!code) return null;
  return html`<${code} run=${run} files=${all} path=${wanted} at=${query.at ?? ''} open=${(path) => setQuery({ file: path, at: '' })} goTo=${(at) => setQuery({ at })} onClose=${() => setQuery({ file: '', at: '' })} />`;
}
