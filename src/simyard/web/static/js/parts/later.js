/** A view whose module is loaded when it is wanted; what it needs is on its way since the page was opened. */
import { html, signal, useEffect } from '../lib.js';
import { LoadError, Skeleton } from './empty.js';

/**
 * The component `name` of the module that `load` gives, as a component that stands at once.
 * @param {() => Promise<any>} load
 * @param {string} name
 * @param {boolean} whole whether it is a page of its own, which shows that it is being loaded
 */
export function later(load, name, whole = true) {
  const found = signal(/** @type {any} */ (null));
  const error = signal(/** @type {any} */ (null));
  const arrive = () => load().then((module) => { found.value = module[name]; }, (problem) => { error.value = problem; });
  return function Later(props) {
    const View = found.value;
    useEffect(() => { if (!found.value) arrive(); }, []);
    if (View) return html`<${View} ...${props} />`;
    // a browser remembers that a module did not arrive: only the page itself can be asked for again
    if (error.value) return html`<main class="page narrow"><${LoadError} error=${error.value} retry=${() => location.reload()} /></main>`;
    if (!whole) return null;
    return html`<main class="page" aria-busy="true"><${Skeleton} rows=${5} /></main>`;
  };
}
