/**
 * What is on the screen as a command line, as Python and as curl: pure functions of plain values, quoted so that any text stays text.
 * The token is never part of them: the command line and Python find it by themselves, curl is given it from its file.
 */
import { sizeText } from './resources.js';

/** Inputs longer than this stay in the simulation, where they are saved. */
const LONGEST = 400;
const SIMPLE = new Set(['number', 'integer', 'boolean', 'string', 'choice', 'file', 'text']);
const TOKEN = 'TOKEN=$(cat "${SIMYARD_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/simyard}/token")';

/** @typedef {{ cli: string, python: string, curl: string }} Commands */

/**
 * A word of a POSIX shell, whatever it holds.
 * @param {string} text
 */
export const shell = (text) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/**
 * A value as Python writes it.
 * @param {any} value
 * @returns {string}
 */
export function python(value) {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value === 'object') return `{${Object.entries(value).map(([key, one]) => `${python(key)}: ${python(one)}`).join(', ')}}`;
  // a string of JSON is one of Python, and in ASCII it survives every terminal
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).replace(/\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}/g, astral);
}

// Python has no pairs of surrogates
function astral(/** @type {string} */ pair) {
  const point = /** @type {number} */ (JSON.parse(`"${pair}"`).codePointAt(0));
  return `\\U${point.toString(16).padStart(8, '0')}`;
}

/** The inputs that differ from the code's defaults, and can be given as `--set`. */
function settings(inputs, code) {
  const found = /** @type {[string, any][]} */ ([]);
  for (const { name, type, default: usual } of code?.inputs ?? []) {
    const value = inputs?.[name];
    if (value === undefined || value === null || JSON.stringify(value) === JSON.stringify(usual) || !SIMPLE.has(type)) continue;
    // of a text the command line takes @FILE for a file; an expression is no number
    const numeric = type === 'number' || type === 'integer';
    if ((numeric && typeof value !== 'number') || (typeof value === 'string' && (value.length > LONGEST || value.startsWith('@')))) continue;
    found.push([name, value]);
  }
  return found;
}

const lines = (...list) => list.filter(Boolean).join('\n');
const wrapped = (/** @type {string[]} */ words, indent = '    ') => words.join(` \\\n${indent}`);
const query = (values) => { const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString(); return text ? `?${text}` : ''; };
const begin = lines('from simyard.client import Client', '', 'client = Client()');
const curl = (address, ...more) => wrapped(['curl -sS', '-H "Authorization: Bearer $TOKEN"', ...more, shell(address)]);
const named = (values) => Object.entries(values).filter(([, value]) => value).map(([key, value]) => `${key}=${python(value)}`).join(', ');

/** What is chosen of a cluster, as options. */
const chosen = (/** @type {any} */ batch) => [
  ...['partition', 'account', 'qos', 'constraint', 'nodes', 'tasks', 'cpus_per_task', 'gpus'].filter((name) => batch?.[name]).map((name) => `--${name.replaceAll('_', '-')} ${shell(String(batch[name]))}`),
  ...(batch?.extra ?? []).map((/** @type {string} */ line) => `--sbatch=${shell(line)}`),
];

/**
 * Start this run, with these inputs, place and resources.
 * @param {{ origin: string, code: any, model: string, simulation: { id: string, inputs: any }, target: string, resources: any }} what
 * @returns {Commands}
 */
export function start({ origin, code, model, simulation, target, resources }) {
  const set = settings(simulation.inputs, code);
  const { cores, memory, time_limit, batch } = resources ?? {};
  const given = Object.keys(resources ?? {}).length ? resources : null;
  const inputs = Object.fromEntries(set);
  return {
    cli: wrapped([
      `simyard run ${shell(code.name)} --sim ${shell(simulation.id)} --model ${shell(model)}`,
      ...set.map(([name, value]) => `--set ${shell(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)}`),
      `--on ${shell(target)}${cores ? ` --cores ${cores}` : ''}${memory ? ` --memory ${shell(sizeText(memory))}` : ''}${time_limit ? ` --time-limit ${time_limit}` : ''} --wait`,
      ...chosen(batch),
    ]),
    python: lines(
      begin, `simulation = client.simulation(${python(simulation.id)})`,
      set.length ? `inputs = {\n${set.map(([name, value]) => `    ${python(name)}: ${python(value)},`).join('\n')}\n}\nsimulation = client.change_simulation(simulation, inputs=inputs)` : '',
      `run = client.start(simulation["id"], ${named({ model, target })}${given ? `, resources=${python(given)}` : ''}).wait()`,
      'print(run.id, run.state, run.results)',
    ),
    curl: lines(
      TOKEN,
      set.length ? curl(`${origin}/api/v1/simulations/${simulation.id}`, '-X PATCH', '-H "Content-Type: application/json"', `-d ${shell(JSON.stringify({ inputs }))}`, '-o /dev/null') : '',
      curl(`${origin}/api/v1/simulations/${simulation.id}/runs`, '-H "Content-Type: application/json"', '-H "Prefer: wait=60"', `-d ${shell(JSON.stringify({ model, target, ...(given && { resources: given }) }))}`),
    ),
  };
}

/**
 * Follow this run to its end, and take its files away.
 * @param {{ origin: string, id: string }} what
 * @returns {Commands}
 */
export function run({ origin, id }) {
  return {
    cli: lines(`simyard run wait ${id}`, `simyard run logs ${id}`, `simyard run fetch ${id}`),
    python: lines(begin, `run = client.get_run(${python(id)}).wait()`, 'print(run.id, run.state, run.results)', 'run.download(run.id)'),
    curl: lines(TOKEN, curl(`${origin}/api/v1/runs/${id}`, '-H "Prefer: wait=60"'), curl(`${origin}/api/v1/runs/${id}/bundle`, `-o ${id}.zip`)),
  };
}

/**
 * List these runs.
 * @param {{ origin: string, simulation?: string, code?: string, model?: string, state?: string }} what
 * @returns {Commands}
 */
export function runs({ origin, simulation = '', code = '', model = '', state = '' }) {
  const filters = { simulation, code, model, state };
  return {
    cli: ['simyard run list', simulation && `--sim ${shell(simulation)}`, code && `--code ${shell(code)}`, model && `--model ${shell(model)}`, state && `--state ${shell(state)}`, '--limit 100'].filter(Boolean).join(' '),
    python: lines(begin, `for run in client.runs(${named(filters)}):`, '    print(run.id, run.state)'),
    curl: lines(TOKEN, curl(`${origin}/api/v1/runs${query({ ...filters, limit: 100 })}`)),
  };
}

/**
 * List these simulations.
 * @param {{ origin: string, code?: string, folder?: string, tag?: string }} what
 * @returns {Commands}
 */
export function simulations({ origin, code = '', folder = '', tag = '' }) {
  const filters = { code, folder, tag };
  return {
    cli: ['simyard sim list', code && `--code ${shell(code)}`, '--limit 100'].filter(Boolean).join(' '),
    python: lines(begin, `for simulation in client.simulations(${named(filters)}):`, '    print(simulation["id"], simulation["name"])'),
    curl: lines(TOKEN, curl(`${origin}/api/v1/simulations${query({ ...filters, limit: 100 })}`)),
  };
}
