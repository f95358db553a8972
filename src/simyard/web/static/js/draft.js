/** The inputs of one simulation while they are edited: what was typed, what is wrong with it, and the saving of what is right. */
import { ApiError, api, upload } from './api.js';
import { inputFor } from './inputs.js';
import { batch, computed, debounce, effect, signal, untracked } from './lib.js';
import { steps } from './saves.js';
import { news, putSimulation, simulations } from './store.js';
import { t } from './texts.js';
import { toast } from './toasts.js';
import { judge } from './verdict.js';

/** Milliseconds after the last key; what is chosen or slid is saved sooner, so that a plot follows the hand. */
const PAUSE = 50;
const SOON = 12;
/** After so many milliseconds without a key the next one is saved at once: only those that follow each other faster wait for the last of them. */
const RESTED = 120;
/** Milliseconds that the event stream is given to tell what a list says is newer. */
const LIST = 60;
/** How many saves are kept at hand for undo and redo. */
const SAVES = 60;

export class Draft {
  /** Saves are one at a time, each against the ETag of the one before. */
  #saving = null;
  #save = debounce(() => this.flush(), PAUSE);
  /** When something was put into a field the last time. */
  #touched = -Infinity;
  #typed = signal({});
  #refused = signal({});
  /** Newest first; null until they are asked for, and after somebody else has saved. */
  #saves = signal(null);

  constructor(simulation, code) {
    this.code = code;
    this.simulation = signal(simulation);
    /** saved, unsaved, saving, offline or refused */
    this.state = signal('saved');
    /** {model, items}: how it stands with what it takes from others (sources.js); `taken` counts the runs that were asked for here. */
    this.sources = signal(/** @type {{model: string, items: any[]}} */ ({ model: '', items: [] }));
    this.taken = signal(0);
    /** [{name, fraction}] */
    this.uploads = signal([]);
    /** What stands in each field: what was typed, else what is saved, else the default. */
    this.fields = computed(() => {
      const inputs = { ...Object.fromEntries(code.inputs.map((i) => [i.name, i.default])), ...this.simulation.value.inputs };
      return { ...inputs, ...this.#typed.value };
    });
    /** The verdict on each input, see verdict.js. */
    this.checked = computed(() => judge(code, this.fields.value, this.simulation.value.files ?? {}));
    /** {input: words} */
    this.errors = computed(() => {
      const found = Object.entries(this.checked.value).filter(([, { error }]) => error).map(([name, { error }]) => [name, error]);
      return { ...this.#refused.value, ...Object.fromEntries(found) };
    });
    this.valid = computed(() => Object.keys(this.errors.value).length === 0);
    /** Deleted for good in another window. */
    this.gone = signal(false);
    /** In the bin: it reads, and cannot be changed. */
    this.frozen = computed(() => Boolean(this.simulation.value.deleted));
    /** {undo, redo}: numbers of saves, or null. */
    this.steps = computed(() => (this.#saves.value?.length && !this.frozen.value ? steps(this.#saves.value) : { undo: null, redo: null }));
  }

  /** Follows what other windows save, until the answer is called. */
  follow() {
    const { id } = this.simulation.value;
    const ends = [
      effect(() => {
        const told = news.value;
        if (told?.id === id) untracked(() => this.#onTold(told));
      }),
      // after a lost connection, and for what was told before there was one, it is the list that is newer
      effect(() => {
        if (simulations.value) untracked(() => this.#look());
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  /** What others have done: `told` is the simulation, whole or in brief, or {gone}. */
  #onTold(told) {
    if (told.gone) {
      this.gone.value = true;
      return;
    }
    // an echo of what was saved here comes while it is being saved, or after it
    if (!(told.version > this.simulation.value.version) || this.#saving) return;
    if (told.inputs && told.etag) this.#take(told);
    else this.refresh().catch(() => {});
  }

  // the list has names, and inputs as they were last known here: what is newer is asked for, unless the stream has told it
  #look() {
    const newer = () => {
      const { id, version, deleted } = this.simulation.value, listed = simulations.value?.get(id);
      // one that is not listed lies in the bin, or is gone for good
      return listed ? listed.version > version : Boolean(simulations.value) && !deleted && !this.gone.value;
    };
    const ask = () => this.refresh().catch((error) => { if (error.status === 404) this.gone.value = true; });
    if (newer()) setTimeout(() => { if (newer()) ask(); }, LIST);
  }

  /** The user has put `raw` into a field; `typed`: more keys may follow. @param {string} name @param {any} raw */
  set(name, raw, typed = false) {
    if (this.frozen.value) return;
    batch(() => {
      this.#typed.value = { ...this.#typed.value, [name]: raw };
      this.#refused.value = Object.fromEntries(Object.entries(this.#refused.value).filter(([refused]) => refused !== name));
      this.state.value = 'unsaved';
    });
    const now = performance.now(), rested = now - this.#touched > RESTED;
    this.#touched = now;
    if (rested) this.flush();
    else this.#save(typed ? PAUSE : SOON);
  }

  /** Saves what is unsaved and right; done when it is saved. Raises nothing: `state` and `errors` tell. */
  async flush() {
    this.#save.cancel();
    while (this.#saving) await this.#saving;
    const sent = { ...this.#typed.value };
    const inputs = this.#right(sent);
    if (!Object.keys(inputs).length) {
      if (!this.#unsaved()) this.state.value = 'saved';
      return;
    }
    await this.#change({ inputs }, () => {
      // what was typed meanwhile stays typed
      this.#typed.value = Object.fromEntries(Object.entries(this.#typed.value).filter(([name, raw]) => !(name in inputs) || raw !== sent[name]));
    });
  }

  /** Of what was typed, what can be saved: right by itself, and nothing that is saved becomes wrong by it. */
  #right(sent) {
    const { inputs: saved, files } = this.simulation.value;
    const inputs = {};
    for (const name of Object.keys(sent)) {
      const { value, error, hidden } = this.checked.value[name];
      // whether a hidden expression is right shows only when it is shown again; until then it stays typed
      const open = hidden && typeof value === 'string' && this.code.inputs.find((one) => one.name === name)?.expression;
      if (!error && value !== undefined && !open) inputs[name] = value;
    }
    if (!Object.keys(inputs).length) return inputs;
    // what the code no longer has would be refused with every save
    for (const name of Object.keys(saved)) if (!this.code.inputs.some((one) => one.name === name)) inputs[name] = null;
    const together = judge(this.code, { ...saved, ...inputs }, files ?? {});
    return Object.values(together).some(({ error }) => error) ? {} : inputs;
  }

  /** Whether there is something to be seen that is not saved. */
  #unsaved() {
    return Object.keys(this.#typed.value).some((name) => !this.checked.value[name].hidden);
  }

  rename(name) {
    return this.#change({ name }, () => {});
  }

  removeFile(name) {
    const held = this.code.inputs.filter((input) => input.type === 'file' && this.simulation.value.inputs[input.name] === name);
    const inputs = Object.fromEntries(held.map((input) => [input.name, '']));
    return this.#change({ inputs, files: { [name]: null } }, () => {});
  }

  /** Uploads files and adds them; the first that a file input asks for by its suffix is put into it. */
  async addFiles(list, intoInput = '') {
    if (this.frozen.value) return;
    const added = {};
    for (const file of list) {
      const entry = { name: file.name, fraction: signal(0) };
      this.uploads.value = [...this.uploads.value, entry];
      try {
        added[file.name] = (await upload(file, (fraction) => { entry.fraction.value = fraction; })).sha256;
      } catch (error) {
        toast(t('files.failed', { name: file.name, detail: error.detail }), { kind: 'bad' });
      }
      this.uploads.value = this.uploads.value.filter((one) => one !== entry);
    }
    const names = Object.keys(added);
    if (!names.length) return;
    await this.flush();
    const inputs = {};
    for (const name of names) {
      const into = intoInput || inputFor(this.code, name)?.name;
      const free = into && !inputs[into] && (intoInput || !this.simulation.value.inputs[into]);
      if (free) { inputs[into] = name; intoInput = ''; }
    }
    if (await this.#change({ inputs, files: added }, () => {})) toast(t('files.added', { count: names.length, name: names[0] }));
  }

  /** Takes the simulation as the server has it now; what is typed stays. */
  async refresh() {
    if (this.#saving) return;
    const found = await api.simulation(this.simulation.value.id);
    if (!this.#saving && found.version >= this.simulation.value.version) this.#take(found);
  }

  /** Takes an answer as it is: the simulation has changed by another way than `set`. */
  take(simulation) {
    this.#take(simulation);
  }

  /** Inputs and files that take the place of those here; what was typed and could not be saved is given up. */
  async put(inputs, files) {
    await this.flush();
    return this.#change({ inputs, files }, () => { this.#typed.value = {}; this.#refused.value = {}; });
  }

  undo() {
    return this.#step('undo');
  }

  redo() {
    return this.#step('redo');
  }

  async #step(way) {
    await this.flush();
    if (this.#saves.value === null) await this.loadSaves();
    const n = this.steps.value[way];
    return n !== null && this.restore(n);
  }

  /** Goes back to that save; what was typed and could not be saved is given up. */
  async restore(n) {
    await this.flush();
    return this.#change({ restore: n }, () => { this.#typed.value = {}; this.#refused.value = {}; }, n);
  }

  /** Asks for the newest saves, which `steps` needs. */
  async loadSaves() {
    const { items } = await api.revisions(this.simulation.value.id, { limit: SAVES });
    // else a save was made meanwhile
    if (items[0]?.revision === this.simulation.value.revision) this.#saves.value = items;
  }

  /** Whether undo and redo wait for `loadSaves`. */
  get stale() {
    return this.#saves.value === null;
  }

  #take(simulation, restores = undefined) {
    const old = this.simulation.value;
    batch(() => {
      this.simulation.value = simulation;
      if (simulation.revision !== old.revision) this.#keep(simulation, old, restores);
    });
    if (!simulation.deleted) putSimulation(simulation);
  }

  // an own save comes right after the newest that is known; of anybody else's the number is not known
  #keep(simulation, old, restores) {
    const known = this.#saves.value;
    const own = restores !== undefined && known?.[0]?.revision === old.revision;
    this.#saves.value = own ? [{
      n: known[0].n + 1, revision: simulation.revision, saved: simulation.updated, restores, inputs: simulation.inputs, files: simulation.files ?? {},
    }, ...known].slice(0, 5 * SAVES) : null;
  }

  async #change(what, done, restores = null) {
    while (this.#saving) await this.#saving;
    this.#saving = this.#send(what, done, restores);
    try {
      return await this.#saving;
    } finally {
      this.#saving = null;
      // what was told while it was being saved
      if (news.value?.id === this.simulation.value.id) this.#onTold(news.value);
      this.#look();
    }
  }

  async #send(what, done, restores, again = true) {
    this.state.value = 'saving';
    try {
      const simulation = await api.changeSimulation(this.simulation.value.id, this.simulation.value.etag, what);
      batch(() => {
        this.#take(simulation, restores);
        done();
        this.state.value = this.#unsaved() ? 'unsaved' : 'saved';
      });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412 && again) return this.#merge(what, done, restores);
      this.#onError(error, what);
      return false;
    }
  }

  // somebody else has saved: theirs is taken, and what is being changed here goes on top
  async #merge(what, done, restores) {
    this.#take(await api.simulation(this.simulation.value.id));
    toast(t('work.merged'));
    return this.#send(what, done, restores, false);
  }

  #onError(error, what) {
    if (error.passing) {
      this.state.value = 'offline';
      setTimeout(() => { if (this.state.value === 'offline') this.flush(); }, 2000);
      return;
    }
    this.state.value = 'refused';
    if (error.more.errors) this.#refused.value = { ...this.#refused.value, ...error.more.errors };
    if (!error.more.errors || !what.inputs) toast(error.detail, { kind: 'bad' });
    if (error.status === 409) this.refresh().catch(() => {}); // it may lie in the bin by now
  }
}
