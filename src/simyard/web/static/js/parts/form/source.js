/** A file input that takes a file of another simulation's run: where it is from, how that stands, and the ways out. */
import { ago } from '../../format.js';
import { html, useState } from '../../lib.js';
import { link } from '../../route.js';
import { fileWords } from '../../source.js';
import { simulations } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { later } from '../later.js';

const SourceDialog = later(() => import('./sourcedialog.js'), 'SourceDialog', false);

/** `value`: the source; `standing`: what the server says of it, undefined while that is not known. */
export function SourceField({ input, value, standing, shared, onChange, self }) {
  const name = standing?.name || simulations.value?.get(value.simulation)?.name || value.simulation;
  const words = { title: name, model: standing?.title || value.model, file: fileWords(value.file) };
  const described = [`${shared.id}-source`, shared['aria-describedby']].filter(Boolean).join(' ');
  return html`
    <div class="file-field source-field" role="group" aria-labelledby=${`${shared.id}-label`} aria-describedby=${described}>
      <div class="source-from">
        <${Icon} name="link" />
        <span class="source-words">
          ${standing?.why === 'simulation' ? html`<strong>${name}</strong>` : html`<a href=${`${link('simulations', value.simulation)}?model=${encodeURIComponent(value.model)}`}>${name}</a>`}
          <span class="hint">${words.model}</span>
          ${standing?.run ? html`<a class="mono" href=${`${link('runs', standing.run)}?file=${encodeURIComponent(value.file)}`}>${words.file}</a>` : html`<span class="mono">${words.file}</span>`}
        </span>
        ${standing && html`<span class=${`badge source-${standing.state}`}><span class="badge-dot" aria-hidden="true"></span>${t(`source.${standing.state}`)}</span>`}
      </div>
      <p class="hint source-said" id=${`${shared.id}-source`} role="status">${!standing ? t('source.asking') : standing.why ? t(`source.why.${standing.why}`, words) : standing.ended ? t('source.newest', { time: ago(standing.ended) }) : ''}</p>
      <div class="file-drop">
        <${SourceButton} input=${input} value=${value} text=${t('source.other')} onChange=${onChange} self=${self} />
        <button type="button" class="button quiet small" onClick=${() => onChange('')}>${t('source.leave')}</button>
      </div>
    </div>`;
}

/** Opens the dialog in which a source is chosen. */
export function SourceButton({ input, value, text, onChange, self }) {
  const [open, setOpen] = useState(false);
  return html`
    <button type="button" class="button small" onClick=${() => setOpen(true)}><${Icon} name="link" />${text}</button>
    ${open && html`<${SourceDialog} input=${input} value=${value} self=${self} onChoose=${onChange} onClose=${() => setOpen(false)} />`}`;
}
