/** What a run has to say besides plots: numbers, warnings. */
import { number, title } from '../format.js';
import { html } from '../lib.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/** Results as [{title, text, unit}]; one may be a plain value or {value, unit, title}. Nested tables are flattened. */
function rows(results, before = '') {
  return Object.entries(results ?? {}).flatMap(([name, value]) => {
    const label = before + title(name);
    if (value === null || typeof value !== 'object') return [{ title: label, text: typeof value === 'number' ? number(value) : String(value), unit: '' }];
    if ('value' in value) return [{ title: value.title ?? label, text: number(value.value), unit: value.unit ?? '' }];
    if (Array.isArray(value)) return [{ title: label, text: value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : number(one))).join(', '), unit: '' }];
    return rows(value, `${label}: `);
  });
}

export function Numbers({ run }) {
  const found = rows(run.results);
  if (!found.length) return null;
  return html`
    <dl class="numbers" aria-label=${t('run.numbers')}>
      ${found.map((one) => html`
        <div key=${one.title}><dt>${one.title}</dt><dd>${one.text}${one.unit && html` <span class="unit">${one.unit}</span>`}</dd></div>`)}
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
