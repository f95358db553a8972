/** The figure of a report as it is wanted: one question at a time, always for the newest wish, and the last answer stays. */
import { ApiError } from './api.js';
import { figure, have } from './figures.js';
import { batch, signal } from './lib.js';

const key = (wish) => `${wish.run}/${wish.report}/${wish.frame}/${wish.tick}`;

export class Feed {
  /** {run, frame, figure}: the newest answer, of whichever run. */
  shown = signal(null);
  error = signal(null);
  /** @type {any} */
  #wish = null;
  #answered = '';
  #busy = false;
  /** Nobody answered the last time. */
  #missed = false;
  #abort = new AbortController();

  /** `wish`: {run, report, frame, tick, final, live}, or null for nothing. `tick` changes when the same may look different. */
  want(wish) {
    // an answer about another run must not come any more; one about another frame is shown on the way, so that
    // frames which are written faster than they are drawn do not starve the picture
    const before = this.#wish;
    if (before && before.run !== wish?.run) {
      this.#abort.abort();
      this.error.value = null;
    }
    // whoever looks for a frame by hand wants that one and no other: what is on its way is not waited for
    else if (before && wish && !wish.live && before.frame !== wish.frame) this.#abort.abort();
    this.#wish = wish;
    this.#pump();
  }

  /** Asks again for what failed. */
  retry() {
    this.error.value = null;
    this.#answered = '';
    this.#pump();
  }

  /** Asks again for what nobody answered: the connection is back. */
  resume() {
    if (this.#missed) this.retry();
  }

  close() {
    this.#wish = null;
    this.#abort.abort();
  }

  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wish && key(this.#wish) !== this.#answered) await this.#answer(this.#wish);
    this.#busy = false;
  }

  async #answer(wish) {
    const abort = (this.#abort = new AbortController()).signal;
    this.#missed = false;
    try {
      const keep = wish.frame >= 0 || wish.final;
      const got = have(wish.run, wish.report, wish.frame) ?? await figure(wish.run, wish.report, wish.frame, { keep, abort });
      if (abort.aborted) return;
      batch(() => { this.shown.value = { run: wish.run, frame: wish.frame, figure: got }; this.error.value = null; });
    } catch (problem) {
      if (abort.aborted) return;
      this.#missed = problem instanceof ApiError && problem.passing;
      // while the run goes on there may be nothing to show yet
      if (wish.final || !(problem instanceof ApiError)) this.error.value = problem;
    }
    this.#answered = key(wish);
  }
}
