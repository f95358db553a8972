/** A table of values that can be sorted by a column; only so many rows of it are drawn. */
import { cls, html } from '../../lib.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';

export const MAX_SHOWN = 2000;

/** A number as it is in the file, with a real minus sign. */
export const shownNumber = (value) => (typeof value === 'number' ? (Number.isNaN(value) ? '' : String(value).replace('e+', 'e').replaceAll('-', '−')) : String(value ?? '').replace(/^-(?=\d)/, '−'));

/**
 * @param {{ label: string, columns: { name: string, numeric?: boolean, at: (row: number) => any }[], rows: number[], first?: number,
 *           sort?: { column: number, down: boolean } | null, onSort?: (column: number) => void }} props
 * `rows`: which rows, in their order; `first`: the number of the first row where they stand in the file's order
 */
export function Grid({ label, columns, rows, sort, onSort }) {
  const shown = rows.slice(0, MAX_SHOWN);
  const sorted = (at) => (sort && sort.column === at ? (sort.down ? 'descending' : 'ascending') : 'none');
  return html`
    <div class="grid-box" tabIndex="0" role="region" aria-label=${label}>
      <table class="grid">
        <thead><tr><th scope="col" class="grid-number"><span class="visually-hidden">${t('grid.row')}</span></th>
          ${columns.map((one, at) => html`<th scope="col" key=${at} class=${cls(one.numeric && 'right')} aria-sort=${onSort ? sorted(at) : undefined}>
            ${onSort ? html`<button type="button" onClick=${() => onSort(at)} title=${t('grid.sort', { name: one.name })}>${one.name}<span class=${`sort-mark ${sorted(at)}`} aria-hidden="true"><${Icon} name="down" /></span></button>` : one.name}</th>`)}
        </tr></thead>
        <tbody>${shown.map((row) => html`<tr key=${row}><td class="grid-number">${row + 1}</td>${columns.map((one, at) => html`<td key=${at} class=${cls(one.numeric && 'right')}>${one.numeric ? shownNumber(one.at(row)) : String(one.at(row) ?? '').slice(0, 500)}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
}
