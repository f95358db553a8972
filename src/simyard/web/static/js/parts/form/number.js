/** A number: typed, as an expression where the code takes one, by arrow keys, or by a slider where it has both ends. */
import { number } from '../../format.js';
import { parseNumber, shown } from '../../inputs.js';
import { html } from '../../lib.js';
import { t } from '../../texts.js';

export function NumberField({ input, value, judged, onChange, shared }) {
  const computed = judged?.number;
  const current = typeof value === 'number' ? value : computed ?? parseNumber(value);
  const isText = computed !== undefined;
  const onKey = (event) => {
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    // an expression is not overwritten by a key that was meant for its text
    if (!up || isText || !Number.isFinite(current) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onChange(clamp(input, tidy(current + up * stepOf(input, current) * (event.shiftKey ? 10 : 1))));
  };
  return html`
    <div class="number-field">
      <div class="with-unit">
        <input ...${shared} aria-describedby=${isText ? `${shared.id}-value ${shared['aria-describedby'] ?? ''}` : shared['aria-describedby']}
          class="input number" type="text" inputmode=${input.expression ? 'text' : input.type === 'integer' ? 'numeric' : 'decimal'} autocomplete="off" autocapitalize="off" spellcheck=${false}
          value=${shown(value, input)} onInput=${(event) => onChange(event.currentTarget.value, true)} onKeyDown=${onKey} />
        ${(isText || input.unit) && html`<span class="unit">${isText && html`<span class="computed" id=${`${shared.id}-value`}>= ${number(computed)}</span>`}${isText && input.unit ? ' ' : ''}${input.unit}</span>`}
      </div>
      ${!isText && !(input.expression && Number.isNaN(current)) && html`<${Slider} input=${input} current=${current} onChange=${onChange} />`}
    </div>`;
}

const tidy = (value) => Number(value.toPrecision(12));
const clamp = ({ minimum, maximum }, value) => Math.min(maximum ?? Infinity, Math.max(minimum ?? -Infinity, value));

/** One step of an arrow key: what is declared, else 1 for whole numbers, else a tenth of the number's size. */
function stepOf(input, value) {
  if (input.step) return input.step;
  if (input.type === 'integer') return 1;
  return 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - 1);
}

/** A slider for what has both ends; over more than three decades it goes by powers. */
function Slider({ input, current, onChange }) {
  const { minimum, maximum } = input;
  // a slider over more than ten million values (a seed) says nothing
  if (minimum == null || maximum == null || maximum <= minimum || maximum - minimum > 1e7) return null;
  const powers = input.scale ? input.scale === 'log' : minimum > 0 && maximum / minimum >= 1000;
  const to = (value) => (powers ? Math.log(value / minimum) / Math.log(maximum / minimum) : (value - minimum) / (maximum - minimum));
  const from = (part) => {
    const value = powers ? minimum * (maximum / minimum) ** part : minimum + part * (maximum - minimum);
    if (input.step) return tidy(minimum + Math.round((value - minimum) / input.step) * input.step);
    if (input.type === 'integer') return Math.round(value);
    return powers ? Number(value.toPrecision(3)) : Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(maximum - minimum)))));
  };
  const part = Number.isFinite(current) ? Math.min(1, Math.max(0, to(current))) : 0;
  return html`
    <input type="range" class="slider" min="0" max="1000" tabIndex="-1" aria-label=${t('field.slider', { title: input.title })} value=${Math.round(part * 1000)}
      aria-valuetext=${Number.isFinite(current) ? `${number(current)} ${input.unit}`.trim() : undefined}
      style=${{ '--at': `${part * 100}%` }} onInput=${(event) => onChange(clamp(input, from(event.currentTarget.value / 1000)))} />`;
}
