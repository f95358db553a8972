/** The files of a simulation: what there is, what is on its way, and a place to drop more. */
import { size } from '../../format.js';
import { cls, html, useRef } from '../../lib.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';

export function Files({ draft }) {
  const chooser = useRef(null);
  const files = Object.entries(draft.simulation.value.files ?? {});
  const takesFiles = draft.code.inputs.some((input) => input.type === 'file');
  if (!takesFiles && !files.length && !draft.uploads.value.length) return null;
  return html`
    <section class="group files" aria-labelledby="files-title">
      <h3 id="files-title" class="group-title">${t('files.title')}</h3>
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
    </section>`;
}

function Upload({ one }) {
  const fraction = one.fraction.value;
  return html`
    <li><${Icon} name="upload" /><span class="file-name">${one.name}</span>
      <div class="progress small"><div class="bar" role="progressbar" aria-label=${t('files.uploading', { name: one.name })} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(fraction * 100)}>
        <div class="bar-fill" style=${{ width: `${fraction * 100}%` }}></div></div></div></li>`;
}
