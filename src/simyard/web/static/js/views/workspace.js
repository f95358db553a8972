/** The workspace of one simulation: inputs on one side, what they give on the other. */
import { ApiError, api } from '../api.js';
import { Draft } from '../draft.js';
import { Job } from '../job.js';
import { cls, html, useEffect, useMemo, useRef, useState } from '../lib.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Form } from '../parts/form.js';
import { Icon } from '../parts/icon.js';
import { RunPanel } from '../parts/runpanel.js';
import { go, link, setQuery } from '../route.js';
import { codes, loadRuns } from '../store.js';
import { t } from '../texts.js';
import { complain } from '../toasts.js';
import { copySimulation, deleteSoon } from './simulations.js';

export function Workspace({ id, query }) {
  const [simulation, setSimulation] = useState(null);
  const [error, setError] = useState(null);
  const load = async () => {
    setError(null);
    try {
      const [found] = await Promise.all([api.simulation(id), loadRuns({ simulation: id, limit: 50 }).catch(() => {})]);
      setSimulation(found);
      api.arrive(found.code).catch(() => {}); // the code is warm by the time that Run is pressed
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => { load(); }, [id]);

  if (error?.status === 404) return html`<main class="page"><${Empty} page title=${t('work.gone')}><a class="button primary" href=${link('simulations')}>${t('sims.title')}</a><//></main>`;
  if (error) return html`<main class="page"><${LoadError} error=${error} retry=${load} /></main>`;
  if (!simulation || !codes.value) return html`<main class="page wide"><${Skeleton} rows=${2} kind="panes" /></main>`;
  const code = codes.value.byName.get(simulation.code);
  if (!code) return html`<main class="page"><${Empty} page title=${t('work.broken', { code: simulation.code })} text=${t('work.broken.help')} /></main>`;
  return html`<${Bench} simulation=${simulation} code=${code} query=${query} />`;
}

function Bench({ simulation, code, query }) {
  const draft = useMemo(() => new Draft(simulation, code), []);
  const jobs = useMemo(() => Object.fromEntries(code.models.map((model) => [model.name, new Job(draft, model)])), []);
  const job = jobs[query.model] ?? jobs[code.models[0].name];
  const [over, setOver] = useState(0);
  const name = draft.simulation.value.name;
  useEffect(() => { document.title = `${name} · ${t('app.name')}`; }, [name]);
  useFresh(draft);

  const drop = (event) => {
    event.preventDefault();
    setOver(0);
    if (event.dataTransfer.files.length) draft.addFiles([...event.dataTransfer.files]);
  };
  const hasFiles = (event) => [...event.dataTransfer.types].includes('Files');
  return html`
    <main class="workspace" onDragEnter=${(e) => hasFiles(e) && setOver((n) => n + 1)} onDragLeave=${() => setOver((n) => Math.max(0, n - 1))}
      onDragOver=${(e) => hasFiles(e) && e.preventDefault()} onDrop=${drop} onDropCapture=${() => setOver(0)}>
      <${Head} draft=${draft} code=${code} />
      <div class="panes">
        <section class="pane inputs" aria-label=${t('work.inputs')}>
          <${Form} draft=${draft} />
        </section>
        <section class="pane outputs" aria-label=${t('work.results')}>
          ${code.models.length > 1 && html`<${Models} jobs=${jobs} current=${job} />`}
          <${RunPanel} key=${job.model.name} job=${job} />
        </section>
      </div>
      <div class=${cls('drop-over', over > 0 && 'shown')} aria-hidden="true"><span><${Icon} name="upload" />${t('files.dropping')}</span></div>
    </main>`;
}

/** Another tab may have saved: looked at when this one is looked at again. */
function useFresh(draft) {
  useEffect(() => {
    const look = () => { if (!document.hidden) draft.refresh().catch(() => {}); };
    const leave = (event) => { if (['unsaved', 'saving', 'offline'].includes(draft.state.value) && draft.valid.value) event.preventDefault(); };
    document.addEventListener('visibilitychange', look);
    addEventListener('beforeunload', leave);
    return () => {
      document.removeEventListener('visibilitychange', look);
      removeEventListener('beforeunload', leave);
      draft.flush();
    };
  }, [draft]);
}

function Models({ jobs, current }) {
  const list = Object.values(jobs);
  const onKey = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = list[(list.indexOf(current) + step + list.length) % list.length];
    setQuery({ model: next.model.name });
    event.currentTarget.children[list.indexOf(next)].focus();
  };
  return html`
    <div class="model-tabs" role="tablist" aria-label=${t('work.models')} onKeyDown=${onKey}>
      ${list.map((job) => html`
        <button type="button" role="tab" key=${job.model.name} aria-selected=${job === current} tabIndex=${job === current ? 0 : -1} onClick=${() => setQuery({ model: job.model.name })}
          title=${job.model.help || undefined}>
          <span>${job.model.title}</span><span class="hint">${t(`kind.${job.model.kind}`)}</span>
          ${job.run.value && html`<span class=${`tab-dot ${job.run.value.state}`} title=${t(`state.${job.run.value.state}`)}></span>`}
        </button>`)}
    </div>`;
}

function Head({ draft, code }) {
  const simulation = draft.simulation.value;
  const remove = () => { deleteSoon(simulation); go('simulations'); };
  const copy = async () => {
    await draft.flush();
    const made = await copySimulation(draft.simulation.value);
    if (made) go('simulations', made.id);
  };
  return html`
    <div class="work-head">
      <a class="button quiet icon" href=${link('simulations')} aria-label=${t('sims.title')} title=${t('sims.title')}><${Icon} name="back" /></a>
      <div class="work-title"><${Name} draft=${draft} /><span class="hint">${code.title}</span></div>
      <${SaveState} draft=${draft} />
      <button type="button" class="button quiet icon" aria-label=${t('sims.copy')} title=${t('sims.copy')} onClick=${copy}><${Icon} name="copy" /></button>
      <button type="button" class="button quiet icon" aria-label=${t('common.delete')} title=${t('common.delete')} onClick=${remove}><${Icon} name="trash" /></button>
    </div>`;
}

function Name({ draft }) {
  const name = draft.simulation.value.name;
  const box = useRef(null);
  const save = async () => {
    const text = box.current.value.trim();
    if (!text || text === name) { box.current.value = name; return; }
    try {
      if (!(await draft.rename(text))) box.current.value = name;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error);
    }
  };
  const onKey = (event) => {
    if (event.key === 'Enter') event.currentTarget.blur();
    if (event.key === 'Escape') { event.currentTarget.value = name; event.currentTarget.blur(); }
  };
  return html`<h1 class="name-sizer" data-name=${name}><input ref=${box} class="name-input" size="1" aria-label=${t('work.name')} title=${name} maxlength="200" value=${name} onBlur=${save} onKeyDown=${onKey} /></h1>`;
}

function SaveState({ draft }) {
  const state = draft.state.value, errors = Object.keys(draft.errors.value).length;
  const text = errors ? t('work.fix', { count: errors }) : t(`work.${state}`);
  const kind = errors || state === 'refused' ? 'bad' : state;
  return html`<span class=${`save-state ${kind}`} role="status">${kind === 'saved' && html`<${Icon} name="check" />`}${text}</span>`;
}
