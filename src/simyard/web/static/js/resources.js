/** What a run may use, as a user writes it: cores, memory, time; checked in words before anybody is asked. */
import { size } from './format.js';
import { t } from './texts.js';

const KI = 1024;
const UNITS = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, k: KI, m: KI ** 2, g: KI ** 3, t: KI ** 4, kib: KI, mib: KI ** 2, gib: KI ** 3, tib: KI ** 4 };
const TIMES = { s: 1, sec: 1, second: 1, seconds: 1, m: 60, min: 60, minute: 60, minutes: 60, h: 3600, hour: 3600, hours: 3600, d: 86400, day: 86400, days: 86400 };

/** @typedef {{ cores: string, memory: string, time_limit: string }} Raw  As it stands in the fields; "" is what the model declares. */
/** @typedef {{ cores?: number, memory?: number, time_limit?: number }} Resources */

/** @returns {Raw} */
export const NONE = () => ({ cores: '', memory: '', time_limit: '' });

/**
 * Bytes of “2 GiB”, “512 MB”, “1.5g”; NaN where it is not a size. A number alone is GiB up to 64, else MiB: nobody means bytes.
 * @param {string} text
 */
export function parseSize(text) {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match && UNITS[match[2].toLowerCase()];
  if (!match || !unit) return NaN;
  const amount = Number(match[1].replace(',', '.'));
  if (!match[2]) return Math.round(amount * (amount <= 64 ? KI ** 3 : KI ** 2));
  return Math.round(amount * unit);
}

/**
 * Seconds of “90 s”, “1 h 30 min”, “1:30:00”; a number alone is minutes. NaN where it is not a time.
 * @param {string} text
 */
export function parseTime(text) {
  const said = text.trim().toLowerCase().replaceAll(',', '.');
  if (/^\d+:\d{1,2}(:\d{1,2})?$/.test(said)) return said.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * (said.split(':').length === 2 ? 60 : 1);
  if (/^\d+(\.\d+)?$/.test(said)) return Number(said) * 60;
  const parts = [...said.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/g)];
  if (!parts.length || parts.map(([whole]) => whole).join('') !== said) return NaN;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (TIMES[unit] ?? NaN), 0);
}

/**
 * 5400 → “1 h 30 min”: as `parseTime` reads it.
 * @param {number} s
 */
export function timeText(s) {
  const parts = [[Math.floor(s / 86400), 'd'], [Math.floor((s % 86400) / 3600), 'h'], [Math.floor((s % 3600) / 60), 'min'], [Math.round(s % 60), 's']];
  return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}`).join(' ') || '0 s';
}

/**
 * What is wanted, and what is wrong with it, in words.
 * @param {Raw} raw
 * @param {{ name: string, cores?: number, memory?: number } | undefined} target
 * @returns {{ wanted: Resources, errors: Partial<Record<keyof Raw, string>> }}
 */
export function checkResources(raw, target) {
  const wanted = /** @type {Resources} */ ({}), errors = /** @type {Partial<Record<keyof Raw, string>>} */ ({});
  const where = target?.name ?? '';
  if (raw.cores.trim()) {
    const cores = Number(raw.cores);
    if (!Number.isInteger(cores) || cores < 1) errors.cores = t('where.cores.bad');
    else if (target?.cores && cores > target.cores) errors.cores = t('where.cores.many', { where, count: target.cores });
    else wanted.cores = cores;
  }
  if (raw.memory.trim()) {
    const memory = parseSize(raw.memory);
    if (!(memory > 0)) errors.memory = t('where.memory.bad');
    else if (memory < KI ** 2) errors.memory = t('where.memory.little');
    else if (target?.memory && memory > target.memory) errors.memory = t('where.memory.much', { where, size: size(target.memory) });
    else wanted.memory = memory;
  }
  if (raw.time_limit.trim()) {
    const limit = parseTime(raw.time_limit);
    if (!(limit >= 1)) errors.time_limit = t('where.time.bad');
    else wanted.time_limit = limit;
  }
  return { wanted, errors };
}

/**
 * Bytes as `parseSize` reads them back exactly: “2 GiB”, “300 MiB”.
 * @param {number} bytes
 */
export function sizeText(bytes) {
  for (const [unit, name] of /** @type {[number, string][]} */ ([[KI ** 3, 'GiB'], [KI ** 2, 'MiB'], [KI, 'KiB']])) {
    if (bytes >= unit && Number.isInteger(bytes / unit * 2)) return `${bytes / unit} ${name}`;
  }
  return `${bytes} B`;
}

/**
 * The fields as an earlier run had them; what the model declares anyway stays empty.
 * @returns {Raw}
 */
export function asBefore(run, model) {
  const had = run?.resources ?? {};
  return {
    // those of a cluster are its tasks times their cores
    cores: had.cores && !had.batch && had.cores !== model.cores ? String(had.cores) : '',
    memory: had.memory && had.memory !== model.memory ? sizeText(had.memory) : '',
    time_limit: had.time_limit && had.time_limit !== model.time_limit ? timeText(had.time_limit) : '',
  };
}
