/** Name and note of a run, written where they stand. */
import { html, useLayoutEffect, useRef, useState } from '../../lib.js';
import { note } from '../../notes.js';
import { t } from '../../texts.js';

/** @param {{ run: any, close: () => void }} props */
export function NoteEditor({ run, close }) {
  const [name, setName] = useState(run.name ?? ''), [text, setText] = useState(run.note ?? '');
  const [busy, setBusy] = useState(false);
  const first = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => { first.current?.focus(); }, []);
  const save = async (event) => {
    event.preventDefault();
    setBusy(true);
    const saved = await note(run, { name: name.trim(), note: text });
    setBusy(false);
    if (saved) close();
  };
  const onKey = (event) => {
    if (event.key === 'Escape') { event.stopPropagation(); close(); }
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.stopPropagation(); save(event); }
  };
  return html`
    <form class="note-editor" onSubmit=${save} onKeyDown=${onKey}>
      <label>${t('history.name')}<input ref=${first} class="input small" maxlength="200" value=${name} placeholder=${t('history.name.example')} onInput=${(event) => setName(event.currentTarget.value)} /></label>
      <label>${t('history.note')}<textarea class="input small" rows="3" maxlength="10000" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea></label>
      <div class="note-foot"><button type="button" class="button small" onClick=${close}>${t('common.cancel')}</button><button type="submit" class="button small primary" disabled=${busy}>${t('history.save')}</button></div>
    </form>`;
}
