/** A table input: rows of cells, with the keyboard, and with what is pasted from a spreadsheet; an error stands at its cell. */
import { labelOf, shown } from '../../inputs.js';
import { cls, html, useLayoutEffect, useRef, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { Dialog } from '../dialog.js';
import { Icon } from '../icon.js';
import { Menu } from '../menu.js';
import { pasted } from './paste.js';

/** A row to begin with. */
const fresh = (input) => Object.fromEntries(input.columns.map((column) => [column.name, column.default]));

export function TableField({ input, value, judged, onChange, shared }) {
  const [wide, setWide] = useState(false);
  const rows = Array.isArray(value) ? value.filter((row) => row && typeof row === 'object') : [];
  const grid = (id) => html`<${Grid} input=${input} rows=${rows} cells=${judged?.cells ?? {}} onChange=${onChange} shared=${{ ...shared, id }} />`;
  return html`
    <div class="sheet-field">
      ${grid(shared.id)}
      <div class="sheet-foot">
        <button type="button" class="button small" disabled=${rows.length >= input.max_rows} onClick=${() => onChange([...rows, fresh(input)])}><${Icon} name="plus" />${t('sheet.add')}</button>
        <span class="hint number">${t('sheet.rows', { count: rows.length })}</span><span class="spacer"></span>
        <button type="button" class="button small quiet icon" aria-label=${t('sheet.wide', { title: input.title })} title=${t('sheet.wide', { title: input.title })} onClick=${() => setWide(true)}><${Icon} name="expand" /></button>
      </div>
      ${wide && html`
        <${Dialog} wide title=${input.title} onClose=${() => setWide(false)}>
          <p class="hint">${t('sheet.help')}</p>
          ${grid(`${shared.id}-wide`)}
          <button type="button" class="button small" disabled=${rows.length >= input.max_rows} onClick=${() => onChange([...rows, fresh(input)])}><${Icon} name="plus" />${t('sheet.add')}</button>
        <//>`}
    </div>`;
}

function Grid({ input, rows, cells, onChange, shared }) {
  const box = useRef(null);
  const { columns } = input;
  const cellAt = (row, column) => box.current?.querySelector(`[data-cell="${row}.${column}"]`);
  // at once, so that the next key is that cell's
  const focus = (row, column) => cellAt(row, column)?.focus();
  const coming = useRef('');
  useLayoutEffect(() => {
    const column = coming.current;
    coming.current = '';
    if (column) focus(rows.length - 1, column);
  }, [rows.length]);
  const full = rows.length >= input.max_rows;
  const add = (at) => { if (!full) onChange([...rows.slice(0, at), fresh(input), ...rows.slice(at)]); };
  const remove = (at) => onChange(rows.filter((_, row) => row !== at));
  const move = (at, by) => {
    const to = at + by;
    if (to < 0 || to >= rows.length) return;
    const next = [...rows];
    [next[at], next[to]] = [next[to], next[at]];
    onChange(next);
  };
  const set = (at, name, cell, typed) => onChange(rows.map((row, one) => (one === at ? { ...row, [name]: cell } : row)), typed);
  const onPaste = (event, at, from) => {
    const text = event.clipboardData.getData('text/plain');
    if (!/[\t\n]/.test(text.replace(/\r?\n$/, ''))) return; // one value goes into the cell by itself
    event.preventDefault();
    onChange(pasted(input, rows, text, at, from, fresh(input)));
  };
  const onKey = (event, at, column) => {
    const select = event.currentTarget.tagName === 'SELECT', step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) {
      if (at === rows.length - 1 && !full) {
        coming.current = column;
        add(at + 1);
      } else focus(at + 1, column);
    } else if (step && event.altKey) {
      move(at, step);
      focus(at + step, column);
    } else if (step && !select && !event.ctrlKey && !event.metaKey) focus(at + step, column);
    else if (event.key === 'Backspace' && event.ctrlKey && event.shiftKey) {
      remove(at);
      focus(Math.min(at, rows.length - 2), column);
    } else return;
    event.preventDefault();
  };
  return html`
    <div class="sheet-box" ref=${box}>
      <table id=${shared.id} class="sheet" aria-labelledby=${`input-${input.name}-label`} aria-describedby=${shared['aria-describedby']}>
        <thead><tr><th scope="col"><span class="visually-hidden">${t('sheet.row')}</span></th>
          ${columns.map((column) => html`<th scope="col" key=${column.name} title=${column.help || undefined} class=${column.type}>${column.title}${column.unit && html` <span class="unit">${column.unit}</span>`}</th>`)}
          <th><span class="visually-hidden">${t('common.actions')}</span></th></tr></thead>
        <tbody>${rows.map((row, at) => html`
          <tr key=${at}>
            <th scope="row" class="number">${at + 1}</th>
            ${columns.map((column) => {
              const error = cells[`${at}.${column.name}`];
              return html`
                <td key=${column.name} class=${cls(column.type, error && 'wrong')}>
                  <${Cell} column=${column} value=${Object.hasOwn(row, column.name) ? row[column.name] : column.default} error=${error} at=${at}
                    label=${t('sheet.cell', { row: at + 1, column: column.title })}
                    onChange=${(cell, typed) => set(at, column.name, cell, typed)} onPaste=${(event) => onPaste(event, at, column.name)} onKeyDown=${(event) => onKey(event, at, column.name)} />
                </td>`;
            })}
            <td class="row-menu"><${Menu} label=${t('sheet.actions', { row: at + 1 })} items=${[
              { text: t('sheet.above'), icon: 'plus', disabled: full, run: () => add(at) },
              { text: t('sheet.up'), icon: 'up', disabled: at === 0, run: () => move(at, -1) },
              { text: t('sheet.down'), icon: 'down', disabled: at === rows.length - 1, run: () => move(at, 1) },
              { text: t('sheet.copy'), icon: 'copy', disabled: full, run: () => onChange([...rows.slice(0, at + 1), { ...row }, ...rows.slice(at + 1)]) },
              { text: t('sheet.remove'), icon: 'trash', bad: true, run: () => remove(at) },
            ]} /></td>
          </tr>`)}
          ${rows.length === 0 && html`<tr><td class="none" colspan=${columns.length + 2}>${t('sheet.none')}</td></tr>`}
        </tbody>
      </table>
    </div>`;
}

function Cell({ column, value, error, at, label, onChange, onPaste, onKeyDown }) {
  const shared = { 'data-cell': `${at}.${column.name}`, 'aria-label': error ? `${label}: ${error}` : label, 'aria-invalid': error ? 'true' : undefined, title: error || undefined, onPaste, onKeyDown };
  if (column.type === 'boolean') return html`<input ...${shared} type="checkbox" checked=${Boolean(value)} onChange=${(event) => onChange(event.currentTarget.checked)} />`;
  if (column.type === 'choice') {
    const choices = column.choices.includes(value) ? column.choices : [value, ...column.choices];
    return html`<select ...${shared} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${choices.map((choice) => html`<option key=${choice} value=${choice} selected=${choice === value}>${labelOf(column, String(choice))}</option>`)}</select>`;
  }
  return html`<input ...${shared} type="text" autocomplete="off" spellcheck=${false} class=${cls(column.type !== 'string' && 'number')} inputmode=${column.type === 'string' ? undefined : 'decimal'}
    value=${shown(value, column)} onInput=${(event) => onChange(event.currentTarget.value, true)} />`;
}
