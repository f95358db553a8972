/** The frame around every view: who is asking, navigation, connection, toasts, and a wall for faults of the page itself. */
import { ApiError, api, session } from '../api.js';
import { Component } from '../../vendor/preact.js';
import { connection } from '../events.js';
import { html, useEffect, useState } from '../lib.js';
import { Icon } from '../parts/icon.js';
import { Empty, LoadError } from '../parts/empty.js';
import { Mark } from '../parts/mark.js';
import { link, route } from '../route.js';
import { activeRuns, start } from '../store.js';
import { nextTheme, theme } from '../theme.js';
import { dismiss, toasts } from '../toasts.js';
import { t } from '../texts.js';
import { Gallery } from './gallery.js';
import { Login } from './login.js';
import { RunPage } from './run.js';
import { RunList } from './runs.js';
import { Simulations } from './simulations.js';
import { Workspace } from './workspace.js';

/** The view for an address; each is given its key so that another id is another view. */
function view({ path: [place = 'codes', id], query }) {
  if (place === 'codes' && !id) return html`<${Gallery} />`;
  if (place === 'simulations') return id ? html`<${Workspace} key=${id} id=${id} query=${query} />` : html`<${Simulations} />`;
  if (place === 'runs') return id ? html`<${RunPage} key=${id} id=${id} />` : html`<${RunList} query=${query} />`;
  return html`<main class="page"><${Empty} page title=${t('common.notfound')} text=${t('common.notfound.help')}><a class="button primary" href="#/">${t('common.home')}</a><//></main>`;
}

export function App() {
  const [error, setError] = useState(null);
  const enter = async () => {
    setError(null);
    try {
      await api.whoami();
      start();
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) session.value = null;
      else setError(problem);
    }
  };
  useEffect(() => { enter(); }, []);
  const place = route.value.path.join('/');
  useEffect(() => {
    scrollTo(0, 0);
    document.getElementById('content')?.focus({ preventScroll: true });
  }, [place]);

  if (error) return html`<main class="page narrow"><${LoadError} error=${error} retry=${enter} /></main>`;
  if (session.value === null) return html`<${Login} enter=${enter} />`;
  if (!session.value) return html`<div class="boot" role="status"><${Mark} /><span class="visually-hidden">${t('common.loading')}</span></div>`;
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); document.getElementById('content')?.focus(); }}>${t('app.skip')}</a>
    <${Header} />
    <div id="content" tabIndex="-1"><${Wall} key=${place}>${view(route.value)}<//></div>
    <${Toasts} />`;
}

function Header() {
  const place = route.value.path[0] ?? 'codes';
  const active = activeRuns.value.length;
  const item = (name, extra) => html`<a href=${link(name)} aria-current=${place === name ? 'page' : undefined}>${t(`nav.${name}`)}${extra}</a>`;
  return html`
    <header class="top">
      <a class="brand" href="#/" aria-label=${t('app.name')}><${Mark} /><span>${t('app.name')}</span></a>
      <nav aria-label=${t('nav.main')}>
        ${item('codes')}${item('simulations')}${item('runs', active > 0 && html`<span class="count" title=${t('nav.active', { count: active })}>${active > 99 ? '99+' : active}</span>`)}
      </nav>
      <span class="spacer"></span>
      <${Connection} />
      <button type="button" class="button quiet icon" aria-label=${t(`theme.${theme.value}`)} title=${t(`theme.${theme.value}`)} onClick=${nextTheme}>
        <${Icon} name=${{ auto: 'auto', light: 'sun', dark: 'moon' }[theme.value]} /></button>
    </header>`;
}

function Connection() {
  const state = connection.value;
  const help = state === 'connecting' ? '' : t(`link.${state}.help`);
  return html`
    <span class=${`connection ${state}`} role="status" title=${help}><span class="connection-dot" aria-hidden="true"></span><span class="connection-text">${t(`link.${state}`)}</span></span>
    ${(state === 'lost' || state === 'away') && html`<div class="banner" role="alert">${help}</div>`}`;
}

function Toasts() {
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.value.map((one) => html`
        <div class=${`toast ${one.kind}`} key=${one.id}>
          <span>${one.text}</span>
          ${one.action && html`<button type="button" class="button small" onClick=${() => { dismiss(one.id); one.action.run(); }}>${one.action.text}</button>`}
          <button type="button" class="button quiet icon small" aria-label=${t('common.dismiss')} onClick=${() => dismiss(one.id)}><${Icon} name="close" /></button>
        </div>`)}
    </div>`;
}

/** A fault in a view is shown in its place; navigation goes on working. */
class Wall extends Component {
  constructor(props) {
    super(props);
    this.state = { error: null };
  }

  static getDerivedStateFromError(error) {
    return { error };
  }

  render({ children }, { error }) {
    if (!error) return children;
    return html`<main class="page narrow"><div class="notice bad" role="alert"><div><strong>${t('error.page')}</strong><p>${t('error.page.help')}</p><p class="mono">${String(error?.message ?? error)}</p></div></div></main>`;
  }
}
