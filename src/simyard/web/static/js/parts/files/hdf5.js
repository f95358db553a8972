/** An HDF5 file: its groups as a tree, the attributes and the data of what is chosen. The library comes when the first such file is opened. */
import { size } from '../../format.js';
import { cls, html, useEffect, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { ArrayView } from './array.js';
import { asker, bytes } from './load.js';
import { Coming, Takeaway } from './simple.js';

/** A larger one is not read in the page. */
export const MAX_HDF5 = 512 << 20;
const STEP = 8 << 20;

/** The whole file as a blob: the browser may keep a large one on the disk. */
async function whole(run, file, signal, onProgress) {
  const parts = [];
  for (let from = 0; from < file.size; from += STEP) {
    parts.push(new Blob([await bytes(run.id, file.path, { from, to: Math.min(file.size, from + STEP), signal })]));
    onProgress(Math.min(1, (from + STEP) / file.size));
  }
  return new Blob(parts);
}

/** @param {{ run: any, file: { path: string, size: number }, at: string, goTo: (path: string) => void }} props `at`: the path in the file */
export function Hdf5View({ run, file, at, goTo }) {
  const [state, setState] = useState(null);
  const [error, setError] = useState(null);
  const [fraction, setFraction] = useState(0);
  const [again, setAgain] = useState(0);
  const large = file.size > MAX_HDF5;
  useEffect(() => {
    if (large) return undefined;
    const abort = new AbortController();
    let reader = null;
    setError(null);
    setState(null);
    (async () => {
      const blob = await whole(run, file, abort.signal, setFraction);
      reader = asker('./hdf5_worker.js');
      const root = await reader.ask({ ask: 'open', blob });
      if (!abort.signal.aborted) setState({ reader, root });
    })().catch((problem) => { if (!abort.signal.aborted) setError(problem); });
    return () => { abort.abort(); reader?.close(); };
  }, [file.path, again]);

  if (large) return html`<${Takeaway} run=${run} file=${file} text=${t('view.large', { limit: size(MAX_HDF5) })} />`;
  if (error?.code === 'file') return html`<${Takeaway} run=${run} file=${file} text=${t('hdf5.broken', { error: error.detail })} />`;
  if (error) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!state) return file.size > STEP ? html`<${Coming} fraction=${fraction} file=${file} />` : html`<${Skeleton} rows=${6} />`;
  return html`<${Loaded} reader=${state.reader} root=${state.root} at=${at} goTo=${goTo} />`;
}

function Loaded({ reader, root, at, goTo }) {
  const [known, setKnown] = useState(() => new Map([['/', root]]));
  const [open, setOpen] = useState(() => new Set(['/', ...parents(at)]));
  const [error, setError] = useState(null);
  // what the address names is seen in the tree, however one came there
  useEffect(() => { if (parents(at).some((path) => !open.has(path))) setOpen((was) => new Set([...was, ...parents(at)])); }, [at]);
  // groups are listed when they are opened: those on the way to what is wanted first
  const missing = [...open].find((path) => !known.has(path));
  useEffect(() => {
    if (!missing) return;
    const put = (listed) => setKnown((was) => new Map(was).set(missing, listed));
    reader.ask({ ask: 'list', path: missing }).then(put, () => put({ items: [], total: 0 }));
  }, [missing, known]);
  const chosen = at === '/' ? { name: '/', path: '/', kind: 'group' } : [...known.values()].flatMap((one) => one.items).find((one) => one.path === at);
  const toggle = (path) => setOpen((was) => { const next = new Set(was); if (!next.delete(path)) next.add(path); return next; });
  const firstData = root.items.find((one) => one.kind === 'dataset');
  useEffect(() => { if (!at) goTo(firstData && root.items.length === 1 ? firstData.path : '/'); }, [at]);
  return html`
    <div class="hdf5">
      <nav class="hdf5-tree" aria-label=${t('hdf5.tree')}><ul>
        <li><${Item} item=${{ name: '/', path: '/', kind: 'group' }} at=${at} goTo=${goTo} /></li>
        <${Level} path="/" known=${known} open=${open} at=${at} goTo=${goTo} toggle=${toggle} depth=${1} />
      </ul></nav>
      <div class="hdf5-main">
        ${error && html`<${LoadError} error=${error} />`}
        ${chosen ? html`<${Chosen} key=${chosen.path} reader=${reader} item=${chosen} setError=${setError} />` : missing ? html`<${Skeleton} rows=${4} />` : html`<p class="hint">${at ? t('hdf5.gone', { path: at }) : ''}</p>`}
      </div>
    </div>`;
}

const parents = (/** @type {string} */ path) => path.split('/').slice(1, -1).map((_, n, all) => `/${all.slice(0, n + 1).join('/')}`);
const DEPTH = 40; // a link may lead round in a circle

function Level({ path, known, open, at, goTo, toggle, depth }) {
  const listed = known.get(path);
  if (!listed) return html`<li class="hint hdf5-item">${t('common.loading')}</li>`;
  return html`
    ${listed.items.map((item) => html`<li key=${item.path}>
      <${Item} item=${item} at=${at} goTo=${goTo} toggle=${depth < DEPTH && item.kind === 'group' ? toggle : null} open=${open.has(item.path)} />
      ${open.has(item.path) && item.kind === 'group' && html`<ul><${Level} path=${item.path} known=${known} open=${open} at=${at} goTo=${goTo} toggle=${toggle} depth=${depth + 1} /></ul>`}</li>`)}
    ${listed.total > listed.items.length && html`<li class="hint hdf5-item">${t('hdf5.more', { count: listed.total - listed.items.length })}</li>`}`;
}

/** @param {any} props */
function Item({ item, at, goTo, toggle = null, open = false }) {
  return html`
    <div class=${cls('hdf5-item', at === item.path && 'chosen')}>
      ${toggle ? html`<button type="button" class="tree-toggle" aria-expanded=${open} aria-label=${t('tree.toggle', { name: item.name })} onClick=${() => toggle(item.path)}><${Icon} name="next" /></button>` : html`<span class="tree-toggle" aria-hidden="true"></span>`}
      <button type="button" class="hdf5-name" aria-current=${at === item.path ? 'true' : undefined} onClick=${() => goTo(item.path)}>
        <${Icon} name=${item.kind === 'group' ? 'folder' : item.kind === 'dataset' ? 'table' : 'file'} /><span>${item.name}</span>
        ${item.kind === 'dataset' && html`<span class="hint number">${shapeText(item.shape)}</span>`}</button>
    </div>`;
}

const shapeText = (shape) => (!shape ? '∅' : shape.length ? shape.join(' × ') : '');

function Chosen({ reader, item }) {
  /** @type {any[]} */
  const facts = [
    item.kind === 'dataset' && [t('hdf5.type'), item.type],
    item.kind === 'dataset' && item.shape?.length > 0 && [t('hdf5.shape'), shapeText(item.shape)],
    item.chunks && [t('hdf5.chunks'), item.chunks.join(' × ')],
    item.filters?.length > 0 && [t('hdf5.filters'), item.filters.join(', ')],
    item.kind === 'link' && [t('hdf5.link'), item.target],
  ].filter(Boolean);
  return html`
    <h3 class="hdf5-path">${item.path}</h3>
    ${item.error && html`<p class="notice warn">${item.error}</p>`}
    ${facts.length > 0 && html`<dl class="hdf5-facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
    ${item.kind === 'link' && html`<p class="hint">${t('hdf5.link.help')}</p>`}
    ${item.kind === 'dataset' && html`<${ArrayView} source=${{ ...item, name: item.path, read: (ranges) => reader.ask({ ask: 'read', path: item.path, ranges }) }} />`}
    ${(item.kind === 'dataset' || item.kind === 'group') && html`<${Attributes} reader=${reader} path=${item.path} />`}`;
}

function Attributes({ reader, path }) {
  const [list, setList] = useState(null);
  useEffect(() => {
    let current = true;
    reader.ask({ ask: 'attributes', path }).then((found) => current && setList(found), () => current && setList([]));
    return () => { current = false; };
  }, [path]);
  if (!list) return null;
  if (!list.length) return html`<p class="hint">${t('hdf5.no-attributes')}</p>`;
  return html`
    <h4 class="hdf5-attributes">${t('hdf5.attributes')}</h4>
    <div class="grid-box" tabIndex="0" role="region" aria-label=${t('hdf5.attributes')}><table class="grid"><thead><tr><th scope="col">${t('runfiles.name')}</th><th scope="col">${t('hdf5.value')}</th><th scope="col">${t('hdf5.type')}</th></tr></thead>
      <tbody>${list.map((one) => html`<tr key=${one.name}><td>${one.name}</td><td class="wrap">${one.error ?? one.value}</td><td class="hint">${one.type}</td></tr>`)}</tbody></table></div>`;
}
