/** Of thousands of rows only those that are looked at are drawn: rows have one height, and what is above and below is room. */
import { useEffect, useLayoutEffect, useState } from '../../lib.js';

/** Rows beyond the edges of the window, so that scrolling never shows a gap. */
const BEYOND = 12;

/**
 * Which of `count` rows of `height` pixels are to be drawn, in a box that scrolls with the page.
 * @param {{ current: HTMLElement | null }} box where the first row begins
 * @param {number} count
 * @param {number} height
 * @returns {{ from: number, to: number }}
 */
export function useWindow(box, count, height) {
  const [range, setRange] = useState({ from: 0, to: 40 });
  const look = () => {
    if (!box.current) return;
    const above = -box.current.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(above / height) - BEYOND), to = Math.max(0, Math.ceil((above + innerHeight) / height) + BEYOND);
    // in steps, so that not every pixel is a drawing
    const next = { from: from - (from % 4), to: to + (4 - (to % 4)) };
    setRange((was) => (was.from === next.from && was.to === next.to ? was : next));
  };
  useEffect(() => {
    let frame = 0;
    const later = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(look); };
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => { cancelAnimationFrame(frame); removeEventListener('scroll', later); removeEventListener('resize', later); };
  }, [height]);
  useLayoutEffect(look, [count, height]);
  return { from: Math.min(range.from, Math.max(0, count - 1)), to: Math.min(range.to, count) };
}
