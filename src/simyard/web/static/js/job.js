/** What (simulation, model) can compute, as the workspace drives it: start, stop, and which of its runs is looked at. */
import { ApiError, api, newKey } from './api.js';
import { computed, signal } from './lib.js';
import { putFigure, putRuns, runs, runsOf } from './store.js';
import { isActive } from './states.js';
import { t } from './texts.js';
import { complain } from './toasts.js';

/** A quick run is mostly over within this many seconds: its answer then carries result and plot in one round trip. */
const WAIT = 5;
/** Milliseconds that a quick run is given before it is stopped for newer inputs. */
const PATIENCE = 700;
/** Milliseconds before a start that nobody answered is asked for again. */
const RETRIES = [300, 700, 1500, 3000, 5000];

export class Job {
  #abort = null;
  /** The revision that was last run, and whether its end is waited for before a newer one. */
  #asked = '';
  #following = false;
  #again = false;
  /** {id, newest, revision}: the run that was asked for, until a newer one appears. */
  #pinned = signal(null);

  constructor(draft, model) {
    this.draft = draft;
    this.model = model;
    this.target = signal('local');
    /** A request to start or stop is on its way. */
    this.starting = signal(false);
    this.stopping = signal('');
    /** The active run with other inputs that is in the way. */
    this.conflict = signal(null);
    this.note = signal('');
    this.error = signal(null);
    /** Newest first. */
    this.history = computed(() => runsOf(draft.simulation.value.id, model.name));
    this.run = computed(() => {
      const [newest] = this.history.value;
      const pinned = this.#pinned.value;
      if (pinned && !(newest?.id > pinned.newest)) return runs.value.get(pinned.id) ?? newest;
      return newest;
    });
    this.outdated = computed(() => {
      const run = this.run.value, pinned = this.#pinned.value;
      const revision = pinned?.id === run?.id && pinned?.revision ? pinned.revision : run?.simulation_revision;
      return Boolean(run && revision) && revision !== draft.simulation.value.revision;
    });
  }

  get quick() {
    return this.model.kind === 'quick';
  }

  /** Looks at an earlier run. */
  show(id) {
    this.note.value = '';
    this.#pin(id, '');
  }

  #pin(id, revision) {
    const newest = this.history.value[0]?.id ?? '';
    this.#pinned.value = { id, newest: newest > id ? newest : id, revision };
  }

  /** Starts a run of the inputs as saved, unless that was done. Of inputs that change faster than the model runs the newest
   * are taken up when the run before is there; one that takes long is stopped for them. */
  async follow(revision) {
    if (revision === this.#asked) return;
    this.#again = this.#following;
    if (this.#following) return;
    this.#following = true;
    do {
      this.#again = false;
      await Promise.race([this.start(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    } while (this.#again && this.draft.simulation.value.revision !== this.#asked);
    this.#following = false;
  }

  /** Saves what is unsaved and starts a run. `supersede`: what is active with other inputs is stopped first. */
  async start({ reuse = true, supersede = this.quick } = {}) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.starting.value = true;
    this.error.value = this.conflict.value = null;
    this.note.value = '';
    try {
      await this.draft.flush();
      if (abort.signal.aborted || !this.draft.valid.value) return;
      const { id, revision } = this.draft.simulation.value;
      this.#asked = revision;
      const body = { model: this.model.name, target: this.target.value, reuse, supersede };
      this.#took(await this.#ask(id, body, abort.signal), revision);
    } catch (error) {
      // an answer to what is no longer wanted: the newer start has taken over
      if (!abort.signal.aborted) this.#onError(error);
    } finally {
      if (this.#abort === abort) this.starting.value = false;
    }
  }

  // with one key for all tries it is one request, however often it is made
  async #ask(id, body, abort) {
    const options = { wait: this.quick ? WAIT : 0, key: newKey(), signal: abort };
    for (const pause of RETRIES) {
      try {
        return await api.startRun(id, body, options);
      } catch (error) {
        if (!error.passing || abort.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return api.startRun(id, body, options);
  }

  #took({ created, reused, report, ...run }, revision) {
    const first = this.model.reports[0];
    if (report && first) putFigure(run.id, first, report);
    putRuns([run]);
    this.#pin(run.id, revision);
    if (reused && !this.quick) this.note.value = t('run.reused');
    else if (!created && !reused && isActive(run)) this.note.value = t('run.joined');
  }

  #onError(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 409 && error.more.run) this.conflict.value = error.more.run;
    else this.error.value = error;
  }

  async stop() {
    const run = this.run.value;
    this.#abort?.abort();
    this.stopping.value = run.id;
    try {
      const said = await api.cancelRun(run.id);
      if (said?.id) putRuns([said]);
    } catch (error) {
      complain(error);
    } finally {
      this.stopping.value = '';
    }
  }
}
