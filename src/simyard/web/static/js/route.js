/** Where the page is: the part of the address after the #, as a signal. */
import { signal } from './lib.js';

/** `#/simulations/ID?model=twiss` → {path: ['simulations', 'ID'], query: {model: 'twiss'}} */
export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean).map(decode);
  return { path: parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

// a hand-typed address may hold a lone %
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a page; `link('runs', id)` */
export function link(...parts) {
  return '#/' + parts.map(encodeURIComponent).join('/');
}

export const route = signal(parse(location.hash));

addEventListener('hashchange', () => { route.value = parse(location.hash); });

/** Goes to a page. */
export function go(...parts) {
  location.hash = link(...parts);
}

/** Changes the query of the page's address without a new entry in the history. */
export function setQuery(query) {
  const kept = Object.fromEntries(Object.entries({ ...route.value.query, ...query }).filter(([, value]) => value));
  const search = new URLSearchParams(kept).toString();
  history.replaceState(null, '', link(...route.value.path) + (search ? '?' + search : ''));
  route.value = parse(location.hash);
}
