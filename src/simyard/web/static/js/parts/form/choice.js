/** A choice: a few side by side, many in a list; what was chosen and is no choice any more stays to be seen. */
import { labelOf } from '../../inputs.js';
import { html } from '../../lib.js';

export function Choice({ input, value, segmented, onChange, shared }) {
  const { id, ...rest } = shared;
  const choices = input.choices.includes(value) ? input.choices : [value, ...input.choices];
  if (segmented) {
    return html`
      <div ...${rest} class="segmented" role="radiogroup" aria-labelledby=${`${id}-label`}>
        ${choices.map((choice) => html`
          <label key=${choice}><input type="radio" name=${id} value=${choice} checked=${choice === value} onChange=${() => onChange(choice)} /><span>${labelOf(input, String(choice))}</span></label>`)}
      </div>`;
  }
  return html`
    <select ...${shared} class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${choices.map((choice) => html`<option key=${choice} value=${choice} selected=${choice === value}>${labelOf(input, String(choice))}</option>`)}
    </select>`;
}
