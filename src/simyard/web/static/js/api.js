/** The page's only way to the server: every call of /api/v1, with what went wrong as one kind of error. */
import { signal } from './lib.js';
import { t } from './texts.js';

const BASE = '/api/v1';

/** What the server said was wrong: `code` is stable, `detail` is for people, `more` is the rest of the problem. */
export class ApiError extends Error {
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.more = more;
  }

  /** Nobody answered, or a part is away: the same call may work later. */
  get passing() {
    return this.status === 0 || this.status >= 502 || this.status === 429;
  }
}

/** Who is asking: undefined until known, null where nobody is logged in. */
export const session = signal(undefined);

/**
 * Sends a request and answers with the response, whose status is a good one. Raises ApiError.
 * `keepalive`: it is sent even if the page is closed or loaded again meanwhile: for what somebody has pressed, and takes for begun.
 * @param {string} method
 * @param {string} path
 * @param {{json?: any, body?: any, headers?: Record<string, string>, signal?: AbortSignal | null, keepalive?: boolean}} options
 * @returns {Promise<Response>}
 */
export async function send(method, path, { json, body, headers = {}, signal: abort, keepalive = false } = {}) {
  const sent = { Accept: 'application/json', ...headers };
  if (json !== undefined) {
    body = JSON.stringify(json);
    sent['Content-Type'] = 'application/json';
  }
  if (method !== 'GET' && session.value?.csrf) sent['X-CSRF-Token'] = session.value.csrf;
  let response;
  try {
    response = await fetch(path.startsWith('/') ? path : `${BASE}/${path}`, { method, headers: sent, body, signal: abort, keepalive, credentials: 'same-origin' });
  } catch (error) {
    if (abort?.aborted) throw error;
    throw new ApiError(0, 'network', t('error.network'));
  }
  if (response.ok) return response;
  throw await problem(response);
}

async function problem(response) {
  let said = {};
  try {
    said = await response.json();
  } catch { /* not every error comes from Simyard: a proxy's is HTML */ }
  if (response.status === 401 && session.value) session.value = null;
  return new ApiError(response.status, said.code ?? 'unknown', said.detail || t('error.unknown', { status: response.status }), said);
}

async function json(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

const id = encodeURIComponent;
const path = (name) => name.split('/').map(encodeURIComponent).join('/');
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, v]) => v !== undefined && v !== '')).toString();

/** A key that makes repeated requests one. (crypto.randomUUID is only there over https and on localhost.) */
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** A page of a list: {items, cursor}. */
async function page(what, values = {}) {
  return json('GET', `${what}?${query(values)}`);
}

async function withEtag(response) {
  const simulation = await response.json();
  return { ...simulation, etag: response.headers.get('ETag') ?? simulation.etag };
}

export const api = {
  async whoami() {
    session.value = await json('GET', 'session');
    return session.value;
  },
  codes: () => json('GET', 'codes'),
  /** With {code, model}: each with what a run that started now would wait. */
  targets: (values = {}) => page('targets', values),
  /** How the login to a target stands, as soon as it is somebody's turn, or after `wait` seconds. */
  login: (target, wait = 0, abort = /** @type {AbortSignal | null} */ (null)) => json('GET', `targets/${id(target)}/login?${query({ wait })}`, { signal: abort }),
  /** The next step of a login: {begin, name?}, {answers} or {accept}, each with `wait`. */
  loginStep: (target, step) => json('POST', `targets/${id(target)}/login`, { json: step }),
  logout: (target) => json('DELETE', `targets/${id(target)}/login`, { keepalive: true }),
  installCode: (code) => json('POST', `codes/${id(code)}/install`, { keepalive: true }),
  install: (code) => json('GET', `codes/${id(code)}/install`),
  /** Where codes can run, and what is missing where not; with {code} of that one only. */
  codeTargets: (values = {}) => page('codes/targets', values),
  installThere: (code, target) => json('POST', `codes/${id(code)}/targets/${id(target)}/install`, { json: {} }),
  installedThere: (code, target) => json('GET', `codes/${id(code)}/targets/${id(target)}/install`),
  arrive: (code) => json('GET', `codes/${id(code)}`),

  simulations: (values) => page('simulations', values),
  simulation: async (sim) => withEtag(await send('GET', `simulations/${id(sim)}`)),
  createSimulation: async (what) => withEtag(await send('POST', 'simulations', { json: what })),
  changeSimulation: async (sim, etag, what) =>
    withEtag(await send('PATCH', `simulations/${id(sim)}`, { json: what, headers: etag ? { 'If-Match': etag } : {} })),
  copySimulation: async (sim) => withEtag(await send('POST', `simulations/${id(sim)}/copy`, { json: {} })),
  /** Into the bin, or away for good. */
  deleteSimulation: (sim, forever = false) => json('DELETE', `simulations/${id(sim)}${forever ? '?forever=true' : ''}`, { keepalive: true }),
  /** Its saves, newest first. */
  revisions: (sim, values) => page(`simulations/${id(sim)}/revisions`, values),
  /** What it takes from others, and how that stands for runs of this model. */
  sources: (sim, model) => page(`simulations/${id(sim)}/sources`, { model }),
  /** What a model's run would be given: {command, files: [{name, text, size, truncated}]}. */
  generatedInput: (sim, model) => json('POST', `simulations/${id(sim)}/input`, { json: { model } }),
  restoreSimulation: (sim) => json('POST', `simulations/${id(sim)}/restore`, { keepalive: true }),
  exportSimulation: async (sim) => (await send('GET', `simulations/${id(sim)}/export`)).blob(),
  /** @param {Blob} zip what an export has made */
  importSimulation: (zip) => json('POST', 'simulations/import', { body: zip, headers: { 'Content-Type': 'application/zip' } }),

  /** Starts a run; with `wait` the answer may already be final and carry its first report. */
  startRun: (sim, what, { wait = 0, key, signal: abort }) =>
    json('POST', `simulations/${id(sim)}/runs`, {
      json: what, signal: abort, keepalive: !wait, headers: { 'Idempotency-Key': key, ...(wait ? { Prefer: `wait=${wait}` } : {}) },
    }),
  runs: (values) => page('runs', values),
  run: (run) => json('GET', `runs/${id(run)}`),
  cancelRun: (run) => json('POST', `runs/${id(run)}/cancel`, { json: {}, keepalive: true }),
  /** {name?, note?, pinned?} */
  changeRun: (run, what) => json('PATCH', `runs/${id(run)}`, { json: what }),
  deleteRun: (run) => json('DELETE', `runs/${id(run)}`, { keepalive: true }),
  /** The completed run that has computed what this simulation would: {items: [run] or []}. */
  sameRun: (sim, model) => page(`simulations/${id(sim)}/same`, { model }),
  runInputs: (run) => json('GET', `runs/${id(run)}/inputs`),
  explain: (run) => json('GET', `runs/${id(run)}/explain`),
  report: (run, report, frame, abort) =>
    json('GET', `runs/${id(run)}/reports/${id(report)}` + (frame >= 0 ? `?frame=${frame}` : ''), { signal: abort }),
  runFiles: (run) => json('GET', `runs/${id(run)}/files`),
  logStream: (run, offset, abort) =>
    send('GET', `runs/${id(run)}/log?${query({ offset, follow: 'true' })}`, { signal: abort, headers: { Accept: 'text/plain' } }),
  /** The log of a run as a response: all of it, or its last bytes (206). */
  log: (run, last = 0) => send('GET', `runs/${id(run)}/log`, { headers: { Accept: 'text/plain', ...(last && { Range: `bytes=-${last}` }) } }),
  events: (after, abort) =>
    send('GET', 'events', { signal: abort, headers: { Accept: 'text/event-stream', ...(after ? { 'Last-Event-ID': after } : {}) } }),

  exportAddress: (sim) => `${BASE}/simulations/${id(sim)}/export`,
  logAddress: (run) => `${BASE}/runs/${id(run)}/log`,
  fileAddress: (run, name) => `${BASE}/runs/${id(run)}/files/${path(name)}`,
  bundleAddress: (run) => `${BASE}/runs/${id(run)}/bundle`,
};

/** Uploads a file to the user's library; `onProgress` is told the fraction. Answers {name, sha256, size}. */
export function upload(file, onProgress) {
  // fetch tells nothing of how much has been sent; XMLHttpRequest does
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', `${BASE}/files/${id(file.name)}`);
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    if (session.value?.csrf) request.setRequestHeader('X-CSRF-Token', session.value.csrf);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onerror = () => reject(new ApiError(0, 'network', t('error.network')));
    request.onload = () => {
      const said = request.response ?? {};
      if (request.status < 300) resolve(said);
      else reject(new ApiError(request.status, said.code ?? 'unknown', said.detail || t('error.unknown', { status: request.status }), said));
    };
    request.send(file);
  });
}
