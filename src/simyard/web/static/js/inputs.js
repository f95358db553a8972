/** One input: what was typed as a value, and the check of a value by its type; the page's side of codes/inputs.py, rule by rule. */
import { isNumber } from './expression.js';
import { number } from './format.js';
import { isSource } from './source.js';
import { t } from './texts.js';

const MAX_STRING = 1000;
const MAX_TEXT = 256 * 1024;
const MAX_EXPRESSION = 200;
const HUGE = 1e300;
const NOT_A_LINE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const NOT_TEXT = /[\0\p{Cs}]/u;

export const NUMERIC = new Set(['number', 'integer']);

/** What is wrong with a value: `rule` under the name that the server has for it, `words` for people.
 * @typedef {{rule: string, words: string, cells?: Record<string, string>}} Wrong */

/** @returns {Wrong} */
export const wrong = (rule, parameters = {}, key = `field.${rule}`) => ({ rule, words: t(key, parameters) });

/** What people type as a number: a comma for the point, a real minus sign. NaN where it is none. */
export function parseNumber(text) {
  const plain = String(text).trim().replace(/−/g, '-').replace(/^([-+]?\d*),(\d+)(e|$)/i, '$1.$2$3');
  return isNumber(plain) ? Number(plain) : NaN;
}

/** The value that stands for what is in a field: a number for the text of one; the rest as it is, right or wrong. */
export function parse(input, raw) {
  if (NUMERIC.has(input.type) && typeof raw === 'string') {
    const value = parseNumber(raw);
    return Number.isNaN(value) ? raw.replaceAll('−', '-') : value;
  }
  if (input.type === 'table' && Array.isArray(raw)) return raw.map((row) => parseRow(input, row));
  return raw;
}

function parseRow(input, row) {
  if (!isRow(row)) return row;
  const parsed = { ...row };
  for (const column of input.columns) if (Object.hasOwn(parsed, column.name)) parsed[column.name] = parse(column, parsed[column.name]);
  return parsed;
}

const limit = (input, value) => number(value) + (input.unit ? ` ${input.unit}` : '');
const long = (text, most) => text.length > most && [...text].length > most;

function range(input, value) {
  if (input.minimum != null && value < input.minimum) return wrong('below', { limit: limit(input, input.minimum) });
  if (input.maximum != null && value > input.maximum) return wrong('above', { limit: limit(input, input.maximum) });
  return null;
}

/** By type: the rule that a value breaks, or null. */
const CHECKS = {
  number(input, value) {
    if (typeof value !== 'number') return noNumber(value, 'number');
    return Math.abs(value) < HUGE ? range(input, value) : wrong('finite');
  },
  integer(input, value) {
    if (typeof value !== 'number') return noNumber(value, 'integer');
    if (!Number.isInteger(value)) return wrong('integer');
    return Number.isSafeInteger(value) ? range(input, value) : wrong('large');
  },
  boolean: (input, value) => (typeof value === 'boolean' ? null : wrong('boolean')),
  string(input, value) {
    const found = CHECKS.text(input, value);
    if (found) return found;
    return long(value, MAX_STRING) || NOT_A_LINE.test(value) ? wrong('oneline', { limit: MAX_STRING }) : null;
  },
  text(input, value) {
    if (typeof value !== 'string') return wrong('text');
    if (long(value, MAX_TEXT)) return wrong('long', { count: [...value].length, limit: MAX_TEXT });
    return NOT_TEXT.test(value) ? wrong('characters') : null;
  },
  choice: (input, value) => (input.choices.includes(value) ? null : wrong('choice', { value: String(value).slice(0, 40) })),
  file(input, value, files) {
    if (isSource(value)) return null;
    if (typeof value !== 'string') return wrong('filename');
    return value && !Object.hasOwn(files, value) ? wrong('nofile', { name: value }) : null;
  },
  table,
};

function noNumber(value, rule) {
  if (typeof value === 'string' && value.trim() === '') return wrong(rule, {}, 'field.required');
  return wrong(rule, { text: String(value).slice(0, 40) }, 'field.number');
}

const isRow = (row) => typeof row === 'object' && row !== null && !Array.isArray(row);

function table(input, value) {
  if (!Array.isArray(value) || !value.every(isRow)) return wrong('rows');
  if (value.length > input.max_rows) return wrong('manyrows', { count: value.length, limit: input.max_rows });
  const names = new Set(input.columns.map((column) => column.name)), cells = {};
  /** @type {Wrong | null} */
  let first = null;
  for (const [at, row] of value.entries()) {
    const strange = Object.keys(row).find((name) => !names.has(name));
    if (strange !== undefined) first ??= wrong('column', { row: at + 1, name: strange });
    for (const column of input.columns) {
      const found = checkValue(column, Object.hasOwn(row, column.name) ? row[column.name] : column.default, {});
      if (!found) continue;
      cells[`${at}.${column.name}`] = found.words;
      first ??= { rule: `cell.${found.rule}`, words: t('field.cell', { row: at + 1, column: column.title, words: found.words }) };
    }
  }
  if (first) return { ...first, cells };
  return value.length < input.min_rows ? wrong('fewrows', { count: value.length, limit: input.min_rows }) : null;
}

/** What is wrong with a value by itself, or null; the text of an expression is only looked at as text. `files`: by name.
 * @returns {Wrong | null} */
export function checkValue(input, value, files) {
  if (input.expression && typeof value === 'string') {
    if (isNumber(value)) return CHECKS[input.type](input, Number(value), files);
    return long(value.replace(/^[ \t]+|[ \t]+$/g, ''), MAX_EXPRESSION) ? wrong('expression.syntax', { limit: MAX_EXPRESSION }, 'expression.long') : null;
  }
  return CHECKS[input.type](input, value, files);
}

/** What is kept of a value that is right. */
export function tidy(input, value) {
  if (input.expression && typeof value === 'string') return isNumber(value) ? Number(value) : value.replace(/^[ \t]+|[ \t]+$/g, '');
  if (input.type !== 'table') return value;
  return value.map((row) => Object.fromEntries(input.columns.map(({ name, default: base }) => [name, Object.hasOwn(row, name) ? row[name] : base])));
}

/** The text of a value as it stands in its field. */
export function shown(value, input) {
  if (typeof value !== 'number') return value;
  return input?.format === 'scientific' && value !== 0 ? value.toExponential().replace('e+', 'e') : String(value);
}

/** Whether two values of an input are the same. */
export const same = (a, b) => a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));

/** How people read a choice. */
export const labelOf = (input, choice) => input.labels?.[choice] ?? choice;

/** The file input that a file of this name belongs to, by its suffix; undefined where there is none. */
export const inputFor = (code, name) =>
  code.inputs.find((input) => input.type === 'file' && input.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)));
