/** A file input: which of the simulation's files it is, and a place to drop another. */
import { cls, html, useRef, useState } from '../../lib.js';
import { isSource } from '../../source.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { SourceButton, SourceField } from './source.js';

const rank = (input, name) => (input.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)) ? 0 : 1);

export function FileField({ input, value, onChange, shared, files, onFiles, source, self }) {
  const chooser = useRef(null);
  const [over, setOver] = useState(false);
  const names = [...files].sort((a, b) => rank(input, a) - rank(input, b) || a.localeCompare(b));
  if (isSource(value)) return html`<${SourceField} input=${input} value=${value} standing=${source?.file === value.file && source.simulation === value.simulation ? source : undefined} shared=${shared} onChange=${onChange} self=${self} />`;
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files], input.name);
  };
  return html`
    <div class=${cls('file-field', over && 'over')} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
      ${(names.length > 0 || value) && html`
        <select ...${shared} class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
          <option value="" selected=${!value}>${t('field.file.none')}</option>
          ${value && !names.includes(value) && html`<option key=${value} value=${value} selected>${value}</option>`}
          ${names.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
        </select>`}
      <div class="file-drop">
        <button type="button" class="button small" id=${names.length || value ? undefined : shared.id} onClick=${() => chooser.current.click()}><${Icon} name="upload" />${t('field.file.choose')}</button>
        <${SourceButton} input=${input} value=${value} text=${t('source.take')} onChange=${onChange} self=${self} />
        <span class="hint">${t(input.suffixes.length ? 'field.file.dropof' : 'field.file.drop', { suffixes: input.suffixes.slice(0, 4).join(', ') })}</span>
        <input ref=${chooser} type="file" hidden multiple onChange=${(event) => { onFiles([...event.currentTarget.files], input.name); event.currentTarget.value = ''; }} />
      </div>
    </div>`;
}
