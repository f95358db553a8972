/** A figure's arrays: typed arrays as they travel (base64) become the browser's own, once; and how much memory they take. */

/** @type {Record<string, {new (buffer: ArrayBuffer): any, BYTES_PER_ELEMENT: number}>} */
const KINDS = {
  i1: Int8Array, u1: Uint8Array, c1: Uint8ClampedArray, u1c: Uint8ClampedArray, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
  f4: Float32Array, f8: Float64Array,
  int8: Int8Array, uint8: Uint8Array, uint8c: Uint8ClampedArray, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  float32: Float32Array, float64: Float64Array,
};

/**
 * The bytes of base64; newer browsers have it built in.
 * @param {string} text
 * @returns {ArrayBuffer}
 */
function bytesOf(text) {
  const known = /** @type {any} */ (Uint8Array);
  if (known.fromBase64) return known.fromBase64(text).buffer;
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes.buffer;
}

/**
 * One typed array as an array; of two or three dimensions as rows, which are views of one buffer. What cannot be read stays as it came.
 * @param {any} value
 */
function array(value) {
  const Kind = KINDS[value.dtype];
  if (!Kind) return value;
  const flat = new Kind(bytesOf(value.bdata));
  const shape = value.shape === undefined ? [flat.length] : String(value.shape).split(',').map(Number);
  const wanted = shape.reduce((product, one) => product * one, 1);
  if (shape.length > 3 || wanted !== flat.length) return value;
  const rows = (/** @type {number} */ first, /** @type {number[]} */ [size, ...rest]) => {
    if (!rest.length) return flat.subarray(first, first + size);
    const step = rest.reduce((product, one) => product * one, 1);
    return Array.from({ length: size }, (_, row) => rows(first + row * step, rest));
  };
  return rows(0, shape);
}

/** @param {any} value */
export const isArray = (value) => Array.isArray(value) || ArrayBuffer.isView(value);

/**
 * The figure with its arrays as the browser's own. Nothing else is changed.
 * @param {any} value
 * @returns {any}
 */
export function decoded(value) {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.some((one) => one !== null && typeof one === 'object') ? value.map(decoded) : value;
  if (typeof value.bdata === 'string' && typeof value.dtype === 'string') return array(value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, decoded(one)]));
}

/**
 * What a figure weighs, in bytes, about.
 * @param {any} value
 * @returns {number}
 */
export function weight(value) {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value === 'string') return 2 * value.length + 16;
  if (value === null || typeof value !== 'object') return 8;
  // long lists are of one kind
  if (Array.isArray(value) && value.length > 64) return value.length * weight(value[0]);
  return Object.values(value).reduce((sum, one) => sum + 16 + weight(one), 32);
}

/**
 * All that a figure says but for the numbers in its arrays: of two figures with the same, only the numbers differ.
 * @param {any} figure
 * @returns {string}
 */
export function shapeOf(figure) {
  const numbers = (/** @type {string} */ key, /** @type {any} */ value) => {
    if (ArrayBuffer.isView(value)) return '#';
    if (!Array.isArray(value) || value.length < 5) return value;
    return ArrayBuffer.isView(value[0]) ? `#${value.length}` : typeof value[0] === 'number' || value[0] === null ? '#' : value;
  };
  const { title, ...layout } = figure.layout ?? {};
  const { text, ...style } = typeof title === 'object' && title ? title : { text: title };
  return JSON.stringify([figure.data, layout, style, Boolean(text)], numbers);
}

/** @param {any} figure */
export const titleOf = (figure) => String(figure.layout?.title?.text ?? (typeof figure.layout?.title === 'string' ? figure.layout.title : ''));
