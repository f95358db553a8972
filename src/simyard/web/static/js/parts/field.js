/** One input of a code as a field: label, unit, help, range, error; what it is follows from the declaration alone. */
import { number } from '../format.js';
import { cls, html, useRef, useState } from '../lib.js';
import { parseNumber, shown } from '../inputs.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/** `input`: the declaration; `value`: what stands in the field; `error`: words; `files`: names of the simulation's files. */
export function Field({ input, value, error, files, onChange, onFiles }) {
  const id = `input-${input.name}`;
  const described = cls(error && `${id}-error`, input.help && `${id}-help`) || undefined;
  const shared = { id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined };
  const Control = CONTROLS[input.type] ?? Text;
  const differs = input.type !== 'file' && shown(value) !== shown(input.default);
  return html`
    <div class=${cls('field', input.type, error && 'has-error')}>
      <div class="field-head">
        <label for=${id}>${input.title}</label>
        ${differs && html`
          <button type="button" class="reset" aria-label=${`${input.title}: ${t('work.reset', { value: short(input) })}`} title=${t('work.reset', { value: short(input) })}
            onClick=${() => onChange(input.default)}><${Icon} name="reset" /></button>`}
        ${rangeOf(input) && html`<span class="field-range">${rangeOf(input)}</span>`}
      </div>
      <${Control} input=${input} value=${value} onChange=${onChange} shared=${shared} files=${files} onFiles=${onFiles} />
      ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
      ${input.help && html`<p class="field-help" id=${`${id}-help`}>${input.help}</p>`}
    </div>`;
}

function short(input) {
  const text = typeof input.default === 'number' ? number(input.default) : String(input.default || '–');
  return (text.length > 40 ? `${text.slice(0, 39)}…` : text) + (input.unit ? ` ${input.unit}` : '');
}

function rangeOf({ minimum, maximum }) {
  if (minimum != null && maximum != null) return t('field.range', { minimum: number(minimum), maximum: number(maximum) });
  if (minimum != null) return t('field.from', { minimum: number(minimum) });
  return maximum != null ? t('field.upto', { maximum: number(maximum) }) : '';
}

function NumberField({ input, value, onChange, shared }) {
  const current = typeof value === 'number' ? value : parseNumber(value);
  const onKey = (event) => {
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!up || !Number.isFinite(current)) return;
    event.preventDefault();
    onChange(clamp(input, tidy(current + up * stepOf(input, current) * (event.shiftKey ? 10 : 1))));
  };
  return html`
    <div class="number-field">
      <div class="with-unit">
        <input ...${shared} class="input number" type="text" inputmode=${input.type === 'integer' ? 'numeric' : 'decimal'} autocomplete="off" spellcheck=${false}
          value=${shown(value)} onInput=${(event) => onChange(event.currentTarget.value, true)} onKeyDown=${onKey} />
        ${input.unit && html`<span class="unit">${input.unit}</span>`}
      </div>
      <${Slider} input=${input} current=${current} onChange=${onChange} />
    </div>`;
}

const tidy = (value) => Number(value.toPrecision(12));
const clamp = ({ minimum, maximum }, value) => Math.min(maximum ?? Infinity, Math.max(minimum ?? -Infinity, value));

/** One step of an arrow key: 1 for whole numbers, else a tenth of the number's size. */
function stepOf(input, value) {
  if (input.type === 'integer') return 1;
  return 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - 1);
}

/** A slider for what has both ends; over more than three decades it goes by powers. */
function Slider({ input, current, onChange }) {
  const { minimum, maximum } = input;
  // a slider over more than ten million values (a seed) says nothing
  if (minimum == null || maximum == null || maximum <= minimum || maximum - minimum > 1e7) return null;
  const powers = minimum > 0 && maximum / minimum >= 1000;
  const to = (value) => (powers ? Math.log(value / minimum) / Math.log(maximum / minimum) : (value - minimum) / (maximum - minimum));
  const from = (part) => {
    const value = powers ? minimum * (maximum / minimum) ** part : minimum + part * (maximum - minimum);
    if (input.type === 'integer') return Math.round(value);
    return powers ? Number(value.toPrecision(3)) : Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(maximum - minimum)))));
  };
  const part = Number.isFinite(current) ? Math.min(1, Math.max(0, to(current))) : 0;
  return html`
    <input type="range" class="slider" min="0" max="1000" tabIndex="-1" aria-label=${t('field.slider', { title: input.title })} value=${Math.round(part * 1000)}
      style=${{ '--at': `${part * 100}%` }} onInput=${(event) => onChange(clamp(input, from(event.currentTarget.value / 1000)))} />`;
}

function Switch({ input, value, onChange, shared }) {
  return html`<input ...${shared} type="checkbox" role="switch" class="switch" checked=${Boolean(value)} onChange=${(event) => onChange(event.currentTarget.checked)} />`;
}

function Text({ value, onChange, shared }) {
  return html`<input ...${shared} class="input" type="text" autocomplete="off" value=${value} onInput=${(event) => onChange(event.currentTarget.value, true)} />`;
}

function LongText({ value, onChange, shared }) {
  const rows = Math.min(18, Math.max(4, String(value).split('\n').length + 1));
  return html`<textarea ...${shared} class="input code" rows=${rows} spellcheck=${false} value=${value} onInput=${(event) => onChange(event.currentTarget.value, true)}></textarea>`;
}

function Choice({ input, value, onChange, shared }) {
  return html`
    <select ...${shared} class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${!input.choices.includes(value) && html`<option key="" value=${value}>${value}</option>`}
      ${input.choices.map((choice) => html`<option key=${choice} value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>`;
}

function FileField({ input, value, onChange, shared, files, onFiles }) {
  const chooser = useRef(null);
  const [over, setOver] = useState(false);
  const names = [...files].sort((a, b) => rank(input, a) - rank(input, b) || a.localeCompare(b));
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files], input.name);
  };
  return html`
    <div class=${cls('file-field', over && 'over')} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
      ${names.length > 0 && html`
        <select ...${shared} class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
          <option value="" selected=${!value}>${t('field.file.none')}</option>
          ${value && !names.includes(value) && html`<option key=${value} value=${value} selected>${value}</option>`}
          ${names.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
        </select>`}
      <div class="file-drop">
        <button type="button" class="button small" id=${names.length ? undefined : shared.id} onClick=${() => chooser.current.click()}><${Icon} name="upload" />${t('field.file.choose')}</button>
        <span class="hint">${t('field.file.drop')}</span>
        <input ref=${chooser} type="file" hidden multiple onChange=${(event) => { onFiles([...event.currentTarget.files], input.name); event.currentTarget.value = ''; }} />
      </div>
    </div>`;
}

const rank = (input, name) => (input.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)) ? 0 : 1);

const CONTROLS = { number: NumberField, integer: NumberField, boolean: Switch, string: Text, text: LongText, choice: Choice, file: FileField };
