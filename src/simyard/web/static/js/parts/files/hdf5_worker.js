/**
 * Reads HDF5 off the page's own thread: the library is the HDF5 of the HDF Group, as WebAssembly (vendor/h5wasm), and the file is foreign.
 * This script's own response allows WebAssembly and no connection (web/headers.py): all that it has is the blob that it is given.
 * {id, ask: 'open', blob} · {id, ask: 'list', path} · {id, ask: 'attributes', path} · {id, ask: 'read', path, ranges} → {id, value} or {id, error}
 */
import { said } from './hdf5_said.js';
import { File, Module, ready } from '../../../vendor/h5wasm/hdf5_hl.js';

const MAX_LISTED = 2000;
const MAX_ATTRIBUTES = 500;
/** One reading may be this large (bytes), and so may one chunk of the file, which is unpacked as a whole. */
const MAX_READ = 32 << 20;
const MAX_CHUNK = 256 << 20;
const MAX_VALUE = 2000;

/** @type {any} */
let file = null;

async function open({ blob }) {
  await ready;
  const { FS } = Module;
  FS.mkdir('/given');
  // read where it lies, a piece at a time, not copied into memory
  FS.mount(FS.filesystems.WORKERFS, { blobs: [{ name: 'file', data: blob }] }, '/given');
  file = new File('/given/file', 'r');
  if (file.file_id < 0n) throw new Error('it is not an HDF5 file, or it is damaged');
  return list({ path: '/' });
}

const CLASS = { 0: 'int', 1: 'float', 3: 'text', 4: 'bits', 5: 'opaque', 6: 'record', 7: 'reference', 8: 'choice', 9: 'list', 10: 'array' };

/** `float64`, `uint8`, `text`, `record {x, y}` */
function typeOf(metadata) {
  const kind = CLASS[metadata.type] ?? 'other';
  if (kind === 'int') return `${metadata.signed ? 'int' : 'uint'}${metadata.size * 8}`;
  if (kind === 'float') return `float${metadata.size * 8}`;
  if (kind === 'record') return `record {${metadata.compound_type.members.map((one) => one.name).join(', ')}}`;
  if (kind === 'choice') return isBoolean(metadata) ? 'bool' : 'choice';
  return kind;
}

const isBoolean = (metadata) => { const names = Object.keys(metadata.enum_type?.members ?? {}); return names.length === 2 && names.includes('TRUE') && names.includes('FALSE'); };
const FILTERS = { 1: 'gzip', 2: 'shuffle', 3: 'fletcher32', 4: 'szip', 5: 'nbit', 6: 'scaleoffset', 32000: 'lzf', 32001: 'blosc', 32004: 'lz4', 32015: 'zstd' };

function datasetFacts(path) {
  const metadata = Module.get_dataset_metadata(file.file_id, path);
  const filters = Module.get_dataset_filters(file.file_id, path).map((one) => FILTERS[one.id] ?? one.name ?? `filter ${one.id}`);
  return { shape: metadata.shape && [...metadata.shape].map(Number), type: typeOf(metadata), numeric: metadata.type <= 1, fields: metadata.type === 6 ? metadata.compound_type.members.map((one) => one.name) : null, chunks: metadata.chunks && [...metadata.chunks].map(Number), filters };
}

/** What is in a group: {items: [{name, path, kind, …}], total}. */
function list({ path }) {
  const names = Module.get_names(file.file_id, path, false);
  const items = names.slice(0, MAX_LISTED).map((name) => {
    const whole = path === '/' ? `/${name}` : `${path}/${name}`;
    try {
      said();
      const type = Module.get_type(file.file_id, whole);
      // of a link to what is not there the library says that it is a group, and complains
      if (said().length) return { name, path: whole, kind: 'link', target: Module.get_symbolic_link(file.file_id, whole) };
      if (type === Module.H5G_GROUP) return { name, path: whole, kind: 'group' };
      if (type === Module.H5G_DATASET) return { name, path: whole, kind: 'dataset', ...datasetFacts(whole) };
      if (type === Module.H5G_LINK) return { name, path: whole, kind: 'link', target: Module.get_symbolic_link(file.file_id, whole) };
      if (type === Module.H5G_UDLINK) { const link = Module.get_external_link(file.file_id, whole); return { name, path: whole, kind: 'link', target: `${link.filename}:${link.obj_path}` }; }
      return { name, path: whole, kind: 'type' };
    } catch (error) {
      return { name, path: whole, kind: 'broken', error: words(error) };
    }
  });
  return { items, total: names.length };
}

/** [{name, type, value}] with the value as a text. */
function attributes({ path }) {
  const names = Module.get_attribute_names(file.file_id, path);
  return names.slice(0, MAX_ATTRIBUTES).map((name) => {
    try {
      const metadata = Module.get_attribute_metadata(file.file_id, path, name);
      const type = typeOf(metadata) + (metadata.shape?.length ? ` [${metadata.shape.join(' × ')}]` : '');
      if (metadata.size * metadata.total_size > 1 << 20) return { name, type, value: '…' };
      const value = file.get(path).get_attribute(name, true);
      return { name, type, value: text(named(value, metadata)).slice(0, MAX_VALUE) };
    } catch (error) {
      return { name, type: '', value: '', error: words(error) };
    }
  });
}

/** A part of a dataset, `ranges` one [from, to, step] a dimension: {values}: numbers, or for all else texts, or rows of a record's fields. */
function read({ path, ranges }) {
  const metadata = Module.get_dataset_metadata(file.file_id, path);
  if (!metadata.shape) return { values: [] };
  if (metadata.virtual_sources?.length) throw new Error('it is put together from other files, which are not here');
  const count = ranges.reduce((all, [from, to, step]) => all * Math.max(0, Math.ceil((to - from) / step)), 1);
  if (count * metadata.size > MAX_READ) throw new Error('this part is too large');
  if (metadata.chunks && [...metadata.chunks].reduce((all, one) => all * Number(one), metadata.size) > MAX_CHUNK) throw new Error('its chunks are too large to be unpacked here');
  const data = file.get(path);
  said();
  const value = metadata.shape.length ? data.slice(ranges) : data.value;
  const complaint = said();
  if (complaint.length) throw new Error(words(new Error('it is damaged'), complaint));
  if (metadata.type === 6) return { values: (metadata.shape.length ? value : [value]).map((row) => row.map((one) => (typeof one === 'number' ? one : text(one).slice(0, MAX_VALUE)))) };
  const flat = metadata.shape.length ? value : [value];
  if (ArrayBuffer.isView(flat) && metadata.type <= 1) {
    const big = flat instanceof BigInt64Array || flat instanceof BigUint64Array;
    return { values: big ? Float64Array.from(/** @type {any} */ (flat), Number) : flat };
  }
  const list = Array.from(/** @type {any} */ (flat));
  if (metadata.type <= 1) return { values: Float64Array.from(list, Number) };
  return { values: list.map((one) => text(named(one, metadata)).slice(0, MAX_VALUE)) };
}

/** The names of a choice's numbers. */
function named(value, metadata) {
  if (metadata.type !== 8) return value;
  const of = new Map(Object.entries(metadata.enum_type.members).map(([name, number]) => [Number(number), name]));
  const one = (number) => (typeof number === 'boolean' ? String(number) : isBoolean(metadata) ? String(Boolean(Number(number))) : of.get(Number(number)) ?? String(number));
  return Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(/** @type {any} */ (value), one) : one(value);
}

function text(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (ArrayBuffer.isView(value)) return `[${Array.from(/** @type {any} */ (value).subarray(0, 200)).join(', ')}${/** @type {any} */ (value).length > 200 ? ', …' : ''}]`;
  if (Array.isArray(value)) return `[${value.slice(0, 200).map(text).join(', ')}${value.length > 200 ? ', …' : ''}]`;
  if (typeof value === 'object') return '(reference)';
  return String(value);
}

/** Of an error and what the library said of it, what a user can do something with. */
function words(error, complaint = said()) {
  const filter = /required filter '([^']+)'/.exec(complaint.join('\n'))?.[1];
  if (filter) return `it is packed with the filter “${filter}”, which is not known here`;
  return String(error?.message ?? error).split('\n')[0].slice(0, 300);
}

const ASKED = { open, list, attributes, read };

addEventListener('message', async ({ data: { id, ask, ...what } }) => {
  said();
  try {
    const value = await ASKED[ask](what);
    postMessage({ id, value }, ArrayBuffer.isView(value.values) ? /** @type {any} */ ([value.values.buffer]) : []);
  } catch (error) {
    postMessage({ id, error: words(error) });
  }
});
