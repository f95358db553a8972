/** The form of a simulation, made from its code's declaration alone: groups of fields, then its files. */
import { size } from '../format.js';
import { cls, html, useRef } from '../lib.js';
import { t } from '../texts.js';
import { Field } from './field.js';
import { Icon } from './icon.js';

export function Form({ draft }) {
  const { code } = draft;
  const byName = Object.fromEntries(code.inputs.map((input) => [input.name, input]));
  const fields = draft.fields.value, errors = draft.errors.value;
  const files = Object.keys(draft.simulation.value.files ?? {});
  return html`
    <form class="form" onSubmit=${(event) => event.preventDefault()} autocomplete="off">
      ${code.groups.map((group, at) => html`
        <fieldset key=${group.title} class="group">
          ${(group.title || at > 0) && html`<legend>${group.title || t('work.inputs')}</legend>`}
          ${group.inputs.map((name) => html`
            <${Field} key=${name} input=${byName[name]} value=${fields[name]} error=${errors[name]} files=${files}
              onChange=${(value, typed) => draft.set(name, value, typed)} onFiles=${(list, into) => draft.addFiles(list, into)} />`)}
        </fieldset>`)}
      ${Object.entries(errors).filter(([name]) => !byName[name]).map(([name, words]) => html`<p class="field-error" key=${name}>${words}</p>`)}
      <${Files} draft=${draft} />
    </form>`;
}

function Files({ draft }) {
  const chooser = useRef(null);
  const files = Object.entries(draft.simulation.value.files ?? {});
  const takesFiles = draft.code.inputs.some((input) => input.type === 'file');
  if (!takesFiles && !files.length && !draft.uploads.value.length) return null;
  return html`
    <fieldset class="group">
      <legend>${t('files.title')}</legend>
      <ul class="file-list">
        ${files.map(([name, file]) => html`
          <li key=${name}><${Icon} name="file" /><span class="file-name" title=${name}>${name}</span><span class="hint number">${size(file.size)}</span>
            <button type="button" class="button quiet icon small" aria-label=${t('files.remove', { name })} title=${t('files.remove', { name })} onClick=${() => draft.removeFile(name)}><${Icon} name="close" /></button></li>`)}
        ${draft.uploads.value.map((one) => html`<${Upload} key=${one.name} one=${one} />`)}
      </ul>
      <div class=${cls('dropzone', files.length && 'slim')}>
        <${Icon} name="upload" />
        <span>${t('files.drop')} <button type="button" class="linklike" onClick=${() => chooser.current.click()}>${t('files.choose')}</button>.</span>
        ${!files.length && html`<span class="hint">${t('files.none')}</span>`}
        <input ref=${chooser} type="file" hidden multiple onChange=${(event) => { draft.addFiles([...event.currentTarget.files]); event.currentTarget.value = ''; }} />
      </div>
    </fieldset>`;
}

function Upload({ one }) {
  const fraction = one.fraction.value;
  return html`
    <li><${Icon} name="upload" /><span class="file-name">${one.name}</span>
      <div class="progress small"><div class="bar" role="progressbar" aria-label=${t('files.uploading', { name: one.name })} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(fraction * 100)}>
        <div class="bar-fill" style=${{ width: `${fraction * 100}%` }}></div></div></div></li>`;
}
