/** Starts the page. */
import { html, render } from './lib.js';
import { App } from './views/app.js';

/** Milliseconds after the page has loaded: the first view then has its data. */
const AHEAD = 400;

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));

/** The modules of the other views, asked for ahead: a browser that opens the page must not wait for them as well. */
function lookAhead() {
  for (const link of document.querySelectorAll('link[rel=later]')) link.setAttribute('rel', 'modulepreload');
}

// who comes for another view needs them now
if (/^(#\/?(codes)?)?$/.test(location.hash)) addEventListener('load', () => setTimeout(lookAhead, AHEAD));
else lookAhead();
