/** The input as the code would get it, made by the code itself: by model, to look at, copy and download. */
import { api } from '../../api.js';
import { size } from '../../format.js';
import { html, useEffect, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { Copyable } from '../copyable.js';
import { Dialog } from '../dialog.js';
import { Empty, LoadError, Skeleton } from '../empty.js';
import { Icon } from '../icon.js';

export function Generated({ draft, model: first, onClose }) {
  const [model, setModel] = useState(first);
  const [said, setSaid] = useState(null);
  const [error, setError] = useState(null);
  const [file, setFile] = useState('');
  const load = async () => {
    setSaid(null);
    setError(null);
    try {
      await draft.flush();
      const answer = await api.generatedInput(draft.simulation.value.id, model);
      setSaid(answer);
      if (!answer.files.some((one) => one.name === file)) setFile(answer.files[0]?.name ?? '');
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => { load(); }, [model]);
  const one = said?.files.find((each) => each.name === file);
  return html`
    <${Dialog} wide title=${t('generated.title')} onClose=${onClose}>
      <div class="generated">
        ${draft.code.models.length > 1 && html`
          <div class="segmented" role="radiogroup" aria-label=${t('work.models')}>
            ${draft.code.models.map((each) => html`<label key=${each.name}><input type="radio" name="generated-model" checked=${each.name === model} onChange=${() => setModel(each.name)} /><span>${each.title}</span></label>`)}
          </div>`}
        ${error && html`<${LoadError} error=${error} retry=${load} />`}
        ${!error && !said && html`<${Skeleton} rows=${4} />`}
        ${said?.command && html`<div><h3>${t('generated.command')}</h3><${Copyable} text=${said.command.map(quoted).join(' ')} /></div>`}
        ${said && !said.files.length && html`<${Empty} small title=${t('generated.none')} text=${t('generated.none.help')} />`}
        ${said?.files.length > 1 && html`
          <div class="generated-files" role="tablist" aria-label=${t('files.title')}>
            ${said.files.map((each) => html`<button type="button" role="tab" class="tab" key=${each.name} aria-selected=${each.name === file} onClick=${() => setFile(each.name)}>${each.name}</button>`)}
          </div>`}
        ${one && html`<${Text} key=${`${model}/${one.name}`} file=${one} />`}
      </div>
    <//>`;
}

/** As a shell would want it. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function Text({ file }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(file.text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch { /* not allowed here: the text can still be selected */ }
  };
  const download = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([file.text], { type: 'text/plain' }));
    link.download = file.name.split('/').pop();
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return html`
    <figure class="generated-file">
      <figcaption><strong>${file.name}</strong><span class="hint number">${size(file.size)}</span><span class="spacer"></span>
        <button type="button" class="button small" disabled=${file.text == null} onClick=${copy}><${Icon} name=${copied ? 'check' : 'copy'} />${t(copied ? 'common.copied' : 'common.copy')}</button>
        <button type="button" class="button small" disabled=${file.text == null} onClick=${download}><${Icon} name="download" />${t('generated.download')}</button></figcaption>
      ${file.text == null ? html`<p class="hint">${t('generated.binary')}</p>` : html`<pre tabIndex="0" aria-label=${file.name}>${file.text}</pre>`}
      ${file.truncated && html`<p class="hint">${t('generated.truncated')}</p>`}
    </figure>`;
}
