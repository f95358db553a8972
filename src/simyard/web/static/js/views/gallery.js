/** The first view: the codes, each with its examples one click away from a running simulation. */
import { html, useEffect } from '../lib.js';
import { loadLastRuns } from '../lastruns.js';
import { wordsOf } from '../order.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { CodeCard } from '../parts/gallery/card.js';
import { loadElsewhere } from '../parts/gallery/elsewhere.js';
import { Recent, Welcome } from '../parts/gallery/start.js';
import { Icon } from '../parts/icon.js';
import { route, setQuery } from '../route.js';
import { codes, codesError, loadCodes, loadSimulations, simulations, targets } from '../store.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';

/** With so many codes or more, they can be searched. */
const MANY = 5;

/** All the words of a code, in lower case. @param {any} code */
const textOf = (code) => [code.name, code.title, code.description, ...code.models.map((/** @type {any} */ one) => one.title), ...code.examples.map((/** @type {any} */ one) => `${one.title} ${one.help ?? ''}`)].join(' ').toLowerCase();

export function Gallery() {
  useEffect(() => {
    setTitle(t('nav.codes'));
    if (codes.value) loadCodes(); // one may have been installed since
    if (simulations.value) loadSimulations(); // where one was, in whatever window
    loadLastRuns();
  }, []);
  useEffect(() => { loadElsewhere(); }, [targets.value]);
  const { q = '' } = route.value.query;
  const all = codes.value ? [...codes.value.byName.values()] : [];
  const words = wordsOf(q);
  // what can be run at once comes first
  const list = all.filter((code) => words.every((word) => textOf(code).includes(word))).sort((a, b) => Number(a.installed === false) - Number(b.installed === false));
  const broken = Object.entries(codes.value?.broken ?? {});
  return html`
    <main class="page gallery">
      <div class="page-head"><div><h1>${t('gallery.title')}</h1><p class="lead">${t('gallery.subtitle')}</p></div>
        ${all.length >= MANY && html`<div class="search"><${Icon} name="search" /><input class="input" type="search" placeholder=${t('gallery.search')} aria-label=${t('gallery.search')} value=${q} onInput=${(/** @type {InputEvent} */ event) => setQuery({ q: event.currentTarget?.value })} /></div>`}
      </div>
      ${!q && html`<${Recent} /><${Welcome} />`}
      ${codesError.value && html`<${LoadError} error=${codesError.value} retry=${loadCodes} />`}
      ${!codes.value && !codesError.value && html`<${Skeleton} rows=${3} kind="cards" />`}
      ${codes.value && all.length === 0 && html`<${Empty} title=${t('gallery.empty')} text=${t('gallery.empty.help')} />`}
      ${all.length > 0 && !list.length && html`<${Empty} title=${t('gallery.nomatch', { query: q })} small><button type="button" class="button" onClick=${() => setQuery({ q: '' })}>${t('gallery.showall')}</button><//>`}
      ${list.length > 0 && html`<div class="cards">${list.map((code) => html`<${CodeCard} key=${code.name} code=${code} />`)}</div>`}
      ${broken.length > 0 && html`
        <details class="notice warn broken"><summary><${Icon} name="warning" /><strong>${t('gallery.broken', { count: broken.length })}</strong></summary>
          <p>${t('gallery.broken.help')}</p>
          <ul>${broken.map(([name, words]) => html`<li key=${name}><code>${name}</code> ${words}</li>`)}</ul></details>`}
    </main>`;
}
