/** A login to a place to run, as a conversation: whose turn it is, what was asked, and the next step. Answers are handed on and not kept. */
import { ApiError, api } from './api.js';
import { signal } from './lib.js';
import { loadTargets } from './store.js';

/** Seconds that the server may take until it is somebody's turn. */
const WAIT = 10;
/** Milliseconds before a server that did not answer is asked again. */
const PAUSE = 2000;

/**
 * What the server tells of a login (LoginAnswer of the API).
 * @typedef {{ target: string, state: string, words: string, host: string, prompts: { text: string, echo: boolean }[], fingerprint: string, key_type: string, again: boolean, since: string | null }} Answer
 */

/** The name of the target whose login is on the screen, "" for none. */
export const shown = signal('');

/** Puts the login to that target on the screen, from wherever it is wanted. @param {string} target */
export function openLogin(target) {
  shown.value = target;
}

/** Whether a place to run has a login, and somebody may have to do something about it. @param {any} place */
export const wantsLogin = (place) => ['needs-login', 'asking', 'unknown-host', 'refused', 'lost'].includes(place?.login);

export class Login {
  #ended = false;
  #abort = new AbortController();

  /** @param {string} target */
  constructor(target) {
    this.target = target;
    /** What the server said last; null before that. */
    this.answer = signal(/** @type {Answer | null} */ (null));
    /** A step is on its way, or the host is being waited for. */
    this.busy = signal(true);
    this.error = signal(/** @type {ApiError | null} */ (null));
    /** How often something was asked; a question that comes again is another one. */
    this.asked = signal(0);
  }

  /** Finds out how it stands. One that is only to be begun is: nobody opens this for anything else. */
  async open() {
    const found = await this.#take(() => api.login(this.target, 0, this.#abort.signal));
    if (found?.state === 'needs-login' || found?.state === 'lost') await this.begin();
  }

  /** Begins anew, as `name` there; "" is who the settings say. */
  begin(name = '') {
    return this.#take(() => api.loginStep(this.target, { begin: true, wait: WAIT, ...(name && { name }) }));
  }

  /** @param {string[]} answers to the prompts, in their order */
  reply(answers) {
    return this.#take(() => api.loginStep(this.target, { answers, wait: WAIT }));
  }

  /** The host is the one with the fingerprint that was shown. */
  accept() {
    return this.#take(() => api.loginStep(this.target, { accept: this.answer.value?.fingerprint, wait: WAIT }));
  }

  /** Ends it, or gives it up. */
  end() {
    return this.#take(() => api.logout(this.target));
  }

  /** Nobody looks any more: what stands with the server goes on standing. */
  close() {
    this.#ended = true;
    this.#abort.abort();
  }

  /** @param {() => Promise<Answer>} step */
  async #take(step) {
    this.busy.value = true;
    this.error.value = null;
    try {
      let found = await step();
      // an end may be told before all of it is over
      while (!this.#ended && found.state === 'connecting') {
        this.answer.value = found;
        found = await this.#look();
      }
      if (this.#ended) return null;
      this.answer.value = found;
      this.asked.value += 1;
      return found;
    } catch (error) {
      if (!(error instanceof ApiError)) { if (this.#ended) return null; throw error; }
      if (!this.#ended) this.error.value = error;
      return null;
    } finally {
      this.busy.value = false;
      loadTargets();
    }
  }

  /** How it stands, once that is another; a server that is away for a moment is asked again. */
  async #look() {
    const begun = Date.now();
    try {
      return await api.login(this.target, WAIT, this.#abort.signal);
    } catch (error) {
      if (!error.passing || this.#ended) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      return /** @type {Answer} */ (this.answer.value);
    } finally {
      // one that answers at once must not be asked without a pause
      if (Date.now() - begun < 200) await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}
