/** The log of a run as it grows: followed, searched, wrapped, copied, taken away; its text is only ever text, and never more of it than a page can bear. */
import { PLAIN, plain, spans, speaksOfError } from '../ansi.js';
import { api } from '../api.js';
import { cls, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js';
import { t } from '../texts.js';
import { toast } from '../toasts.js';
import { Icon } from './icon.js';
import { Block, findAll } from './run/logblock.js';

/** What is kept on the page: lines, in blocks of so many; characters; the whole log is one click away. */
const BLOCK = 100, BLOCKS = 200, KEPT = 3_000_000;
const WRAP = 'simyard.wrap';

/**
 * The lines of a log as they come, in blocks that do not change any more, but the last.
 * Each block: {key, lines: [{text, spans, bad}]}.
 */
class Lines {
  /** @type {import('./run/logblock.js').LogBlock[]} */
  blocks = [];
  cut = false;
  /** It begins in the middle of a line. */
  skip = false;
  size = 0;
  #rest = '';
  #style = PLAIN;
  #next = 0;

  /** Takes in more of the text. */
  add(/** @type {string} */ text) {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    // a line without an end is as long as a program likes
    if (this.#rest.length > 65_536) { parts.push(this.#rest); this.#rest = ''; }
    if (this.skip && parts.length) { parts.shift(); this.skip = false; }
    for (const line of parts) this.#put(line);
    while (this.blocks.length > BLOCKS || (this.size > KEPT && this.blocks.length > 1)) {
      this.size -= this.blocks[0].size;
      this.blocks.shift();
      this.cut = true;
    }
  }

  #put(/** @type {string} */ line) {
    let last = this.blocks[this.blocks.length - 1];
    if (!last || last.lines.length >= BLOCK) {
      last = { key: this.#next, lines: [], size: 0, bad: false };
      this.#next += 1;
      this.blocks.push(last);
    } else {
      // a block that stands on the page is never changed, so that only what is new is drawn
      last = { ...last, lines: [...last.lines] };
      this.blocks[this.blocks.length - 1] = last;
    }
    const made = spans(line, this.#style);
    this.#style = made.style;
    const text = plain(line), bad = speaksOfError(text);
    last.lines.push({ text, spans: made.spans.some((one) => one.style) ? made.spans : null, bad });
    last.size += text.length + 1;
    last.bad ||= bad;
    this.size += text.length + 1;
  }

  /** The blocks with what has no end yet as their last line. */
  shown() {
    if (!this.#rest) return [...this.blocks];
    const text = plain(this.#rest);
    return [...this.blocks, { key: -1, lines: [{ text, spans: null, bad: speaksOfError(text) }], size: text.length, bad: false }];
  }
}

/** The byte from which on the log of a run is kept: of a huge one only the end is ever read. */
async function beginning(run) {
  const whole = await api.log(run.id);
  const length = Number(whole.headers.get('Content-Length') ?? 0);
  whole.body?.cancel();
  return Math.max(0, length - KEPT);
}

/** Follows the log of a run: {blocks, cut, error, done}. It goes on where it was after a broken connection. */
function useLog(run) {
  const [log, setLog] = useState(() => ({ blocks: /** @type {any[]} */ ([]), cut: false, error: /** @type {any} */ (null), loaded: false }));
  useEffect(() => {
    const abort = new AbortController(), decoder = new TextDecoder(), lines = new Lines();
    let offset = 0, frame = 0;
    const show = (error = /** @type {any} */ (null)) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setLog({ blocks: lines.shown(), cut: lines.cut, error, loaded: true }));
    };
    (async () => {
      offset = await beginning(run).catch(() => 0);
      lines.cut = lines.skip = offset > 0;
      for (let tries = 0; tries < 20 && !abort.signal.aborted; tries += 1) {
        try {
          const reader = /** @type {ReadableStream<Uint8Array>} */ ((await api.logStream(run.id, offset, abort.signal)).body).getReader();
          show();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            tries = 0;
            offset += value.length;
            lines.add(decoder.decode(value, { stream: true }));
            show();
          }
        } catch (error) {
          if (abort.signal.aborted) return;
          if (error.status && error.status < 500) { show(error); return; }
          await new Promise((resolve) => setTimeout(resolve, 1500));
        }
      }
      if (!abort.signal.aborted) show(new Error(t('log.failed')));
    })();
    return () => { abort.abort(); cancelAnimationFrame(frame); };
  }, [run.id]);
  return log;
}

export function Log({ run }) {
  const log = useLog(run);
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(localStorage.getItem(WRAP) !== 'no');
  const [search, setSearch] = useState('');
  const [exact, setExact] = useState(false);
  const [at, setAt] = useState(-1);
  const box = useRef(/** @type {HTMLElement | null} */ (null)), field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const hits = useMemo(() => (search ? findAll(log.blocks, search, exact) : []), [log.blocks, search, exact]);
  const firstBad = useMemo(() => {
    const block = log.blocks.find((one) => one.bad);
    return block && { key: block.key, line: block.lines.findIndex((one) => one.bad) };
  }, [log.blocks]);
  const current = hits.length && at >= 0 ? hits[Math.min(at, hits.length - 1)] : null;

  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.blocks, follow, wrap]);

  // blocks above that were never looked at turn out to be higher or lower than was thought: looked at again until it stands
  const reveal = (/** @type {string} */ selector, tries = 5) => requestAnimationFrame(() => {
    const one = box.current?.querySelector(selector);
    if (!one || !box.current) return;
    const [place, frame] = [one.getBoundingClientRect(), box.current.getBoundingClientRect()];
    const off = place.top - frame.top - frame.height / 3;
    box.current.scrollTop += off;
    if (Math.abs(off) > 2 && tries) reveal(selector, tries - 1);
    else box.current.scrollIntoView({ block: 'nearest' });
  });
  // the first place is shown as one types
  const find = (/** @type {string} */ text, /** @type {boolean} */ how) => {
    setSearch(text);
    setExact(how);
    setAt(0);
    if (!text) return;
    setFollow(false);
    reveal('mark.current');
  };
  const step = (/** @type {number} */ by) => {
    if (!hits.length) return;
    setFollow(false);
    setAt((was) => (was < 0 ? (by > 0 ? 0 : hits.length - 1) : (Math.min(was, hits.length - 1) + by + hits.length) % hits.length));
    reveal('mark.current');
  };
  const jump = () => {
    setFollow(false);
    reveal(`[data-block="${firstBad?.key}"] .bad-line`);
  };
  const onScroll = () => {
    if (!box.current) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    setFollow(scrollHeight - scrollTop - clientHeight < 24);
  };
  const onKey = (event) => {
    if (event.key === 'Enter') { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
    if (event.key === 'Escape' && search) { event.stopPropagation(); find('', exact); }
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(log.blocks.flatMap((block) => block.lines.map((line) => line.text)).join('\n'));
      toast(t('log.copied'));
    } catch { toast(t('log.copy.failed'), { kind: 'bad' }); }
  };
  const empty = log.loaded && !log.blocks.length;
  return html`
    <div class="log">
      <div class="log-bar">
        <div class="log-search">
          <${Icon} name="search" />
          <input ref=${field} class="input small" type="search" placeholder=${t('log.search')} aria-label=${t('log.search')} value=${search} onInput=${(e) => find(e.currentTarget.value, exact)} onKeyDown=${onKey} />
          <button type="button" class="chip case" aria-pressed=${exact} aria-label=${t('log.case')} title=${t('log.case')} onClick=${() => find(search, !exact)}>Aa</button>
        </div>
        <span class="log-hits" hidden=${!search}>
          <span class="hint number" role="status">${hits.length && at >= 0 ? t('log.hit', { at: Math.min(at, hits.length - 1) + 1, count: countText(hits) }) : t('log.hits', { count: hits.length, shown: countText(hits) })}</span>
          <button type="button" class="button quiet icon small" aria-label=${t('log.previous')} title=${`${t('log.previous')} (Shift+Enter)`} disabled=${!hits.length} onClick=${() => step(-1)}><${Icon} name="up" /></button>
          <button type="button" class="button quiet icon small" aria-label=${t('log.next')} title=${`${t('log.next')} (Enter)`} disabled=${!hits.length} onClick=${() => step(1)}><${Icon} name="down" /></button>
        </span>
        <span class="spacer"></span>
        ${firstBad && html`<button type="button" class="button quiet small" onClick=${jump}><${Icon} name="warning" />${t('log.error')}</button>`}
        <button type="button" class="chip" aria-pressed=${follow} title=${t('log.follow.help')} onClick=${() => setFollow(!follow)}>${t('log.follow')}</button>
        <button type="button" class="chip" aria-pressed=${wrap} title=${t('log.wrap.help')} onClick=${() => { localStorage.setItem(WRAP, wrap ? 'no' : 'yes'); setWrap(!wrap); }}>${t('log.wrap')}</button>
        <button type="button" class="button quiet icon small" aria-label=${t('log.copy')} title=${t('log.copy')} disabled=${empty} onClick=${copy}><${Icon} name="copy" /></button>
        <a class="button quiet icon small" href=${api.logAddress(run.id)} download=${`${run.id}.log`} aria-label=${t('log.whole')} title=${t('log.whole')}><${Icon} name="download" /></a>
      </div>
      ${log.cut && html`<p class="hint">${t('log.cut')}</p>`}
      ${log.error && html`<p class="hint bad" role="alert">${log.error.detail ?? log.error.message}</p>`}
      <div ref=${box} class=${cls('log-text', !wrap && 'long')} tabIndex="0" role="log" aria-live="off" aria-label=${t('run.log')} aria-busy=${!log.loaded} onScroll=${onScroll}>
        ${empty ? html`<span class="log-empty">${t('log.empty')}</span>` : log.blocks.map((block) => html`<${Block} key=${block.key} block=${block} search=${search} exact=${exact} current=${current?.block === block.key ? current : null} />`)}
      </div>
    </div>`;
}

const countText = (hits) => (hits.full ? `${hits.length}+` : String(hits.length));
