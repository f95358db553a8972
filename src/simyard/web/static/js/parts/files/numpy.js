/** An array of NumPy, or the arrays of a .npz. */
import { size } from '../../format.js';
import { html, useEffect, useState } from '../../lib.js';
import { t } from '../../texts.js';
import { LoadError, Skeleton } from '../empty.js';
import { ArrayView } from './array.js';
import { ending } from './kind.js';
import { asker } from './load.js';
import { Coming, Takeaway, useBytes } from './simple.js';

const LIMIT = 256 << 20;

export function NumpyView({ run, file, at, goTo }) {
  if (file.size > LIMIT) return html`<${Takeaway} run=${run} file=${file} text=${t('view.large', { limit: size(LIMIT) })} />`;
  return html`<${Whole} run=${run} file=${file} at=${at} goTo=${goTo} />`;
}

function Whole({ run, file, at, goTo }) {
  const { data, error, retry, fraction } = useBytes(run, file, LIMIT);
  const [state, setState] = useState(null);
  const [wrong, setWrong] = useState('');
  useEffect(() => {
    if (!data) return undefined;
    const reader = asker('./numpy_worker.js');
    reader.ask({ ask: 'open', bytes: data.buffer, zip: ending(file.path) === 'npz' }, [data.buffer]).then((items) => setState({ reader, items }), (problem) => setWrong(problem.detail));
    return reader.close;
  }, [data]);
  if (error) return html`<${LoadError} error=${error} retry=${retry} />`;
  if (wrong) return html`<${Takeaway} run=${run} file=${file} text=${t('numpy.broken', { error: wrong })} />`;
  if (!state) return file.size > 4 << 20 ? html`<${Coming} fraction=${fraction} file=${file} />` : html`<${Skeleton} rows=${6} />`;
  const item = state.items.find((one) => one.name === at) ?? state.items[0];
  if (!item) return html`<${Takeaway} run=${run} file=${file} text=${t('numpy.empty')} />`;
  return html`
    <div class="view-bar">
      ${state.items.length > 1 && html`<label class="plot-axis"><span>${t('numpy.array')}</span><select class="input small" value=${item.name} onChange=${(event) => goTo(event.currentTarget.value)}>${state.items.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>`}
      <span class="hint number">${item.type} ${item.shape?.join(' × ')}</span></div>
    ${item.error ? html`<${Takeaway} run=${run} file=${file} text=${t('numpy.broken', { error: item.error })} />`
      : html`<${ArrayView} key=${item.name} source=${{ ...item, name: item.name || file.path.split('/').pop(), read: (ranges) => state.reader.ask({ ask: 'read', name: item.member, ranges }) }} />`}`;
}
