/** A text file in parts: line numbers, wrapping, search in the part that is shown; a huge one by its beginning, its end and what is between. */
import { size } from '../../format.js';
import { cls, html, useEffect, useMemo, useRef, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';
import { bytes } from './load.js';

const PART = 256 << 10;
const MAX_LINES = 5000;
/** A line is drawn this far. */
const MAX_LINE = 20_000;
const MAX_MARKS = 1000;

/** Splits a part of a file into its whole lines: {lines, used} of the bytes. `last`: the file ends here. */
export function linesOf(/** @type {Uint8Array} */ part, last = true) {
  let used = part.length;
  if (!last) { const at = part.lastIndexOf(10); if (at >= 0) used = at + 1; }
  let lines = new TextDecoder().decode(part.subarray(0, used)).split(/\r?\n/);
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_LINES) {
    lines = lines.slice(0, MAX_LINES);
    used = 0;
    for (let n = 0; n < MAX_LINES; n += 1) used = part.indexOf(10, used) + 1;
  }
  return { lines, used };
}

/** @param {{ run: any, file: { path: string, size: number } }} props */
export function TextView({ run, file }) {
  // where the parts before this one began, and how many lines they had
  const [place, go] = useState(() => ({ from: 0, line: 1, before: [] }));
  const [part, setPart] = useState(null);
  const [error, setError] = useState(null);
  const [wrap, setWrap] = useState(false);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    bytes(run.id, file.path, { from: place.from, to: place.from + PART, signal: abort.signal }).then((found) => {
      // the end is shown from a whole line on
      const skip = place.line ? 0 : found.indexOf(10) + 1;
      const read = linesOf(found.subarray(skip), place.from + found.length >= file.size);
      setPart({ ...read, from: place.from + skip, to: place.from + skip + read.used, line: place.line });
    }, (problem) => { if (!abort.signal.aborted) setError(problem); });
    return () => abort.abort();
  }, [place, file.path, again]);

  if (error) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!part) return html`<${Skeleton} rows=${8} />`;
  const start = () => go({ from: 0, line: 1, before: [] });
  const back = () => { const before = place.before.slice(); go(before.pop()); };
  const on = () => go({ from: part.to, line: part.line && part.line + part.lines.length, before: [...place.before.slice(-500), place] });
  const end = () => go({ from: Math.max(0, file.size - PART), line: 0, before: [...place.before.slice(-500), place] });
  const parts = part.from > 0 || part.to < file.size;
  return html`
    <div class="text-view">
      <${Lines} lines=${part.lines} first=${part.line} wrap=${wrap} setWrap=${setWrap} />
      ${parts && html`
        <div class="view-foot">
          <span class="hint number" role="status">${t('text.part', { from: size(part.from), to: size(part.to), size: size(file.size) })}</span>
          <span class="spacer"></span>
          <button type="button" class="button small" disabled=${place.from === 0} onClick=${start}>${t('text.start')}</button>
          <button type="button" class="button small" disabled=${!place.before.length} onClick=${back}>${t('text.back')}</button>
          <button type="button" class="button small" disabled=${part.to >= file.size} onClick=${on}>${t('text.on')}</button>
          <button type="button" class="button small" disabled=${part.to >= file.size} onClick=${end}>${t('text.end')}</button>
        </div>`}
    </div>`;
}

/** Lines with numbers and a search. `first`: the number of the first, 0 where it is not known. */
export function Lines({ lines, first = 1, wrap, setWrap }) {
  const [search, setSearch] = useState('');
  const [current, setCurrent] = useState(0);
  const box = useRef(null);
  const found = useMemo(() => places(lines, search), [lines, search]);
  useEffect(() => setCurrent(0), [search, lines]);
  useEffect(() => {
    if (found.length) box.current?.querySelector('mark.current')?.scrollIntoView({ block: 'center', inline: 'nearest' });
  }, [current, found]);
  const step = (by) => found.length && setCurrent((current + by + found.length) % found.length);
  const onKey = (event) => {
    if (event.key === 'Enter') { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
    else if (event.key === 'Escape' && search) { event.preventDefault(); event.stopPropagation(); setSearch(''); }
  };
  const marks = useMemo(() => { const map = new Map(); found.forEach((one, n) => map.set(one.line, [...(map.get(one.line) ?? []), { ...one, n }])); return map; }, [found]);
  return html`
    <div class="view-bar">
      <label class="search"><${Icon} name="search" /><span class="visually-hidden">${t('text.search')}</span>
        <input type="search" class="input" data-search placeholder=${t('text.search')} value=${search} onInput=${(e) => setSearch(e.currentTarget.value)} onKeyDown=${onKey} /></label>
      <span class="hint number" role="status">${search && (found.length ? t('text.found', { at: current + 1, count: found.length + (found.length === MAX_MARKS ? '+' : '') }) : t('text.none'))}</span>
      ${found.length > 1 && html`
        <button type="button" class="button quiet icon small" aria-label=${t('text.previous')} title=${t('text.previous')} onClick=${() => step(-1)}><${Icon} name="previous" /></button>
        <button type="button" class="button quiet icon small" aria-label=${t('text.next')} title=${t('text.next')} onClick=${() => step(1)}><${Icon} name="next" /></button>`}
      <span class="spacer"></span>
      <label class="check"><input type="checkbox" class="switch small" checked=${wrap} onChange=${(e) => setWrap(e.currentTarget.checked)} />${t('text.wrap')}</label>
    </div>
    <div class=${cls('lines', wrap && 'wrap', !first && 'unnumbered')} ref=${box} tabIndex="0" role="region" aria-label=${t('text.content')}>
      ${lines.map((line, n) => html`<div class="line" key=${n}>${first ? html`<span class="line-number" aria-hidden="true" data-n=${first + n}></span>` : null}<span class="line-text">${marks.has(n) ? marked(line, marks.get(n), search.length, current) : cutOff(line)}</span></div>`)}
    </div>`;
}

const cutOff = (/** @type {string} */ line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)} … ${t('text.longer', { count: line.length - MAX_LINE })}` : line || '\u200b');

function places(lines, search) {
  const wanted = search.toLowerCase(), found = [];
  if (!wanted) return found;
  for (let line = 0; line < lines.length && found.length < MAX_MARKS; line += 1) {
    const text = lines[line].toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0 && at < MAX_LINE && found.length < MAX_MARKS; at = text.indexOf(wanted, at + wanted.length)) found.push({ line, at });
  }
  return found;
}

function marked(line, list, length, current) {
  const pieces = [];
  let from = 0;
  for (const { at, n } of list) {
    pieces.push(line.slice(from, at), html`<mark class=${n === current ? 'current' : ''}>${line.slice(at, at + length)}</mark>`);
    from = at + length;
  }
  pieces.push(line.slice(from, MAX_LINE));
  return pieces;
}
