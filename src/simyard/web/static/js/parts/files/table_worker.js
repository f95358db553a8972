/** Reads a table off the page's own thread: {id, bytes, end, cut} → {id, value} or {id, error}. */
import { parseTable } from './tables.js';

addEventListener('message', ({ data: { id, bytes, end, cut } }) => {
  try {
    const table = parseTable(new TextDecoder().decode(bytes), end, cut);
    postMessage({ id, value: table }, /** @type {any} */ (table.columns.flatMap((one) => (one.numeric ? [/** @type {Float64Array} */ (one.values).buffer] : []))));
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
});
