/** What a run asks of a cluster, as a user writes it, and what is wrong with it: the rules of protocol/batch.py, each at its field.
 * tests/unit/web/test_page_batch.py holds the two to the same answers. */
import { size } from './format.js';
import { parseSize, parseTime, timeText } from './resources.js';
import { t } from './texts.js';

/** A name of Slurm's: nothing that could end a line or begin an option. */
const NAME = /^[A-Za-z0-9_[(][A-Za-z0-9_.,:+=&|*[\]()@/-]{0,199}$/;
/** Options that carry a run's identity or place, which nobody else may set. */
const OURS = new Set(['--comment', '--job-name', '--output', '--error', '--chdir', '--wrap', '--array', '--parsable', '-J', '-o', '-e', '-D', '-a']);
const OURS_SHORT = /^-[JoeDa]\S/;
const MOST_LINES = 50, LONGEST = 500;

/** As it stands in the fields; "" is left to the model or the cluster.
 * @typedef {{ partition: string, account: string, qos: string, constraint: string, nodes: string, tasks: string, cpus_per_task: string, gpus: string, extra: string }} Choices */
/** @typedef {{ name: string, up: boolean, default: boolean, nodes: number, cores: number, time_limit: number | null, max_nodes: number | null, min_nodes: number, memory: number | null }} Partition */

/** @returns {Choices} */
export const NO_CHOICES = () => ({ partition: '', account: '', qos: '', constraint: '', nodes: '', tasks: '', cpus_per_task: '', gpus: '', extra: '' });
export const CHOICES = /** @type {(keyof Choices)[]} */ (Object.keys(NO_CHOICES()));
const NAMES = /** @type {('partition' | 'account' | 'qos' | 'constraint')[]} */ (['partition', 'account', 'qos', 'constraint']);

/** Whether a place to run is a cluster, and is asked in its own terms. @param {any} target */
export const isCluster = (target) => target?.kind === 'sbatch';

/** Whether a run of the model follows the inputs: a quick one does, once it is known where it goes, and not where each run is a job in a queue.
 * @param {any} model @param {any} target */
export const runsByItself = (model, target) => model.kind === 'quick' && Boolean(target) && !isCluster(target);

/**
 * How many nodes, tasks and cores a run has where they are not said: a parallel model has its cores as tasks, another one task on each
 * node, which has the cores.
 * @param {{ nodes?: number, tasks?: number, cpus_per_task?: number }} said
 * @param {{ cores?: number, parallel?: boolean }} model
 */
export function shape({ nodes = 1, tasks, cpus_per_task }, model) {
  const cores = model.cores ?? 1;
  const all = tasks ?? (model.parallel ? Math.max(nodes, Math.floor(cores / (cpus_per_task ?? 1))) : nodes);
  const each = cpus_per_task ?? (model.parallel ? 1 : Math.max(1, Math.ceil(cores / all)));
  return { nodes, tasks: all, cpus_per_task: each, cores: all * each };
}

/** The further options of sbatch, one each. @param {string} text */
const linesOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** The partition that is meant; undefined where there is none. @param {string} name @param {Partition[]} known */
export const partitionOf = (name, known) => (name ? known.find((one) => one.name === name) : known.find((one) => one.default));

/**
 * What is wanted, and what is wrong with it, in words, by field.
 * @param {Choices & { memory: string, time_limit: string }} raw
 * @param {{ name: string, partitions?: Partition[] } | undefined} target
 * @param {{ cores?: number, memory?: number, time_limit?: number, parallel?: boolean }} model
 */
export function checkBatch(raw, target, model) {
  const errors = /** @type {Record<string, string>} */ ({}), wanted = /** @type {Record<string, any>} */ ({});
  const batch = /** @type {Record<string, any>} */ ({});
  for (const name of NAMES) {
    const said = raw[name].trim();
    if (said && !NAME.test(said)) errors[name] = t('cluster.name.bad');
    else if (said) batch[name] = said;
  }
  for (const [name, least] of /** @type {['nodes' | 'tasks' | 'cpus_per_task' | 'gpus', number][]} */ ([['nodes', 1], ['tasks', 1], ['cpus_per_task', 1], ['gpus', 0]])) {
    const said = raw[name].trim(), count = Number(said);
    if (said && (!/^\d+$/.test(said) || count < least)) errors[name] = t(least ? 'cluster.whole' : 'cluster.whole.none');
    else if (said) batch[name] = count;
  }
  const wrong = extraWrong(linesOf(raw.extra));
  if (wrong) errors.extra = wrong;
  else if (raw.extra.trim()) batch.extra = linesOf(raw.extra);
  if (raw.memory.trim()) {
    wanted.memory = parseSize(raw.memory);
    if (!(wanted.memory > 0)) errors.memory = t('where.memory.bad');
    else if (wanted.memory < 1 << 20) errors.memory = t('where.memory.little');
  }
  if (raw.time_limit.trim()) {
    wanted.time_limit = parseTime(raw.time_limit);
    if (!(wanted.time_limit >= 1)) errors.time_limit = t('where.time.bad');
  }
  const has = shape(batch, model);
  if (!errors.tasks && !errors.nodes && has.tasks < has.nodes) errors.tasks = t('cluster.tasks.few', { count: has.nodes });
  // of time, what the model declares is cut to what the partition gives: only what somebody asks for can be too much
  const asked = { ...has, memory: wanted.memory ?? model.memory ?? 0, time_limit: wanted.time_limit ?? 0 };
  Object.assign(errors, { ...partitionWrong(batch.partition ?? '', asked, target?.partitions ?? [], errors), ...errors });
  if (Object.keys(batch).length) wanted.batch = batch;
  return { wanted, errors, shape: has };
}

/** What a partition does not take. */
function partitionWrong(name, asked, known, already) {
  if (!known.length || already.partition) return {};
  const there = partitionOf(name, known), names = known.map((one) => one.name).sort().join(', ');
  if (!there) return { partition: name ? t('cluster.partition.unknown', { name, names }) : t('cluster.partition.nodefault', { names }) };
  const errors = /** @type {Record<string, string>} */ ({}), said = { name: there.name };
  if (!there.up) errors.partition = t('cluster.partition.isdown', said);
  const most = Math.min(there.nodes, there.max_nodes ?? there.nodes);
  if (asked.nodes > most) errors.nodes = t('cluster.nodes.many', { ...said, count: most });
  else if (asked.nodes < there.min_nodes) errors.nodes = t('cluster.nodes.few', { ...said, count: there.min_nodes });
  if (asked.cores > there.cores) errors.tasks = t('cluster.cores.many', { ...said, wanted: asked.cores, count: there.cores });
  if (there.memory !== null && asked.memory > there.memory) errors.memory = t('cluster.memory.many', { ...said, size: size(there.memory) });
  if (there.time_limit !== null && asked.time_limit > there.time_limit) errors.time_limit = t('cluster.time.many', { ...said, time: timeText(there.time_limit) });
  return errors;
}

/** @param {string[]} lines */
function extraWrong(lines) {
  if (lines.length > MOST_LINES) return t('cluster.extra.many', { count: MOST_LINES });
  for (const line of lines) {
    const brief = line.slice(0, 100);
    if (!line.startsWith('-') || line.length > LONGEST || /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(line)) return t('cluster.extra.bad', { line: brief });
    if (OURS.has(line.split(/[=\s]/, 1)[0]) || OURS_SHORT.test(line)) return t('cluster.extra.ours', { line: brief });
  }
  return '';
}

/**
 * What a partition takes, in one line: “2 nodes, 64 cores, 240 GiB a node, up to 1 d”.
 * @param {Partition} one
 */
export function limitsOf(one) {
  const most = one.max_nodes !== null && one.max_nodes < one.nodes && t('cluster.partition.most', { count: one.max_nodes });
  return [
    t('cluster.partition.nodes', { count: one.nodes }), most, t('cluster.partition.cores', { count: one.cores }),
    one.memory !== null && t('cluster.partition.memory', { size: size(one.memory) }),
    one.time_limit === null ? t('cluster.partition.notime') : t('cluster.partition.time', { time: timeText(one.time_limit) }),
  ].filter(Boolean).join(', ');
}

/**
 * The fields as an earlier run had them; what is usual stays empty.
 * @param {any} run
 * @param {{ cores?: number, parallel?: boolean }} model
 * @returns {Choices}
 */
export function choicesOf(run, model) {
  const batch = run?.resources?.batch;
  if (!batch) return NO_CHOICES();
  const number = (/** @type {number} */ count, /** @type {number} */ instead) => (count !== instead ? String(count) : '');
  const { nodes, tasks, cpus_per_task } = batch, usual = shape({ nodes }, model);
  // one of the two decides what the other is where it is not said
  const asUsual = tasks === usual.tasks && cpus_per_task === usual.cpus_per_task;
  return {
    partition: batch.partition, account: batch.account, qos: batch.qos, constraint: batch.constraint, nodes: number(nodes, 1),
    tasks: asUsual ? '' : String(tasks), cpus_per_task: asUsual ? '' : String(cpus_per_task), gpus: number(batch.gpus, 0), extra: (batch.extra ?? []).join('\n'),
  };
}
