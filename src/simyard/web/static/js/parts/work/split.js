/** Two panes and the line between them, which is moved by the mouse, a finger, or the arrow keys, and remembered. */
import { html, useEffect, useRef, useState } from '../../lib.js';
import { t } from '../../texts.js';

const KEPT = 'simyard.split';
const LEAST = 270;
const USUAL = 372;
/** What the other pane keeps. */
const REST = 420;

const kept = () => Number(localStorage.getItem(KEPT)) || USUAL;

/** `left` and `right`: what stands in the panes; `still`: nothing in the left one takes the focus, so that it is scrolled as itself. */
export function Split({ left, right, still = false }) {
  const box = useRef(null);
  const [width, setWidth] = useState(kept);
  const [most, setMost] = useState(800);
  useEffect(() => {
    const watch = new ResizeObserver(() => setMost(Math.max(LEAST, (box.current?.clientWidth ?? 0) - REST)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const to = (wanted) => {
    const next = Math.round(Math.min(most, Math.max(LEAST, wanted)));
    setWidth(next);
    localStorage.setItem(KEPT, String(next));
  };
  const at = Math.min(most, Math.max(LEAST, width));
  const onPointerDown = (event) => {
    event.preventDefault();
    const line = event.currentTarget, from = event.clientX - at;
    line.setPointerCapture(event.pointerId);
    const move = (moved) => to(moved.clientX - from);
    const end = () => { line.removeEventListener('pointermove', move); line.removeEventListener('pointerup', end); line.removeEventListener('pointercancel', end); };
    line.addEventListener('pointermove', move);
    line.addEventListener('pointerup', end);
    line.addEventListener('pointercancel', end);
  };
  const onKey = (event) => {
    const next = { ArrowLeft: at - (event.shiftKey ? 64 : 16), ArrowRight: at + (event.shiftKey ? 64 : 16), Home: LEAST, End: most, Enter: USUAL }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    to(next);
  };
  return html`
    <div class="panes" ref=${box} style=${{ '--inputs': `${at}px` }}>
      <section class="pane inputs" id="pane-inputs" tabIndex=${still ? 0 : undefined} aria-label=${t('work.inputs')}>${left}</section>
      <div class="split" role="separator" tabIndex="0" aria-orientation="vertical" aria-label=${t('work.split')} title=${t('work.split.help')} aria-controls="pane-inputs"
        aria-valuemin=${LEAST} aria-valuemax=${most} aria-valuenow=${at} onPointerDown=${onPointerDown} onDblClick=${() => to(USUAL)} onKeyDown=${onKey}><span></span></div>
      <section class="pane outputs" id="pane-outputs" aria-label=${t('work.results')}>${right}</section>
    </div>`;
}
