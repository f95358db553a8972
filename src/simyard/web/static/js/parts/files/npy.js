/** NumPy's own files: one array (.npy), or a zip of arrays (.npz). The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

const TYPES = { f8: Float64Array, f4: Float32Array, i8: BigInt64Array, u8: BigUint64Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array, b1: Uint8Array };

/**
 * The array of a .npy file: {shape, type, values}, values in C order. Raises an Error in words.
 * @param {Uint8Array} data
 */
export function parseNpy(data) {
  if (data[0] !== 0x93 || new TextDecoder().decode(data.subarray(1, 6)) !== 'NUMPY') throw new Error('it is not a NumPy file');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const long = data[6] > 1, begin = long ? 12 : 10;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder(data[6] > 2 ? 'utf-8' : 'latin1').decode(data.subarray(begin, begin + length));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1].split(',').map((one) => one.trim()).filter(Boolean).map(Number);
  if (!descr || !shape?.every(Number.isSafeInteger)) throw new Error('its values are records or objects, which are not shown here');
  const fortran = /'fortran_order':\s*True/.test(header);
  const [, order, kind] = /^([<>|=]?)(\w+)$/.exec(descr) ?? [];
  const Type = TYPES[kind], count = shape.reduce((all, one) => all * one, 1);
  if (!Type) throw new Error(`its type, ${descr.slice(0, 40)}, is not shown here`);
  const bytes = data.slice(begin + length, begin + length + count * Type.BYTES_PER_ELEMENT);
  if (bytes.length < count * Type.BYTES_PER_ELEMENT) throw new Error('it ends too early');
  if (order === '>') swap(bytes, Type.BYTES_PER_ELEMENT);
  let values = new Type(bytes.buffer);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) values = Float64Array.from(/** @type {any} */ (values), Number);
  if (fortran && shape.length > 1) values = inC(values, shape);
  return { shape, type: { f: 'float', i: 'int', u: 'uint', b: 'bool' }[kind[0]] + (kind[0] === 'b' ? '' : Number(kind.slice(1)) * 8), values };
}

function swap(bytes, width) {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

function inC(values, shape) {
  const made = new values.constructor(values.length), at = shape.map(() => 0);
  const stride = shape.map((_, n) => shape.slice(0, n).reduce((all, one) => all * one, 1));
  for (let to = 0; to < made.length; to += 1) {
    made[to] = values[at.reduce((all, index, n) => all + index * stride[n], 0)];
    for (let n = shape.length - 1; n >= 0 && ++at[n] === shape[n]; n -= 1) at[n] = 0;
  }
  return made;
}

/** A part of such an array: `ranges` as of array.js. */
export function partOf({ shape, values }, ranges) {
  const counts = ranges.map(([from, to, step]) => Math.ceil((to - from) / step));
  const made = new values.constructor(counts.reduce((all, one) => all * one, 1));
  const stride = shape.map((_, n) => shape.slice(n + 1).reduce((all, one) => all * one, 1));
  const at = counts.map(() => 0);
  for (let to = 0; to < made.length; to += 1) {
    let from = 0;
    for (let n = 0; n < at.length; n += 1) from += (ranges[n][0] + at[n] * ranges[n][2]) * stride[n];
    made[to] = values[from];
    for (let n = counts.length - 1; n >= 0 && ++at[n] === counts[n]; n -= 1) at[n] = 0;
  }
  return made;
}

/**
 * The members of a zip: [{name, size, data()}], those of a .npz. `limit`: no member may be larger, whatever the archive says.
 * @param {Uint8Array} data
 */
export function unzip(data, limit) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let end = data.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error('it is not a zip archive, or it is damaged');
  const found = [], count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let n = 0; n < count && n < 1000 && view.getUint32(at, true) === 0x02014b50; n += 1) {
    const method = view.getUint16(at + 10, true), packed = view.getUint32(at + 20, true), size = view.getUint32(at + 24, true), from = view.getUint32(at + 42, true);
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(data.subarray(at + 46, at + 46 + nameLength));
    found.push({ name, size, data: () => member(data, view, from, packed, method, limit) });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return found;
}

async function member(data, view, from, packed, method, limit) {
  // NumPy writes sizes of its own into the local head (zip64), and the right ones into the directory
  const begin = from + 30 + view.getUint16(from + 26, true) + view.getUint16(from + 28, true);
  const raw = data.subarray(begin, begin + packed);
  if (method === 0) return raw;
  if (method !== 8) throw new Error('it is packed in a way that is not known here');
  const reader = new Blob([raw]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts = [];
  let got = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    got += value.length;
    if (got > limit) { reader.cancel().catch(() => {}); throw new Error('it is too large to be unpacked here'); }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
