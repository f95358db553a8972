/** Starts the page. */
import { html, render } from './lib.js';
import { App } from './views/app.js';

render(html`<${App} />`, document.getElementById('app'));
