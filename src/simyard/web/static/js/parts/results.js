/** What a run has to say besides plots: numbers, warnings. */
import { number, title } from '../format.js';
import { html } from '../lib.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/**
 * Results as [{key, title, text, unit}]; one may be a plain value or {value, unit, title}. Nested tables are flattened.
 * `declared`: what the code says of them by name, {title, unit, digits}; what it gave itself goes before.
 */
export function rows(results, declared = {}, before = '') {
  return Object.entries(results ?? {}).flatMap(([name, given]) => {
    const said = (before ? null : declared[name]) ?? {};
    const own = given !== null && typeof given === 'object' && !Array.isArray(given) && 'value' in given;
    const value = own ? given.value : given;
    const label = before + (own && typeof given.title === 'string' ? given.title : said.title || title(name));
    const unit = own && typeof given.unit === 'string' ? given.unit : said.unit ?? '';
    if (value === null || typeof value !== 'object') return [{ key: before + name, title: label, text: shown(value, said.digits), unit }];
    if (Array.isArray(value)) return [{ key: before + name, title: label, text: value.map((one) => (one !== null && typeof one === 'object' ? JSON.stringify(one) : shown(one, said.digits))).join(', '), unit }];
    return rows(value, {}, `${label}: `);
  });
}

/** A number to so many digits after the point, without zeros that say nothing: what is less than that is 0, not 2.8e−11. */
function shown(value, digits) {
  if (typeof value === 'boolean') return t(value ? 'run.yes' : 'run.no');
  if (value === null) return '–';
  if (typeof value !== 'number' || digits == null || !Number.isFinite(value) || Math.abs(value) >= 1e9) return number(value);
  return String(Number(value.toFixed(digits)) || 0).replaceAll('-', '−');
}

/**
 * The numbers of a run; `code` is its declaration, which may give them titles, units and digits.
 * @param {{ run: any, code?: any }} props
 */
export function Numbers({ run, code = undefined }) {
  const found = rows(run.results, Object.fromEntries((code?.results ?? []).map((one) => [one.name, one])));
  if (!found.length) return null;
  return html`
    <dl class="numbers" aria-label=${t('run.numbers')}>
      ${found.map((one) => html`
        <div key=${one.key}><dt>${one.title}</dt><dd>${one.text}${one.unit && html` <span class="unit">${one.unit}</span>`}</dd></div>`)}
    </dl>`;
}

export function Warnings({ run }) {
  const list = run.warnings ?? [];
  if (!list.length) return null;
  return html`
    <details class="notice warn" open=${list.length <= 3}>
      <summary><${Icon} name="warning" /><strong>${t('run.warnings', { count: list.length })}</strong></summary>
      <ul>${list.map((text, at) => html`<li key=${at}>${text}</li>`)}</ul>
    </details>`;
}
