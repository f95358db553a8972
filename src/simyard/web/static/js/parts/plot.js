/** One Plotly figure in a box: drawn again when figure, theme or size change; never blank in between. */
import { html, useEffect, useLayoutEffect, useRef } from '../lib.js';
import { CONFIG, dressed, plotly } from '../plotly.js';
import { dark } from '../theme.js';

/** `name` keeps a reader's zoom from one figure to the next; `onDrawn(figure, error)` when it stands, or cannot; `handle` is given the element. */
export function Plot({ figure, name, label, onDrawn, handle }) {
  const box = useRef(null);
  const night = dark.value;

  useEffect(() => {
    let current = true;
    (async () => {
      const Plotly = await plotly();
      if (!current || !box.current) return;
      // react() may keep what it is given: the figure stays as it came, for the cache
      await Plotly.react(box.current, figure.data.map((trace) => ({ ...trace })), dressed(figure.layout, name), CONFIG);
      if (current) onDrawn?.(figure, null);
    })().catch((error) => { if (current) onDrawn?.(figure, error); });
    return () => { current = false; };
  }, [figure, night, name]);

  useLayoutEffect(() => {
    const element = box.current;
    if (handle) handle.current = element;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => { if (element.classList.contains('js-plotly-plot') && element.clientWidth) window.Plotly.Plots.resize(element); });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      window.Plotly?.purge(element);
    };
  }, []);

  return html`<div class="plot" ref=${box} role="figure" aria-label=${label}></div>`;
}
