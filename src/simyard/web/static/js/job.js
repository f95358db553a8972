/** What (simulation, model) can compute, as the workspace drives it: start, stop, and which of its runs is looked at. */
import { ApiError, api, newKey } from './api.js';
import { checkBatch, choicesOf, isCluster } from './batch.js';
import { computed, signal } from './lib.js';
import { asBefore, checkResources } from './resources.js';
import { putFigure, putRuns, runs, runsOf, targets } from './store.js';
import { isActive } from './states.js';
import { t } from './texts.js';
import { complain } from './toasts.js';

/** A quick run is mostly over within this many seconds: its answer then carries result and plot in one round trip. */
const WAIT = 5;
/** Milliseconds that a quick run is given before it is stopped for newer inputs. */
const PATIENCE = 700;
/** Milliseconds before a start that nobody answered is asked for again; 25 s in all, for a supervisor that starts again on a busy machine. */
const RETRIES = [300, 700, 1500, 3000, 5000, 7000, 7500];

export class Job {
  /** @type {AbortController | null} */
  #abort = null;
  /** The revision that was last run, and whether its end is waited for before a newer one. */
  #asked = '';
  #following = false;
  #again = false;
  /** Stop was pressed before it was known which run there would be. */
  #unwanted = false;
  /** {id, newest, revision}: the run that was asked for, until a newer one appears. */
  #pinned = signal(null);

  constructor(draft, model) {
    this.draft = draft;
    this.model = model;
    /** A request to start or stop is on its way; `tries`: how often nobody has answered it. */
    this.starting = signal(false);
    this.tries = signal(0);
    this.stopping = signal('');
    /** The active run with other inputs that is in the way. */
    this.conflict = signal(null);
    this.note = signal('');
    /** The completed run that was the answer, in place of a new one. */
    this.reused = signal(/** @type {any} */ (null));
    this.error = signal(null);
    /** Newest first. */
    this.history = computed(() => runsOf(draft.simulation.value.id, model.name));
    this.run = computed(() => {
      const [newest] = this.history.value;
      const pinned = this.#pinned.value;
      if (pinned && !(newest?.id > pinned.newest)) return runs.value.get(pinned.id) ?? newest;
      return newest;
    });
    const [last] = this.history.peek();
    /** Where to run (the first target where it is not said), and with what: as the last time, until it is changed. */
    this.target = signal(last?.target ?? '');
    this.resources = signal({ ...asBefore(last, model), ...choicesOf(last, model) });
    this.place = computed(() => targets.value.find((one) => one.name === this.target.value && one.state !== 'disabled') ?? targets.value[0]);
    this.asked = computed(() => (isCluster(this.place.value) ? checkBatch(this.resources.value, this.place.value, model) : checkResources(this.resources.value, this.place.value)));
    this.outdated = computed(() => {
      const run = this.run.value, pinned = this.#pinned.value;
      const revision = pinned?.id === run?.id && pinned?.revision ? pinned.revision : run?.simulation_revision;
      return Boolean(run && revision) && (revision !== draft.simulation.value.revision || this.#hasNewer());
    });
  }

  // a source has a newer run than the one that the last run here has taken
  #hasNewer() {
    const { model, items } = this.draft.sources?.value ?? {};
    return model === this.model.name && items.some((one) => one.why === 'newer-run');
  }

  get quick() {
    return this.model.kind === 'quick';
  }

  /** Whether it runs where each run is a job in a queue. */
  get queues() {
    return isCluster(this.place.value);
  }

  /** Looks at an earlier run. */
  show(id) {
    this.note.value = '';
    this.reused.value = null;
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

  /** Nothing stands in the way of a run: inputs and resources are right. */
  get ready() {
    return this.draft.valid.value && !this.draft.frozen?.value && !Object.keys(this.asked.value.errors).length;
  }

  /** Runs again with other resources, which stay so: {memory: '2 GiB'}. */
  startWith(resources) {
    this.resources.value = { ...this.resources.value, ...resources };
    return this.start({ reuse: false });
  }

  /** Saves what is unsaved and starts a run. `supersede`: what is active with other inputs is stopped first. */
  async start({ reuse = true, supersede = this.quick } = {}) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.starting.value = true;
    this.tries.value = 0;
    this.#unwanted = false;
    this.error.value = this.conflict.value = this.reused.value = null;
    this.note.value = '';
    try {
      await this.draft.flush();
      if (abort.signal.aborted || !this.ready) return;
      const { id, revision } = this.draft.simulation.value;
      this.#asked = revision;
      const { wanted } = this.asked.value;
      const body = {
        model: this.model.name, target: this.place.value?.name || this.target.value || undefined, reuse, supersede,
        ...(Object.keys(wanted).length && { resources: wanted }),
      };
      const answer = await this.#ask(id, body, abort.signal);
      // it came in spite of that: the run is told of by the stream, and is not the one to look at
      if (abort.signal.aborted) return;
      this.#took(answer, revision);
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
        this.tries.value += 1;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return api.startRun(id, body, options);
  }

  /** While nothing was run here: the run that has computed exactly this, in whichever simulation, stands there. */
  async look() {
    if (this.history.peek().length) return;
    try {
      const { id, revision } = this.draft.simulation.peek(), { items: [run] } = await api.sameRun(id, this.model.name);
      if (!run || this.run.peek() || this.draft.simulation.peek().revision !== revision) return;
      putRuns([run]);
      this.#pin(run.id, revision);
      if (!this.quick) this.reused.value = run;
    } catch { /* the supervisor is away, or the inputs are not right: there is nothing to show */ }
  }

  #took({ new: made, reused, report, ...run }, revision) {
    if (this.draft.taken) this.draft.taken.value += 1;
    const first = this.model.reports[0];
    if (report && first) putFigure(run.id, first, report);
    putRuns([run]);
    this.#pin(run.id, revision);
    if (this.#unwanted && isActive(run)) { this.#unwanted = false; this.#cancel(run); }
    if (reused && !this.quick) this.reused.value = run;
    else if (!made && !reused && isActive(run)) this.note.value = t('run.joined');
  }

  #onError(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 409 && error.more.run) this.conflict.value = error.more.run;
    else this.error.value = error;
  }

  /** Stops what is active; what is only asked for is stopped as soon as it is known. */
  async stop() {
    const run = this.run.value;
    if (this.starting.value && !(run && isActive(run))) {
      // let it arrive: a request that is given up may have made a run that nobody looks after
      if (this.tries.value) this.#abort?.abort();
      this.#unwanted = true;
      return;
    }
    this.#abort?.abort();
    if (run) await this.#cancel(run);
  }

  async #cancel(run) {
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
