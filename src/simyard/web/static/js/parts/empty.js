/** What stands where there is nothing: while it loads, when there is nothing, and when it could not be loaded. */
import { cls, html } from '../lib.js';
import { t } from '../texts.js';

/** Nothing here, and what to do about it; `page` where that is all of the page. */
export function Empty({ title, text, children, small, page }) {
  return html`
    <div class=${cls('empty', small && 'small')}>
      ${!small && html`<svg class="empty-art" viewBox="0 0 120 60" aria-hidden="true"><path d="M4 40c14 0 14-24 28-24s14 24 28 24 14-24 28-24 14 24 28 24" /><path class="faint" d="M4 30c14 0 14 16 28 16s14-16 28-16 14 16 28 16 14-16 28-16" /></svg>`}
      ${page ? html`<h1>${title}</h1>` : html`<strong>${title}</strong>`}
      ${text && html`<p>${text}</p>`}
      ${children}
    </div>`;
}

/** Grey bars in the place of what is coming. */
export function Skeleton({ rows = 3, kind = 'row' }) {
  return html`
    <div class=${`skeletons ${kind}`} role="status" aria-label=${t('common.loading')}>
      ${Array.from({ length: rows }, (_, at) => html`<div class="skeleton" key=${at}></div>`)}
    </div>`;
}

/** It could not be loaded, why, and a way to try again. */
export function LoadError({ error, retry }) {
  return html`
    <div class="notice bad" role="alert">
      <div><strong>${t('error.load')}</strong><p>${error.detail ?? error.message}</p></div>
      ${retry && html`<button type="button" class="button small" onClick=${retry}>${t('common.retry')}</button>`}
    </div>`;
}
