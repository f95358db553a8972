/** Arithmetic in place of a number (`2*pi/24`, `360/cells`): the page's side of codes/expression.py, the same step by step. */
import { t } from './texts.js';

const MAX_LENGTH = 200;
const MAX_DEPTH = 40;
const DIGITS = 15;

const NUMBER = /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$/i;
const TOKEN = /[ \t]*(?:([0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|[-+*/^(),]))/y;

const CONSTANTS = { pi: Math.PI, e: Math.E };
/** How often each takes its argument (fewest, most), and what it does. */
const FUNCTIONS = {
  sqrt: [1, 1, Math.sqrt], exp: [1, 1, Math.exp], log: [1, 1, Math.log], log10: [1, 1, Math.log10], sin: [1, 1, Math.sin], cos: [1, 1, Math.cos],
  tan: [1, 1, Math.tan], asin: [1, 1, Math.asin], acos: [1, 1, Math.acos], atan: [1, 1, Math.atan], abs: [1, 1, Math.abs],
  floor: [1, 1, Math.floor], ceil: [1, 1, Math.ceil], round: [1, 1, (x) => Math.floor(x + 0.5)], min: [1, 10, Math.min], max: [1, 10, Math.max],
};

/** What is wrong with an expression; `rule` names it as the server does, the message is for the user. */
export class BadExpression extends Error {
  /** @param {string} rule @param {string} text */
  constructor(rule, text) {
    super(text);
    this.rule = rule;
  }
}

const trim = (text) => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** Whether it is only a number, and no expression. @param {string} text */
export const isNumber = (text) => NUMBER.test(trim(text));

/** What it names beside functions; nothing where it cannot be read. @param {string} text @returns {Set<string>} */
export function names(text) {
  try {
    return new Set(tokens(text).filter((token) => /^[A-Za-z_]/.test(token) && !Object.hasOwn(FUNCTIONS, token)));
  } catch {
    return new Set();
  }
}

/** The number, to 15 digits. `valueOf(name)` answers undefined for what it does not know, and may throw. Throws BadExpression.
 * @param {string} text @param {(name: string) => number | undefined} valueOf @returns {number} */
export function evaluate(text, valueOf) {
  return Number(new Reader(text, valueOf).all().toPrecision(DIGITS));
}

class Reader {
  #at = 0;
  #depth = 0;

  constructor(text, valueOf) {
    this.tokens = tokens(text);
    this.valueOf = valueOf;
  }

  all() {
    const value = this.#sum();
    if (this.#at < this.tokens.length) throw unexpected(this.tokens[this.#at]);
    return value;
  }

  get #next() {
    return this.tokens[this.#at] ?? '';
  }

  #take() {
    const token = this.#next;
    this.#at += 1;
    return token;
  }

  #sum() {
    let value = this.#product();
    while (this.#next === '+' || this.#next === '-') {
      const plus = this.#take() === '+', right = this.#product();
      value = finite(plus ? value + right : value - right);
    }
    return value;
  }

  #product() {
    let value = this.#signed();
    while (this.#next === '*' || this.#next === '/') {
      const times = this.#take() === '*', right = this.#signed();
      value = finite(times ? value * right : value / right);
    }
    return value;
  }

  #signed() {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new BadExpression('syntax', t('expression.deep'));
    let value;
    if (this.#next === '+' || this.#next === '-') {
      const minus = this.#take() === '-';
      value = this.#signed();
      if (minus) value = -value;
    } else value = this.#power();
    this.#depth -= 1;
    return value;
  }

  #power() {
    const base = this.#atom();
    if (this.#next !== '^' && this.#next !== '**') return base;
    this.#take();
    return finite(base ** this.#signed());
  }

  #atom() {
    const token = this.#take();
    if (token === '(') {
      const value = this.#sum();
      this.#close();
      return value;
    }
    if (/^[0-9.]/.test(token)) return finite(Number(token));
    if (!/^[A-Za-z_]/.test(token)) throw unexpected(token);
    return this.#next === '(' ? this.#call(token) : this.#named(token);
  }

  #named(name) {
    if (Object.hasOwn(FUNCTIONS, name)) throw new BadExpression('syntax', t('expression.argument', { name }));
    const value = this.valueOf(name);
    if (value !== undefined) return value;
    if (Object.hasOwn(CONSTANTS, name)) return CONSTANTS[name];
    throw new BadExpression('name', t('expression.name', { name }));
  }

  #call(name) {
    if (!Object.hasOwn(FUNCTIONS, name)) throw new BadExpression('function', t('expression.function', { name, names: Object.keys(FUNCTIONS).join(', ') }));
    this.#take();
    const given = [this.#sum()];
    while (this.#next === ',') {
      this.#take();
      given.push(this.#sum());
    }
    this.#close();
    const [fewest, most, compute] = FUNCTIONS[name];
    if (given.length < fewest || given.length > most) {
      throw new BadExpression('arguments', t(most === 1 ? 'expression.one' : 'expression.many', { name, fewest, most, count: given.length }));
    }
    return finite(compute(...given));
  }

  #close() {
    if (this.#take() !== ')') throw new BadExpression('syntax', t('expression.bracket'));
  }
}

function tokens(text) {
  const found = [], plain = trim(text);
  if ([...plain].length > MAX_LENGTH) throw new BadExpression('syntax', t('expression.long', { limit: MAX_LENGTH }));
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < plain.length) {
    const at = TOKEN.lastIndex, match = TOKEN.exec(plain);
    if (!match) throw new BadExpression('syntax', t('expression.character', { character: [...plain.slice(at).replace(/^[ \t]+/, '')][0] }));
    found.push(match[1] ?? match[2] ?? match[3]);
  }
  if (!found.length) throw new BadExpression('syntax', t('expression.empty'));
  return found;
}

const unexpected = (token) => new BadExpression('syntax', token ? t('expression.unexpected', { token }) : t('expression.end'));

function finite(value) {
  if (!Number.isFinite(value)) throw new BadExpression('infinite', t('expression.infinite'));
  return value;
}
