/** The inputs of one simulation while they are edited: what was typed, what is wrong with it, and the saving of what is right. */
import { ApiError, api, upload } from './api.js';
import { check, inputFor } from './inputs.js';
import { batch, computed, debounce, signal } from './lib.js';
import { putSimulation } from './store.js';
import { t } from './texts.js';
import { toast } from './toasts.js';

/** Milliseconds after the last key; what is chosen or slid is saved sooner, so that a plot follows the hand. */
const PAUSE = 120;
const SOON = 20;

export class Draft {
  /** Saves are one at a time, each against the ETag of the one before. */
  #saving = null;
  #save = debounce(() => this.flush(), PAUSE);
  #typed = signal({});
  #refused = signal({});

  constructor(simulation, code) {
    this.code = code;
    this.simulation = signal(simulation);
    /** saved, unsaved, saving, offline or refused */
    this.state = signal('saved');
    /** [{name, fraction}] */
    this.uploads = signal([]);
    /** What stands in each field: what was typed, else what is saved, else the default. */
    this.fields = computed(() => {
      const inputs = { ...Object.fromEntries(code.inputs.map((i) => [i.name, i.default])), ...this.simulation.value.inputs };
      return { ...inputs, ...this.#typed.value };
    });
    this.checked = computed(() => Object.fromEntries(code.inputs.map((i) => [i.name, check(i, this.fields.value[i.name], this.simulation.value.files)])));
    /** {input: words} */
    this.errors = computed(() => {
      const found = Object.entries(this.checked.value).filter(([, { error }]) => error).map(([name, { error }]) => [name, error]);
      return { ...this.#refused.value, ...Object.fromEntries(found) };
    });
    this.valid = computed(() => Object.keys(this.errors.value).length === 0);
  }

  /** The user has put `raw` into a field; `typed`: more keys may follow. */
  set(name, raw, typed) {
    batch(() => {
      this.#typed.value = { ...this.#typed.value, [name]: raw };
      const { [name]: _, ...others } = this.#refused.value;
      this.#refused.value = others;
      this.state.value = 'unsaved';
    });
    this.#save(typed ? PAUSE : SOON);
  }

  /** Saves what is unsaved and right; done when it is saved. Raises nothing: `state` and `errors` tell. */
  async flush() {
    this.#save.cancel();
    while (this.#saving) await this.#saving;
    const sent = { ...this.#typed.value };
    const inputs = {};
    for (const name of Object.keys(sent)) {
      const { value, error } = this.checked.value[name];
      if (!error) inputs[name] = value;
    }
    if (!Object.keys(inputs).length) {
      if (!Object.keys(sent).length) this.state.value = 'saved';
      return;
    }
    await this.#change({ inputs }, () => {
      // what was typed meanwhile stays typed
      this.#typed.value = Object.fromEntries(Object.entries(this.#typed.value).filter(([name, raw]) => !(name in inputs) || raw !== sent[name]));
    });
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
    this.#take(await api.simulation(this.simulation.value.id));
  }

  #take(simulation) {
    this.simulation.value = simulation;
    putSimulation(simulation);
  }

  async #change(what, done) {
    while (this.#saving) await this.#saving;
    this.#saving = this.#send(what, done);
    try {
      return await this.#saving;
    } finally {
      this.#saving = null;
    }
  }

  async #send(what, done, again = true) {
    this.state.value = 'saving';
    try {
      const simulation = await api.changeSimulation(this.simulation.value.id, this.simulation.value.etag, what);
      batch(() => {
        this.#take(simulation);
        done();
        this.state.value = Object.keys(this.#typed.value).length ? 'unsaved' : 'saved';
      });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412 && again) return this.#merge(what, done);
      this.#onError(error, what);
      return false;
    }
  }

  // somebody else has saved: theirs is taken, and what is being changed here goes on top
  async #merge(what, done) {
    this.#take(await api.simulation(this.simulation.value.id));
    toast(t('work.merged'));
    return this.#send(what, done, false);
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
  }
}
