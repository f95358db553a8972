/** The form of a simulation, made from its code's declaration alone: groups of fields, then its files. */
import { cls, html, useMemo, useState } from '../lib.js';
import { useSources } from '../sources.js';
import { t } from '../texts.js';
import { Field, differs } from './field.js';
import { Files } from './form/files.js';
import { Icon } from './icon.js';

/** From so many inputs on there is a search: more than are seen at once. */
const MANY = 16;

/** `model`: the one that is looked at, to whose runs what it says of sources is related. */
export function Form({ draft, model }) {
  const { code } = draft;
  const sources = useSources(draft, model);
  const [search, setSearch] = useState('');
  const [onlyChanged, setOnlyChanged] = useState(false);
  const byName = useMemo(() => Object.fromEntries(code.inputs.map((input) => [input.name, input])), [code]);
  const fields = draft.fields.value, checked = draft.checked.value;
  const shown = code.inputs.filter((input) => !checked[input.name].hidden);
  const changed = new Set(shown.filter((input) => differs(input, fields[input.name])).map((input) => input.name));
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (input) => {
    const text = [input.title, input.name, input.help, input.group, input.unit].join(' ').toLowerCase();
    return words.every((word) => text.includes(word)) && (!onlyChanged || changed.has(input.name));
  };
  const filtering = words.length > 0 || onlyChanged;
  const groups = code.groups.map((group) => ({ ...group, list: group.inputs.map((name) => byName[name]).filter((input) => !checked[input.name].hidden && fits(input)) }));
  const found = groups.filter((group) => group.list.length);
  return html`
    <form class="form" onSubmit=${(event) => event.preventDefault()} autocomplete="off">
      <h2 class="visually-hidden">${t('work.inputs')}</h2>
      ${code.inputs.length >= MANY && html`
        <div class="form-search">
          <div class="search"><${Icon} name="search" /><input class="input small" type="search" placeholder=${t('form.search')} aria-label=${t('form.search')} value=${search} onInput=${(event) => setSearch(event.currentTarget.value)} /></div>
          <button type="button" class="chip" aria-pressed=${onlyChanged} title=${t('form.changed.help')} disabled=${!onlyChanged && changed.size === 0} onClick=${() => setOnlyChanged(!onlyChanged)}>${t('form.changed', { count: changed.size })}</button>
        </div>`}
      <fieldset class="form-all" disabled=${draft.frozen.value}>
        ${found.map((group) => html`<${Group} key=${group.title} draft=${draft} group=${group} sources=${sources} alone=${groups.length === 1} filtering=${filtering} changed=${changed} />`)}
        ${filtering && found.length === 0 && html`
          <p class="form-none">${t('form.none')} <button type="button" class="linklike" onClick=${() => { setSearch(''); setOnlyChanged(false); }}>${t('form.all')}</button></p>`}
        ${Object.entries(draft.errors.value).filter(([name]) => !byName[name]).map(([name, text]) => html`<p class="field-error" key=${name}>${text}</p>`)}
        ${!filtering && html`<${Files} draft=${draft} />`}
      </fieldset>
    </form>`;
}

const CLOSED = 'simyard.closed';

/** The groups that are closed, by code: remembered by the browser. @returns {string[]} */
function closed() {
  try {
    return JSON.parse(localStorage.getItem(CLOSED) ?? '[]');
  } catch {
    return [];
  }
}

function Group({ draft, group, sources, alone, filtering, changed }) {
  const key = `${draft.code.name}/${group.title}`;
  const [open, setOpen] = useState(!closed().includes(key));
  const [more, setMore] = useState(false);
  const errors = draft.errors.value, fields = draft.fields.value, checked = draft.checked.value;
  const files = Object.keys(draft.simulation.value.files ?? {});
  const toggle = () => {
    localStorage.setItem(CLOSED, JSON.stringify([...closed().filter((one) => one !== key), ...(open ? [key] : [])]));
    setOpen(!open);
  };
  const field = (input) => html`
    <${Field} key=${input.name} input=${input} value=${fields[input.name]} judged=${checked[input.name]} error=${errors[input.name]} files=${files} source=${sources[input.name]} self=${draft.simulation.value.id}
      onChange=${(value, typed) => draft.set(input.name, value, typed)} onFiles=${(list, into) => draft.addFiles(list, into)} />`;
  const plain = group.list.filter((input) => !input.advanced), advanced = group.list.filter((input) => input.advanced);
  const wanted = more || filtering || advanced.some((input) => errors[input.name] || changed.has(input.name));
  const wrong = group.list.filter((input) => errors[input.name]).length;
  const id = `group-${draft.code.groups.findIndex((one) => one.title === group.title)}`, isOpen = open || filtering;
  const body = html`
    ${plain.map(field)}
    ${advanced.length > 0 && !wanted && html`<button type="button" class="linklike more" aria-expanded="false" onClick=${() => setMore(true)}><${Icon} name="down" />${t('form.more', { count: advanced.length })}</button>`}
    ${wanted && advanced.map(field)}`;
  if (alone && !group.title) return html`<div class="group">${body}</div>`;
  return html`
    <section class=${cls('group', isOpen && 'open')}>
      <h3><button type="button" class="group-head" aria-expanded=${isOpen} aria-controls=${id} onClick=${toggle}>
        <span>${group.title || t('work.inputs')}</span>
        ${wrong > 0 && html`<span class="group-errors">${t('form.errors', { count: wrong })}</span>`}
        ${!isOpen && html`<span class="hint">${group.list.length}</span>`}
      </button></h3>
      <div id=${id} role="group" aria-label=${group.title || t('work.inputs')} class="group-body" hidden=${!isOpen}>${isOpen && body}</div>
    </section>`;
}
