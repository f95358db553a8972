/** The workspace of one simulation: inputs on one side, what they give on the other. */
import { api } from '../api.js';
import { Draft } from '../draft.js';
import { Job } from '../job.js';
import { cls, html, useEffect, useMemo, useState } from '../lib.js';
import { Empty, LoadError, Skeleton } from '../parts/empty.js';
import { Form } from '../parts/form.js';
import { Icon } from '../parts/icon.js';
import { RunPanel } from '../parts/runpanel.js';
import { Head, InBin } from '../parts/work/head.js';
import { Split } from '../parts/work/split.js';
import { link, setQuery } from '../route.js';
import { isActive } from '../states.js';
import { codes, loadRuns } from '../store.js';
import { t } from '../texts.js';
import { setTitle } from '../title.js';

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

  if (error?.status === 404) return html`<${Gone} />`;
  if (error) return html`<main class="page"><${LoadError} error=${error} retry=${load} /></main>`;
  if (!simulation || !codes.value) return html`<main class="page wide"><${Skeleton} rows=${2} kind="panes" /></main>`;
  const code = codes.value.byName.get(simulation.code);
  if (!code) return html`<main class="page"><${Empty} page title=${t('work.broken', { code: simulation.code })} text=${t('work.broken.help')} /></main>`;
  return html`<${Bench} simulation=${simulation} code=${code} query=${query} />`;
}

function Gone() {
  return html`<main class="page"><${Empty} page title=${t('work.gone')}><a class="button primary" href=${link('simulations')}>${t('sims.title')}</a><//></main>`;
}

function Bench({ simulation, code, query }) {
  const draft = useMemo(() => new Draft(simulation, code), []);
  const jobs = useMemo(() => Object.fromEntries(code.models.map((model) => [model.name, new Job(draft, model)])), []);
  const job = jobs[query.model] ?? jobs[code.models[0].name];
  const [over, setOver] = useState(0);
  const name = draft.simulation.value.name;
  useEffect(() => { setTitle(name); }, [name]);
  useFresh(draft);
  if (draft.gone.value) return html`<${Gone} />`;

  const drop = (event) => {
    event.preventDefault();
    setOver(0);
    if (event.dataTransfer.files.length) draft.addFiles([...event.dataTransfer.files]);
  };
  const hasFiles = (event) => [...event.dataTransfer.types].includes('Files');
  return html`
    <main class="workspace" onDragEnter=${(e) => hasFiles(e) && setOver((n) => n + 1)} onDragLeave=${() => setOver((n) => Math.max(0, n - 1))}
      onDragOver=${(e) => hasFiles(e) && e.preventDefault()} onDrop=${drop} onDropCapture=${() => setOver(0)}>
      <${Head} draft=${draft} code=${code} model=${job.model.name} />
      <${InBin} draft=${draft} />
      <${Split} still=${draft.frozen.value} left=${html`<${Form} draft=${draft} model=${job.model.name} />`}
        right=${html`${code.models.length > 1 && html`<${Models} jobs=${jobs} current=${job} />`}<${RunPanel} key=${job.model.name} job=${job} />`} />
      <${Foot} job=${job} />
      <div class=${cls('drop-over', over > 0 && !draft.frozen.value && 'shown')} aria-hidden="true"><span><${Icon} name="upload" />${t('files.dropping')}</span></div>
    </main>`;
}

/** What other windows save is taken over at once; what is unsaved when this one is left is saved. */
function useFresh(draft) {
  useEffect(() => {
    const look = () => { if (!document.hidden) draft.refresh().catch(() => {}); };
    const leave = (event) => { if (['unsaved', 'saving', 'offline'].includes(draft.state.value) && draft.valid.value) event.preventDefault(); };
    const end = draft.follow();
    document.addEventListener('visibilitychange', look);
    addEventListener('beforeunload', leave);
    return () => {
      end();
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

/** Where the panes stand one below the other, the ways to them, and Run, stay at hand. */
function Foot({ job }) {
  const run = job.run.value, active = run && isActive(run) && !job.quick;
  const to = (pane) => document.getElementById(`pane-${pane}`)?.scrollIntoView({ block: 'start' });
  return html`
    <div class="work-foot">
      <button type="button" class="button quiet small" onClick=${() => to('outputs')}>${t('work.results')}</button>
      <button type="button" class="button quiet small" onClick=${() => to('inputs')}>${t('work.inputs')}</button>
      <span class="spacer"></span>
      ${active
        ? html`<button type="button" class="button stop" onClick=${() => job.stop()}><${Icon} name="stop" />${t('run.stop')}</button>`
        : html`<button type="button" class="button primary" disabled=${!job.ready} onClick=${() => job.start()}><${Icon} name="play" />${t('run.run')}</button>`}
    </div>`;
}
