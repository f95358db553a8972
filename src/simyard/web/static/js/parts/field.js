/** One input of a code as a field: label, unit, help, range, error; what it is follows from the declaration alone. */
import { number } from '../format.js';
import { labelOf, parse, same, shown } from '../inputs.js';
import { cls, html } from '../lib.js';
import { isSource } from '../source.js';
import { t } from '../texts.js';
import { Choice } from './form/choice.js';
import { FileField } from './form/file.js';
import { NumberField } from './form/number.js';
import { TableField } from './form/table.js';
import { Icon } from './icon.js';

/** `input`: the declaration; `value`: what stands in the field; `judged`: the verdict on it; `error`: words;
 * `files`: names of the simulation's files; `source`: how it stands with what it takes from another simulation than `self`;
 * `onChange(value, typed)`. */
export function Field({ input, value, judged, error, files, source, self, onChange, onFiles }) {
  const id = `input-${input.name}`;
  const range = rangeOf(input), grouped = input.type === 'table' || isSegmented(input) || isSource(value);
  const described = cls(error && `${id}-error`, input.help && `${id}-help`, range && `${id}-range`) || undefined;
  const shared = { id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined };
  const Control = CONTROLS[input.type] ?? Text;
  const reset = t('work.reset', { value: short(input) });
  return html`
    <div class=${cls('field', `type-${input.type}`, error && 'has-error')} data-input=${input.name}>
      <div class="field-head">
        ${grouped ? html`<span class="label" id=${`${id}-label`}>${input.title}</span>` : html`<label for=${id}>${input.title}</label>`}
        ${differs(input, value) && html`
          <button type="button" class="reset" aria-label=${`${input.title}: ${reset}`} title=${reset} onClick=${() => onChange(input.default)}><${Icon} name="reset" /></button>`}
        ${range && html`<span class="field-range" id=${`${id}-range`}>${range}</span>`}
      </div>
      <${Control} input=${input} value=${value} judged=${judged} onChange=${onChange} shared=${shared} files=${files} source=${source} self=${self} onFiles=${onFiles} />
      ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
      ${input.help && html`<p class="field-help" id=${`${id}-help`}>${input.help}</p>`}
    </div>`;
}

/** Whether what stands in the field is another value than the default. */
export const differs = (input, value) => input.type !== 'file' && !same(parse(input, value), input.default);

/** Few short choices stand side by side. */
const isSegmented = (input) => input.type === 'choice' && input.choices.length <= 4 && input.choices.reduce((length, one) => length + labelOf(input, one).length + 3, 0) <= 36;

function short(input) {
  const { default: value } = input;
  if (input.type === 'table') return t('sheet.rows', { count: value.length });
  if (input.type === 'boolean') return t(value ? 'field.on' : 'field.off');
  const text = typeof value === 'number' ? (input.format ? String(shown(value, input)) : number(value)) : labelOf(input, String(value || '–')).split('\n')[0];
  return (text.length > 40 ? `${text.slice(0, 39)}…` : text) + (input.unit ? ` ${input.unit}` : '');
}

function rangeOf({ type, minimum, maximum, min_rows: fewest, max_rows: most }) {
  if (type === 'table') return fewest > 0 || most < 1000 ? t('sheet.range', { fewest, most }) : '';
  if (minimum != null && maximum != null) return t('field.range', { minimum: number(minimum), maximum: number(maximum) });
  if (minimum != null) return t('field.from', { minimum: number(minimum) });
  return maximum != null ? t('field.upto', { maximum: number(maximum) }) : '';
}

function Switch({ value, onChange, shared }) {
  return html`<input ...${shared} type="checkbox" role="switch" class="switch" checked=${Boolean(value)} onChange=${(event) => onChange(event.currentTarget.checked)} />`;
}

function Text({ value, onChange, shared }) {
  return html`<input ...${shared} class="input" type="text" autocomplete="off" value=${value} onInput=${(event) => onChange(event.currentTarget.value, true)} />`;
}

function LongText({ input, value, onChange, shared }) {
  const rows = Math.min(18, Math.max(4, String(value).split('\n').length + 1));
  return html`
    <div class="long-text">
      <textarea ...${shared} class="input code" rows=${rows} spellcheck=${false} value=${value} onInput=${(event) => onChange(event.currentTarget.value, true)}></textarea>
      ${input.language && html`<span class="language" aria-hidden="true">${input.language}</span>`}
    </div>`;
}

function Choices(properties) {
  return html`<${Choice} ...${properties} segmented=${isSegmented(properties.input)} />`;
}

const CONTROLS = { number: NumberField, integer: NumberField, boolean: Switch, string: Text, text: LongText, choice: Choices, file: FileField, table: TableField };
