/** What a figure shows, in words: for who does not see it. */
import { t } from '../../texts.js';
import { isArray, titleOf } from '../../arrays.js';
import { plainText } from './csv.js';

const MOST = 8;

/** @param {any} figure */
export function described(figure) {
  const { data = [], layout = {} } = figure;
  const words = [];
  const title = plainText(titleOf(figure));
  if (title) words.push(`${title}.`);
  const named = data.filter((/** @type {any} */ trace) => trace.showlegend !== false && trace.name).map((/** @type {any} */ trace) => plainText(trace.name));
  if (named.length) words.push(t('report.said.traces', { names: named.slice(0, MOST).join(', ') + (named.length > MOST ? ', …' : '') }));
  const axes = Object.entries(layout)
    .filter(([key, axis]) => /^[xy]axis\d*$/.test(key) && axis?.visible !== false)
    .map(([key, axis]) => [key[0], plainText(axis?.title?.text ?? axis?.title)])
    .filter(([, words]) => words);
  for (const [letter, text] of axes.slice(0, MOST)) words.push(t(`report.said.${letter}`, { title: text }));
  const grid = data.find((/** @type {any} */ trace) => isArray(trace.z) && isArray(trace.z[0]));
  if (grid) words.push(t('report.said.grid', { columns: grid.z[0].length, rows: grid.z.length }));
  words.push(t('report.said.csv'));
  return words.join(' ');
}
