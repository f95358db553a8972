/** The frames that come next, asked for ahead of the one that is shown: a few at a time, a bounded way ahead, and let go when no longer wanted. */
import { figure, has } from './figures.js';

/** Requests at a time, and frames ahead: two thirds of a second at 24 frames a second. */
const AT_ONCE = 3, AHEAD = 16;

export class Film {
  /** @type {Map<number, AbortController>} */
  #flying = new Map();
  /** @type {number[]} */
  #wanted = [];
  #failed = 0;

  /** @param {string} run @param {string} report */
  constructor(run, report) {
    this.run = run;
    this.report = report;
  }

  has(/** @type {number} */ frame) {
    return has(this.run, this.report, frame);
  }

  /**
   * The frames after `frame` will be wanted, every `step`-th of `count`, from the first again where it loops.
   * @param {number} frame @param {number} step @param {number} count @param {boolean} loop
   */
  ahead(frame, step, count, loop, many = AHEAD) {
    const wanted = [];
    for (let next = frame + step; wanted.length < Math.min(many, count - 1); next += step) {
      if (next >= count && !loop) break;
      wanted.push(next % count);
    }
    this.#wanted = wanted;
    for (const [number, cut] of this.#flying) if (!wanted.includes(number) && number !== frame) cut.abort();
    this.#pump();
  }

  /** Nothing is wanted ahead any more. */
  stop() {
    this.#wanted = [];
    this.#failed = 0;
    for (const cut of this.#flying.values()) cut.abort();
  }

  #pump() {
    for (const number of this.#wanted) {
      if (this.#flying.size >= AT_ONCE || this.#failed > AT_ONCE) return;
      if (!this.#flying.has(number) && !this.has(number)) this.#ask(number);
    }
  }

  async #ask(/** @type {number} */ number) {
    const cut = new AbortController();
    this.#flying.set(number, cut);
    try {
      await figure(this.run, this.report, number, { keep: true, abort: cut.signal });
      this.#failed = 0;
    } catch {
      // it is asked for again when it is shown, and complains then
      if (!cut.signal.aborted) this.#failed += 1;
    } finally {
      this.#flying.delete(number);
      this.#pump();
    }
  }
}
