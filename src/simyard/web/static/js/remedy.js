/** What can be done about a run that went wrong: pure; the page's buttons come from it. */

/**
 * @typedef {{ kind: 'memory' | 'time' | 'input' | 'files' | 'again' | 'free', amount?: number, input?: string, file?: string }} Remedy
 * `memory`, `time`: again with that many bytes or seconds; `input`: look at that input; `files`: add that file; `free`: make room, then again.
 */

const MISSING = [
  /no such file(?: or directory)?[:\s]+['"“]?([^'"”\s:,;]+)/i,
  /(?:can(?:no|')t|could not|unable to|failed to) (?:open|read|find|load)(?: the)?(?: input)?(?: file)?[:\s]+['"“]?([^'"”\s:,;]+)/i,
  /file(?: named| called)? ['"“]?([^'"”\s:,;]+)['"”]? (?:does not exist|(?:was |is )?not found|is missing|could not be opened|cannot be opened)/i,
  /has no file called ['"“]?([^'"”\s:,;]+)/i,
];

/** The name of the file that somebody misses, by the code's own words; "" for none. */
export function missingFile(/** @type {string} */ words) {
  for (const pattern of MISSING) {
    const found = pattern.exec(words);
    if (found) return (found[1].replace(/[.)\]]+$/, '').split('/').pop() ?? '').slice(0, 200);
  }
  return '';
}

/**
 * The input that the words are about: one whose title, or else name, stands in them; "" for none.
 * @param {string} words
 * @param {{ name: string, title: string }[]} inputs
 */
export function inputIn(words, inputs) {
  const said = ` ${words.toLowerCase()} `;
  const has = (/** @type {string} */ text) => new RegExp(`[^\\p{L}\\p{N}_]${text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^\\p{L}\\p{N}_]`, 'u').test(said);
  // the longest: “Cell length” rather than “Cell”
  const found = inputs.filter((one) => (one.title.length > 2 && has(one.title)) || (one.name.length > 2 && has(one.name)));
  return found.sort((a, b) => b.title.length - a.title.length)[0]?.name ?? '';
}

/**
 * What is known to help, the best first; empty where nobody can say.
 * @param {any} run
 * @param {{ inputs?: { name: string, title: string, type?: string }[] } | undefined} code
 * @param {{ memory?: number, partitions?: { name: string, default: boolean, memory: number | null, time_limit: number | null }[] } | undefined} target
 * @returns {Remedy[]}
 */
export function remedies(run, code, target) {
  const words = run.reason ?? '', found = /** @type {Remedy[]} */ ([]);
  const { memory = 0, time_limit = 0, batch } = run.resources ?? {};
  // of a cluster, its partition says how much there can be
  const there = batch && target?.partitions?.find((one) => (batch.partition ? one.name === batch.partition : one.default));
  // a kill that nobody has asked for is most often the machine's, for want of memory
  const killed = run.cause === 'signal' && (run.usage?.signal === 'SIGKILL' || (!run.usage?.signal && /\bmemory\b/.test(words)));
  if ((run.cause === 'memory' || killed) && memory > 0) {
    const most = target?.memory || there?.memory || 0;
    const more = most ? Math.min(memory * 2, most) : memory * 2;
    if (more > memory) found.push({ kind: 'memory', amount: more });
  }
  if (run.cause === 'time-limit') {
    const limit = time_limit || Number(/limit of ([\d.]+) s/.exec(words)?.[1] ?? 0) || run.usage?.wall || 0;
    const amount = Math.min(2 * Math.ceil(limit), there?.time_limit ?? Infinity);
    if (limit > 0 && amount > limit) found.push({ kind: 'time', amount });
  }
  if (run.cause === 'disk') found.push({ kind: 'free' });
  if (run.cause === 'lost' || run.cause === 'start' || run.cause === 'disk' || run.state === 'lost') return [...found, { kind: 'again' }];
  const file = ['input', 'exception', 'exit', 'start', ''].includes(run.cause ?? '') ? missingFile(words) : '';
  if (file) found.push({ kind: 'files', file });
  else if (['input', 'exception', ''].includes(run.cause ?? '')) {
    const input = inputIn(words, code?.inputs ?? []);
    if (input) found.push({ kind: 'input', input });
  }
  return [...found, { kind: 'again' }];
}
