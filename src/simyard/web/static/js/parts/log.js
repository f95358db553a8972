/** The log of a run as it grows: its end, followed, with a search; the text is only ever text. */
import { api } from '../api.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { t } from '../texts.js';

/** Characters that are kept on the page; the whole log is one click away. */
const KEPT = 400_000;

/** Follows the log of a run: {text, cut, error}. It goes on where it was after a broken connection. */
function useLog(run) {
  const [log, setLog] = useState({ text: '', cut: false, error: null });
  useEffect(() => {
    const abort = new AbortController();
    const decoder = new TextDecoder();
    let offset = 0, text = '', cut = false, frame = 0;
    const show = (error = null) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setLog({ text, cut, error }));
    };
    (async () => {
      for (let tries = 0; tries < 20 && !abort.signal.aborted; tries += 1) {
        try {
          const reader = (await api.logStream(run.id, offset, abort.signal)).body.getReader();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            tries = 0;
            offset += value.length;
            text += decoder.decode(value, { stream: true });
            if (text.length > KEPT) { text = text.slice(text.indexOf('\n', text.length - KEPT * 0.8) + 1); cut = true; }
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
  const [search, setSearch] = useState('');
  const box = useRef(null);
  const lines = search ? log.text.split('\n').filter((line) => line.toLowerCase().includes(search.toLowerCase())) : null;

  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.text, follow, search]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    setFollow(scrollHeight - scrollTop - clientHeight < 24);
  };
  return html`
    <div class="log">
      <div class="log-bar">
        <input class="input small" type="search" placeholder=${t('log.search')} aria-label=${t('log.search')} value=${search} onInput=${(e) => setSearch(e.currentTarget.value)} />
        ${lines && html`<span class="hint">${t('log.matches', { count: lines.length })}</span>`}
        <span class="spacer"></span>
        <button type="button" class="chip" aria-pressed=${follow} onClick=${() => setFollow(!follow)}>${t('log.follow')}</button>
        <a class="button quiet small" href=${api.logAddress(run.id)} download=${`${run.id}.log`}>${t('common.download')}</a>
      </div>
      ${log.cut && html`<p class="hint">${t('log.cut')}</p>`}
      ${log.error && html`<p class="hint bad">${log.error.detail ?? log.error.message}</p>`}
      <pre ref=${box} class="log-text" tabIndex="0" role="log" aria-live="off" aria-label=${t('run.log')} onScroll=${onScroll}>${lines ? lines.join('\n') : log.text || t('log.empty')}</pre>
    </div>`;
}
