/** A long list of which only what is seen stands in the page: all rows have one height, so the scroll bar tells the truth. */
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../lib.js';

const MORE = 8;

/**
 * Which rows are seen of a list of `count` with `columns` in a row of `height` pixels.
 * @param {{ top: number, view: number, count: number, columns: number, height: number }} where `top`: of the list, seen from the window's
 */
export function seen({ top, view, count, columns, height }) {
  const rows = Math.ceil(count / columns);
  const first = Math.max(0, Math.min(rows, Math.floor(-top / height) - MORE));
  const last = Math.max(first, Math.min(rows, Math.ceil((view - top) / height) + MORE));
  return { from: first * columns, to: Math.min(count, last * columns), before: first * height, all: rows * height };
}

/**
 * @param {{ items: any[], height: number, width?: number, class?: string, role?: string, onSeen?: (items: any[]) => void, children: (item: any, at: number) => any, at?: number }} props
 * `width`: the least of a column, for more than one; `at`: the row to be brought into sight, when it changes
 */
export function Windowed({ items, height, width = 0, class: name = '', role, onSeen, children, at = -1 }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [where, setWhere] = useState({ top: 0, view: innerHeight, columns: 1 });
  const measure = () => {
    if (!box.current) return;
    const { top, width: wide } = box.current.getBoundingClientRect();
    setWhere((old) => {
      const columns = width ? Math.max(1, Math.floor((wide + 16) / (width + 16))) : 1;
      // a step that shows no other rows is no other state
      const step = Math.round(top / height) * height;
      return old.top === step && old.view === innerHeight && old.columns === columns ? old : { top: step, view: innerHeight, columns };
    });
  };
  useLayoutEffect(measure, [items.length, height, width]);
  useEffect(() => {
    let frame = 0;
    const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; measure(); }); };
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => { removeEventListener('scroll', later); removeEventListener('resize', later); cancelAnimationFrame(frame); };
  }, [height, width]);
  const { from, to, before, all } = seen({ ...where, count: items.length, height });
  const shown = items.slice(from, to);
  const ids = shown.map((one) => one.id).join();
  useEffect(() => {
    const timer = setTimeout(() => onSeen?.(shown), 120);
    return () => clearTimeout(timer);
  }, [ids]);
  useLayoutEffect(() => {
    if (at < 0 || !box.current) return;
    const top = box.current.getBoundingClientRect().top + Math.floor(at / where.columns) * height;
    const above = 130, below = innerHeight - height - 70; // the header and the toolbar stand above, a bar below
    if (top < above) scrollBy(0, top - above);
    else if (top > below) scrollBy(0, top - below);
    measure();
  }, [at]);
  return html`
    <div ref=${box} class=${`windowed ${name}`} style=${{ height: `${all}px` }} role="presentation">
      <div class="windowed-rows" role=${role} style=${{ transform: `translateY(${before}px)`, ...(width ? { gridTemplateColumns: `repeat(${where.columns}, minmax(0, 1fr))` } : {}) }}>
        ${shown.map((one, index) => children(one, from + index))}
      </div>
    </div>`;
}
