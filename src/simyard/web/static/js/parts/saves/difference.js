/** What differs between an earlier content of a simulation and the present one: only those inputs, old → new. */
import { number, title } from '../../format.js';
import { labelOf, same, shown } from '../../inputs.js';
import { excerpt, lineDiff } from '../../linediff.js';
import { cls, html } from '../../lib.js';
import { fileWords, isSource } from '../../source.js';
import { t } from '../../texts.js';

/** `before` and `after`: {inputs, files}; `files` may be left out of both. */
export function Difference({ code, before, after, none = t('saves.same') }) {
  const byName = Object.fromEntries(code.inputs.map((input) => [input.name, input]));
  const known = code.inputs.map((input) => input.name);
  const names = [...known, ...Object.keys({ ...before.inputs, ...after.inputs }).filter((name) => !(name in byName))];
  const changed = names.filter((name) => !same(before.inputs[name], after.inputs[name]));
  const files = before.files && after.files ? [...new Set([...Object.keys(before.files), ...Object.keys(after.files)])].filter((name) => before.files[name]?.sha256 !== after.files[name]?.sha256) : [];
  if (!changed.length && !files.length) return html`<p class="hint difference-none">${none}</p>`;
  return html`
    <dl class="difference">
      ${changed.map((name) => html`<${One} key=${name} input=${byName[name] ?? { name, title: title(name), type: 'string', unit: '' }} before=${before.inputs[name]} after=${after.inputs[name]} />`)}
      ${files.map((name) => html`
        <div key=${`file ${name}`}><dt>${name} <span class="hint">${t('files.title')}</span></dt>
          <dd>${t(!before.files[name] ? 'saves.file.added' : after.files[name] ? 'saves.file.changed' : 'saves.file.removed')}</dd></div>`)}
    </dl>`;
}

function One({ input, before, after }) {
  const long = input.type === 'text' || input.type === 'table';
  return html`
    <div><dt>${input.title}</dt>
      <dd>${long ? html`<${Lines} before=${asText(input, before)} after=${asText(input, after)} />` : html`
        <del><span class="visually-hidden">${t('saves.before')} </span>${inWords(input, before)}</del><span class="arrow" aria-hidden="true">→</span><ins><span class="visually-hidden">${t('saves.after')} </span>${inWords(input, after)}</ins>`}</dd></div>`;
}

/** A value as people read it, with its unit. */
export function inWords(input, value) {
  if (value === undefined || value === '') return '–';
  if (isSource(value)) return t('source.value', { file: fileWords(value.file) });
  if (typeof value === 'boolean') return t(value ? 'field.on' : 'field.off');
  if (typeof value === 'number') return (input.format ? String(shown(value, input)) : number(value)) + (input.unit ? ` ${input.unit}` : '');
  return input.type === 'choice' ? labelOf(input, String(value)) : String(value);
}

function asText(input, value) {
  if (input.type !== 'table' || !Array.isArray(value)) return String(value ?? '');
  const row = (cells) => cells.join('   ');
  return [row(input.columns.map((column) => column.title)), ...value.map((one) => row(input.columns.map((column) => inWords({ ...column, unit: '' }, one?.[column.name]))))].join('\n');
}

function Lines({ before, after }) {
  const signs = { '-': '−', '+': '+', '=': ' ' };
  return html`
    <div class="diff-lines mono">${excerpt(lineDiff(before, after)).map((line, at) => (line === null
      ? html`<div key=${at} class="gap">⋯</div>`
      : html`<div key=${at} class=${cls({ '-': 'gone', '+': 'new', '=': '' }[line.kind])}><span class="sign">${signs[line.kind]}</span>${line.text || ' '}</div>`))}</div>`;
}
