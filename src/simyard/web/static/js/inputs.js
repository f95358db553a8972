/** The page's side of the check of inputs: the same rules as the server's, so that errors show as one types. */
import { number } from './format.js';
import { t } from './texts.js';

const MAX_STRING = 1000;
const MAX_TEXT = 256 * 1024;

const limit = (input, value) => number(value) + (input.unit ? ` ${input.unit}` : '');

function range(input, value) {
  if (input.minimum != null && value < input.minimum) return t('field.below', { limit: limit(input, input.minimum) });
  if (input.maximum != null && value > input.maximum) return t('field.above', { limit: limit(input, input.maximum) });
  return '';
}

/** What people type as a number: a comma for the point, a real minus sign. */
export function parseNumber(text) {
  const plain = String(text).trim().replace('−', '-').replace(/^([-+]?\d*),(\d+)(e|$)/i, '$1.$2$3');
  return plain && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

const CHECKS = {
  number(input, raw) {
    if (String(raw).trim() === '') return { error: t('field.required') };
    const value = typeof raw === 'number' ? raw : parseNumber(raw);
    if (!Number.isFinite(value)) return { error: t('field.number', { text: String(raw).slice(0, 40) }) };
    return { value, error: range(input, value) };
  },
  integer(input, raw) {
    const { value, error } = CHECKS.number(input, raw);
    if (error) return { value, error };
    return Number.isSafeInteger(value) ? { value, error: '' } : { error: t('field.integer') };
  },
  boolean: (input, raw) => ({ value: Boolean(raw), error: '' }),
  string(input, raw) {
    const bad = raw.length > MAX_STRING || /[\p{Cc}]/u.test(raw);
    return { value: raw, error: bad ? t('field.oneline', { limit: MAX_STRING }) : '' };
  },
  text: (input, raw) => ({ value: raw, error: raw.length > MAX_TEXT ? t('field.long', { count: raw.length, limit: MAX_TEXT }) : '' }),
  choice: (input, raw) => ({ value: raw, error: '' }),
  file: (input, raw, files) => ({ value: raw, error: raw && !(raw in files) ? t('field.nofile') : '' }),
};

/** {value, error} of what the user has put into a field; `files` are the simulation's, by name. */
export function check(input, raw, files) {
  return CHECKS[input.type](input, raw, files);
}

/** The number as it stands in its field. */
export const shown = (value) => (typeof value === 'number' ? String(value) : value);

/** The file input that a file of this name belongs to, by its suffix; undefined where there is none. */
export const inputFor = (code, name) =>
  code.inputs.find((input) => input.type === 'file' && input.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)));
