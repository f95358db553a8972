/** Where a run goes and what it may use: a button that says it, and a panel to change it. */
import { api } from '../../api.js';
import { CHOICES, NO_CHOICES, isCluster, shape } from '../../batch.js';
import { cls, html, useEffect, useLayoutEffect, useRef, useState } from '../../lib.js';
import { wantsLogin } from '../../login.js';
import { NONE, sizeText, timeText } from '../../resources.js';
import { waitsFor } from '../../states.js';
import { targets } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { LoginButton, loginWords, usePlaces } from '../login/state.js';
import { ClusterFields } from './cluster.js';
import { Place } from './place.js';

/** Milliseconds between two looks at the targets while the panel is open. */
const LOOK = 3000;

/** The button, and the panel under it while it is open. */
export function Where({ job }) {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null)), button = useRef(/** @type {HTMLElement | null} */ (null));
  const close = () => { setOpen(false); button.current?.focus(); };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => { if (!box.current?.contains(event.target) && !event.target.closest('dialog')) setOpen(false); };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, [open]);
  const onKey = (event) => {
    if (event.key !== 'Escape' || !open) return;
    event.stopPropagation();
    close();
  };
  usePlaces();
  const { errors } = job.asked.value, wrong = Object.keys(errors).length > 0;
  const raw = job.resources.value, model = job.model, place = job.place.value;
  const cluster = isCluster(place), login = cluster && wantsLogin(place);
  // a run that waits for it says so, and has the button itself
  const waits = job.run.value?.state === 'pending' && waitsFor(job.run.value)[0]?.gate === 'credentials';
  const own = raw.memory || raw.time_limit || (cluster ? CHOICES.some((name) => raw[name]) : raw.cores);
  const words = [place?.name ?? job.target.value, ...(cluster ? clusterWords(job) : [t('where.cores.short', { count: Number(raw.cores) || model.cores || 1 })]), raw.memory || sizeText(model.memory ?? 0)].filter(Boolean);
  return html`
    <div class="where" ref=${box} onKeyDown=${onKey}>
      <button ref=${button} type="button" class=${cls('button quiet small where-button', wrong && 'bad', own && !wrong && 'own')} aria-expanded=${open} aria-haspopup="dialog" title=${t('where.title')} onClick=${() => setOpen(!open)}>
        <${Icon} name="server" /><span class="where-words">${words.join(' · ')}</span>${login && html`<span class="where-login"><span class="badge-dot" aria-hidden="true"></span>${loginWords(place, true)}</span>`}<${Icon} name="down" /></button>
      ${login && !waits && html`<${LoginButton} place=${place} primary />`}
      ${open && html`<${Panel} job=${job} close=${close} />`}
    </div>`;
}

/** What is asked of a cluster, in short: its partition, nodes where there are many, cores. */
function clusterWords(job) {
  const { partition } = job.resources.value, has = job.asked.value.shape ?? shape({}, job.model);
  return [partition, has.nodes > 1 && t('cluster.short.nodes', { count: has.nodes }), t('where.cores.short', { count: has.cores })];
}

function Panel({ job, close }) {
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => { /** @type {HTMLElement | null | undefined} */ (panel.current?.querySelector('input:checked') ?? panel.current?.querySelector('input'))?.focus(); }, []);
  const [waits, setWaits] = useState(/** @type {Map<string, any>} */ (new Map()));
  useEffect(() => {
    let current = true, timer = 0;
    const look = async () => {
      try {
        const items = (await api.targets({ code: job.draft.code.name, model: job.model.name })).items ?? [];
        if (!current) return;
        targets.value = items;
        setWaits(new Map(items.map((one) => [one.name, one.wait])));
      } catch { /* the supervisor is away: the connection's state says so */ }
      if (current) timer = window.setTimeout(look, LOOK);
    };
    look();
    return () => { current = false; clearTimeout(timer); };
  }, [job]);
  const set = (name) => (event) => { job.resources.value = { ...job.resources.value, [name]: event.currentTarget.value }; };
  const raw = job.resources.value, { errors } = job.asked.value, { model } = job;
  const field = (name, declared, extra) => html`
    <div class="where-field">
      <label for=${`where-${name}`}>${t(`where.${name}`)}</label>
      <input id=${`where-${name}`} class="input small" autocomplete="off" value=${raw[name]} placeholder=${declared} aria-invalid=${Boolean(errors[name])} aria-describedby=${`where-${name}-help`} onInput=${set(name)} ...${extra} />
      <span id=${`where-${name}-help`} class=${errors[name] ? 'field-error' : 'hint'}>${errors[name] ?? (raw[name] ? t('where.instead', { value: declared }) : t('where.declared'))}</span>
    </div>`;
  const cluster = isCluster(job.place.value);
  const changed = Object.values(raw).some(Boolean);
  return html`
    <div class=${cls('where-panel', cluster && 'of-cluster')} role="dialog" aria-label=${t('where.title')} ref=${panel}>
      <fieldset class="places">
        <legend><h3>${t('where.place')}</h3></legend>
        ${targets.value.map((one) => html`<${Place} key=${one.name} one=${one} wait=${waits.get(one.name) ?? one.wait} chosen=${one === job.place.value} choose=${() => { job.target.value = one.name; }} />`)}
        ${!targets.value.length && html`<p class="hint">${t('where.unknown')}</p>`}
      </fieldset>
      ${cluster ? html`<${ClusterFields} job=${job} />` : html`
        <div class="where-fields">
          <h3>${t('where.resources')}</h3>
          ${field('cores', String(model.cores ?? 1), { inputMode: 'numeric' })}
          ${field('memory', sizeText(model.memory ?? 0))}
          ${field('time_limit', model.time_limit > 0 ? timeText(model.time_limit) : t('where.time.none'))}
        </div>`}
      <div class="where-foot">
        <button type="button" class="button quiet small" disabled=${!changed} onClick=${() => { job.resources.value = { ...NONE(), ...NO_CHOICES() }; }}><${Icon} name="reset" />${t('where.reset')}</button>
        <span class="spacer"></span>
        <button type="button" class="button small" onClick=${close}>${t('common.close')}</button>
      </div>
    </div>`;
}
