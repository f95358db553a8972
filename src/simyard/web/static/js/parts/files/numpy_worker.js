/** Reads NumPy's files off the page's own thread: {id, ask: 'open', bytes, zip} · {id, ask: 'read', name, ranges} → {id, value} or {id, error}. */
import { parseNpy, partOf, unzip } from './npy.js';

const MAX_MEMBER = 256 << 20;
/** @type {Map<string, any>} */
const arrays = new Map();
/** @type {any[]} */
let members = [];

async function open({ bytes, zip }) {
  const data = new Uint8Array(bytes);
  members = zip ? unzip(data, MAX_MEMBER) : [{ name: '', size: data.length, data: async () => data }];
  const items = [];
  for (const one of members) {
    try {
      // a member is unpacked for its head as well: kept while there are few, read again later otherwise
      const array = parseNpy(await one.data());
      if (members.length <= 20) arrays.set(one.name, array);
      items.push({ name: one.name.replace(/\.npy$/, ''), member: one.name, shape: array.shape, type: array.type, numeric: true });
    } catch (error) {
      items.push({ name: one.name, member: one.name, error: String(error?.message ?? error) });
    }
  }
  return items;
}

async function read({ name, ranges }) {
  if (!arrays.has(name)) {
    arrays.clear();
    arrays.set(name, parseNpy(await members.find((one) => one.name === name).data()));
  }
  return { values: partOf(arrays.get(name), ranges) };
}

addEventListener('message', async ({ data: { id, ask, ...what } }) => {
  try {
    postMessage({ id, value: ask === 'open' ? await open(/** @type {any} */ (what)) : await read(/** @type {any} */ (what)) });
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
});
