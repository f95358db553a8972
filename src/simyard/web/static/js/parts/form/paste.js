/** What a spreadsheet puts on the clipboard, as rows of a table input. */
import { labelOf } from '../../inputs.js';

const YES = /^(true|yes|on|1|x|✓)$/i;

/** The rows with a block of cells put in from that row and column on; a first line of column titles is left out.
 * @param {any} input @param {Record<string, any>[]} rows @param {string} text @param {number} at @param {string} from @param {Record<string, any>} fresh */
export function pasted(input, rows, text, at, from, fresh) {
  const columns = input.columns.slice(input.columns.findIndex((column) => column.name === from));
  const lines = text.replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n').map((line) => line.split('\t').map((cell) => cell.trim()));
  if (isHead(columns, lines[0])) lines.shift();
  const next = [...rows];
  for (const [index, cells] of lines.entries()) {
    const row = at + index;
    if (row >= input.max_rows) break;
    const values = columns.slice(0, cells.length).map((column, one) => [column.name, read(column, cells[one])]);
    next[row] = { ...(next[row] ?? fresh), ...Object.fromEntries(values) };
  }
  return next;
}

const isHead = (columns, cells) => cells.every((cell, one) => columns[one] && [columns[one].name, columns[one].title].some((name) => cell.toLowerCase().replace(/\s*[[(].*$/, '') === name.toLowerCase()));

function read(column, cell) {
  if (column.type === 'boolean') return YES.test(cell);
  if (column.type === 'choice') return column.choices.find((one) => [one, labelOf(column, one)].some((name) => name.toLowerCase() === cell.toLowerCase())) ?? cell;
  return cell;
}
