/** The verdict on all inputs together: which are shown, what expressions come to, what is wrong with each; the page's side of
 * codes/verdict.py. tests/unit/codes/test_vectors.py holds the two to the same answers. */
import { BadExpression, evaluate, names } from './expression.js';
import { NUMERIC, checkValue, parse, tidy, wrong } from './inputs.js';

/** Types of inputs of which it only counts whether there is something. */
const GIVEN = new Set(['file', 'string', 'text']);

/** What the default comes to. */
const base = (input) => input.default_value ?? input.default;

/** One input's part of the verdict. `value` is what is kept (an expression as text), `number` what an expression comes to;
 * `error` is "" where it is right; of a hidden input nothing is wrong.
 * @typedef {{hidden: boolean, value: any, number?: number, error: string, rule: string, cells?: Record<string, string>}} Judged */

/** @param {object} code the declaration @param {object} fields what stands in the fields @param {object} files by name
 * @returns {Record<string, Judged>} */
export function judge(code, fields, files) {
  return new Verdict(code.inputs, fields, files).all();
}

class Verdict {
  own = {};
  wrong = {};
  numbers = {};
  #hidden = {};

  constructor(inputs, fields, files) {
    this.inputs = inputs;
    this.byName = Object.fromEntries(inputs.map((input) => [input.name, input]));
    for (const input of inputs) {
      const value = parse(input, Object.hasOwn(fields, input.name) ? fields[input.name] : input.default);
      const found = checkValue(input, value, files);
      if (found) this.wrong[input.name] = found;
      else this.own[input.name] = tidy(input, value);
    }
    this.#compute();
  }

  all() {
    return Object.fromEntries(this.inputs.map(({ name }) => {
      const hidden = this.hidden(name), found = hidden ? null : this.wrong[name];
      return [name, { hidden, value: this.own[name], number: this.numbers[name], error: found?.words ?? '', rule: found?.rule ?? '', cells: found?.cells }];
    }));
  }

  hidden(name) {
    this.#hidden[name] ??= !Object.entries(this.byName[name].when ?? {}).every(([other, values]) => this.#holds(other, values));
    return this.#hidden[name];
  }

  #holds(other, values) {
    if (this.hidden(other)) return false;
    const input = this.byName[other], value = Object.hasOwn(this.own, other) ? this.own[other] : input.default;
    return values.includes(GIVEN.has(input.type) ? Boolean(value) : value);
  }

  #compute() {
    const waiting = new Map();
    for (const { name, expression } of this.inputs) {
      if (expression && typeof this.own[name] === 'string' && !this.hidden(name)) waiting.set(name, names(this.own[name]));
    }
    for (;;) {
      const ready = [...waiting].filter(([, others]) => ![...others].some((other) => waiting.has(other)));
      if (!ready.length) break;
      for (const [name] of ready) {
        waiting.delete(name);
        this.#evaluate(this.byName[name]);
      }
    }
    for (const name of waiting.keys()) this.wrong[name] = wrong('expression.cycle', {}, 'expression.cycle');
  }

  #evaluate(input) {
    try {
      const value = evaluate(this.own[input.name], (name) => this.#named(name));
      const found = checkValue(input, value, {});
      if (found) this.wrong[input.name] = found;
      this.numbers[input.name] = value;
    } catch (error) {
      if (!(error instanceof BadExpression)) throw error;
      this.wrong[input.name] = { rule: `expression.${error.rule}`, words: error.message };
    }
  }

  /** The number that an expression means by a name; undefined where no input can be meant. */
  #named(name) {
    const input = Object.hasOwn(this.byName, name) ? this.byName[name] : null;
    if (!input || !NUMERIC.has(input.type)) return undefined;
    if (this.hidden(name)) return base(input);
    if (this.wrong[name]) throw new BadExpression('depends', wrong('expression.depends', { name }, 'expression.depends').words);
    return this.numbers[name] ?? this.own[name];
  }
}
