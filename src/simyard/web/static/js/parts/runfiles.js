/** The files of a run: names, sizes, one or all to take away. */
import { api } from '../api.js';
import { size } from '../format.js';
import { html, useEffect, useState } from '../lib.js';
import { t } from '../texts.js';
import { LoadError, Skeleton } from './empty.js';
import { Icon } from './icon.js';

export function RunFiles({ run }) {
  const [files, setFiles] = useState(null);
  const [error, setError] = useState(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let current = true;
    setError(null);
    api.runFiles(run.id).then((said) => current && setFiles(said.items ?? said.files ?? []), (problem) => current && setError(problem));
    return () => { current = false; };
  }, [run.id, run.state, again]);

  if (error) return html`<${LoadError} error=${error} retry=${() => setAgain(again + 1)} />`;
  if (!files) return html`<${Skeleton} rows=${3} />`;
  if (!files.length) return html`<p class="hint">${t('runfiles.empty')}</p>`;
  return html`
    <ul class="file-list">
      ${files.map((file) => html`
        <li key=${file.path ?? file.name}>
          <${Icon} name="file" />
          <a class="file-name" href=${api.fileAddress(run.id, file.path ?? file.name)} download=${(file.path ?? file.name).split('/').pop()}>${file.path ?? file.name}</a>
          <span class="hint number">${size(file.size)}</span>
        </li>`)}
    </ul>`;
}
