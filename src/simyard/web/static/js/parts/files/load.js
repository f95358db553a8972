/** The bytes of a run's file, or of a part of it: bounded, with progress, and given up when nobody waits any more. */
import { ApiError, api, send } from '../../api.js';
import { t } from '../../texts.js';

/**
 * Bytes `from` (inclusive) to `to` (exclusive) of a file; less where it ends before.
 * @param {string} run
 * @param {string} path
 * @param {{ from?: number, to: number, signal?: AbortSignal, onProgress?: (fraction: number) => void }} what
 */
export async function bytes(run, path, what) {
  const { from = 0, to, signal, onProgress } = what;
  if (to <= from) return new Uint8Array(0);
  let response;
  try {
    response = await send('GET', api.fileAddress(run, path), { signal, headers: { Accept: '*/*', Range: `bytes=${from}-${to - 1}` } });
  } catch (error) {
    if (error.status === 416) return new Uint8Array(0); // it ends before
    throw error;
  }
  const wanted = to - from, parts = [];
  let got = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  // one that does not know ranges, or a file that grew, sends more: read no further than was asked for
  while (got < wanted) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    got += value.length;
    onProgress?.(got / wanted);
  }
  reader.cancel().catch(() => {});
  const whole = new Uint8Array(Math.min(got, wanted));
  let at = 0;
  for (const part of parts) {
    whole.set(part.subarray(0, whole.length - at), at);
    at += Math.min(part.length, whole.length - at);
  }
  return whole;
}

/**
 * A worker that is asked one thing after another and may die of what it reads: `ask(what)` answers, or says in words what was wrong.
 * @param {string} address relative to this file
 * @param {{ seconds?: number }} [options]
 */
export function asker(address, options = {}) {
  const seconds = options.seconds ?? 30;
  const worker = new Worker(new URL(address, import.meta.url), { type: 'module' });
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: any) => void, timer: ReturnType<typeof setTimeout> }>} */
  const waiting = new Map();
  let count = 0;
  const fail = (/** @type {string} */ text) => {
    worker.terminate();
    for (const one of waiting.values()) { clearTimeout(one.timer); one.reject(new ApiError(422, 'file', text)); }
    waiting.clear();
  };
  worker.onmessage = ({ data }) => {
    const one = waiting.get(data.id);
    if (!one) return;
    waiting.delete(data.id);
    clearTimeout(one.timer);
    if ('error' in data) one.reject(new ApiError(422, 'file', data.error));
    else one.resolve(data.value);
  };
  worker.onerror = (event) => { event.preventDefault(); fail(t('view.worker')); };
  return {
    /** @returns {Promise<any>} */
    ask: (/** @type {any} */ what, /** @type {Transferable[]} */ transfer = []) => new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, { resolve, reject, timer: setTimeout(() => fail(t('view.slow')), seconds * 1000) });
      worker.postMessage({ id, ...what }, transfer);
    }),
    close: () => worker.terminate(),
  };
}
