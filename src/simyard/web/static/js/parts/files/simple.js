/** The small views: pictures, JSON as a tree, bytes, PDF, and what only can be taken away. */
import { api } from '../../api.js';
import { size } from '../../format.js';
import { cls, html, useEffect, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { pictureType } from './kind.js';
import { bytes } from './load.js';

const MAX_PICTURE = 64 << 20;
const MAX_JSON = 4 << 20;
const HEX = 1024;
const MAX_CHILDREN = 200;

/** The bytes of a file up to `limit`: {data, error, retry, fraction}. */
export function useBytes(run, file, limit) {
  const [state, setState] = useState({ data: null, error: null, fraction: 0 });
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState({ data: null, error: null, fraction: 0 });
    bytes(run.id, file.path, {
      to: Math.min(limit, file.size), signal: abort.signal, onProgress: (fraction) => setState((one) => (fraction - one.fraction > 0.02 ? { ...one, fraction } : one)),
    }).then((data) => setState({ data, error: null, fraction: 1 }), (error) => { if (!abort.signal.aborted) setState({ data: null, error, fraction: 0 }); });
    return () => abort.abort();
  }, [file.path, again]);
  return { ...state, retry: () => setAgain(again + 1) };
}

/** Words, and the file to take away. */
export function Takeaway({ run, file, text, children }) {
  return html`<div class="takeaway"><${Icon} name="file" /><p>${text}</p>
    <a class="button primary" href=${api.fileAddress(run.id, file.path)} download=${file.path.split('/').pop()}><${Icon} name="download" />${t('common.download')} <span class="number">${size(file.size)}</span></a>${children}</div>`;
}

/** How far a large file has come. */
export function Coming({ fraction, file }) {
  return html`<div class="coming" role="status"><progress max="1" value=${fraction} aria-label=${t('common.loading')}></progress><span class="hint number">${t('view.coming', { got: size(fraction * file.size), size: size(file.size) })}</span></div>`;
}

/** A picture, as an image of a blob: a script in an SVG is not run there, and nothing that it names is loaded. */
export function PictureView({ run, file }) {
  if (file.size > MAX_PICTURE) return html`<${Takeaway} run=${run} file=${file} text=${t('view.large', { limit: size(MAX_PICTURE) })} />`;
  return html`<${Picture} run=${run} file=${file} />`;
}

function Picture({ run, file }) {
  const { data, error, retry, fraction } = useBytes(run, file, MAX_PICTURE);
  const [url, setUrl] = useState('');
  const [found, setFound] = useState(null);
  const [actual, setActual] = useState(false);
  useEffect(() => {
    if (!data) return undefined;
    const made = URL.createObjectURL(new Blob([data], { type: pictureType(file.path, data.subarray(0, 4096)) || 'image/png' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  if (error) return html`<${LoadError} error=${error} retry=${retry} />`;
  if (found?.broken) return html`<${Takeaway} run=${run} file=${file} text=${t('picture.broken')} />`;
  if (!url) return file.size > 1 << 20 ? html`<${Coming} fraction=${fraction} file=${file} />` : html`<${Skeleton} rows=${4} />`;
  return html`
    <div class="view-bar"><span class="hint number">${found ? t('picture.size', found) : '\u00a0'}</span><span class="spacer"></span>
      <button type="button" class="chip" aria-pressed=${actual} onClick=${() => setActual(!actual)}>${t('picture.actual')}</button></div>
    <div class=${cls('picture-box', actual && 'actual')} tabIndex="0" role="region" aria-label=${t('picture.label')}>
      <img src=${url} alt=${file.path.split('/').pop()} onLoad=${(event) => setFound({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })} onError=${() => setFound({ broken: true })} />
    </div>`;
}

/** JSON as a tree that opens where one looks. */
export function JsonView({ run, file, fallback }) {
  const { data, error, retry } = useBytes(run, file, MAX_JSON);
  if (error) return html`<${LoadError} error=${error} retry=${retry} />`;
  if (!data) return html`<${Skeleton} rows=${6} />`;
  const parsed = file.size > MAX_JSON ? { error: t('json.large', { limit: size(MAX_JSON) }) } : parse(data);
  if ('error' in parsed) return html`<p class="notice warn">${parsed.error} <button type="button" class="linklike" onClick=${fallback}>${t('table.as-text')}</button></p>`;
  return html`<div class="json" tabIndex="0" role="region" aria-label=${t('json.label')}><${Value} value=${parsed.value} depth=${0} /></div>`;
}

function parse(data) {
  try {
    return { value: JSON.parse(new TextDecoder().decode(data)) };
  } catch (error) {
    return { error: t('json.broken', { error: error.message }) };
  }
}

function Value({ name, value, depth }) {
  const label = name === undefined ? null : html`<span class="json-name">${name}</span>`;
  if (value === null || typeof value !== 'object') {
    const text = typeof value === 'string' ? JSON.stringify(value.length > 2000 ? `${value.slice(0, 2000)}…` : value) : String(value);
    return html`<div class="json-leaf">${label}<span class=${`json-${value === null ? 'null' : typeof value}`}>${text}</span></div>`;
  }
  return html`<${Branch} label=${label} value=${value} depth=${depth} />`;
}

function Branch({ label, value, depth }) {
  const keys = Object.keys(value), list = Array.isArray(value);
  const [open, setOpen] = useState(depth < 2 && keys.length <= 50);
  const [count, setCount] = useState(MAX_CHILDREN);
  return html`
    <details class="json-branch" open=${open} onToggle=${(event) => { if (event.target === event.currentTarget) setOpen(event.currentTarget.open); }}>
      <summary><${Icon} name="next" />${label}<span class="hint">${t(list ? 'json.list' : 'json.object', { count: keys.length })}</span></summary>
      ${open && html`<div class="json-children">
        ${keys.slice(0, count).map((key) => html`<${Value} key=${key} name=${key} value=${value[key]} depth=${depth + 1} />`)}
        ${keys.length > count && html`<button type="button" class="linklike" onClick=${() => setCount(count * 5)}>${t('json.more', { count: keys.length - count })}</button>`}
      </div>`}
    </details>`;
}

/** The first bytes, as numbers and as letters. */
export function HexView({ run, file }) {
  const { data, error, retry } = useBytes(run, file, HEX);
  if (error) return html`<${LoadError} error=${error} retry=${retry} />`;
  if (!data) return html`<${Skeleton} rows=${6} />`;
  return html`
    <${Takeaway} run=${run} file=${file} text=${t('hex.text')} />
    <pre class="hex" tabIndex="0" role="region" aria-label=${t('hex.label')}>${hex(data)}</pre>
    ${file.size > HEX && html`<p class="hint">${t('hex.first', { count: HEX })}</p>`}`;
}

/** 16 bytes a line: offset, hexadecimal, ASCII. */
export function hex(/** @type {Uint8Array} */ data) {
  const lines = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = [...data.subarray(at, at + 16)];
    const numbers = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    lines.push(`${at.toString(16).padStart(6, '0')}  ${numbers}  ${row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')}`);
  }
  return lines.join('\n');
}
