/** The frame around every view: who is asking, navigation, connection, toasts, and a wall for faults of the page itself. */
import { ApiError, api, session } from '../api.js';
import { Component } from '../../vendor/preact.js';
import { connection, online } from '../events.js';
import { keepFocus } from '../focus.js';
import { html, signal, useEffect, useLayoutEffect, useState } from '../lib.js';
import { useKeys } from '../keys.js';
import { shown as loginShown } from '../login.js';
import { Bell } from '../parts/bell.js';
import { Icon } from '../parts/icon.js';
import { KeyList } from '../parts/keylist.js';
import { Empty, LoadError } from '../parts/empty.js';
import { later } from '../parts/later.js';
import { Mark } from '../parts/mark.js';
import { Menu } from '../parts/menu.js';
import { go, link, route } from '../route.js';
import { activeRuns, loadCodes, start } from '../store.js';
import { nextTheme, theme } from '../theme.js';
import { dismiss, toasts } from '../toasts.js';
import { t } from '../texts.js';
import { Gallery } from './gallery.js';
import { Login } from './login.js';

// the server has the browser load these at once as well, after what the first view needs (web/assets.py)
const Simulations = later(() => import('./simulations.js'), 'Simulations');
const Workspace = later(() => import('./workspace.js'), 'Workspace');
const RunList = later(() => import('./runs.js'), 'RunList');
const RunPage = later(() => import('./run.js'), 'RunPage');
const LoginDialog = later(() => import('../parts/login/dialog.js'), 'LoginDialog', false);
const Compare = later(() => import('./compare.js'), 'Compare');

const listShown = signal(false);

/** The view for an address; each is given its key so that another id is another view. */
function view({ path: [place = 'codes', id], query }) {
  if (place === 'codes' && !id) return html`<${Gallery} />`;
  if (place === 'simulations') return id ? html`<${Workspace} key=${id} id=${id} query=${query} />` : html`<${Simulations} />`;
  if (place === 'compare' && !id) return html`<${Compare} query=${query} />`;
  if (place === 'runs') return id ? html`<${RunPage} key=${id} id=${id} />` : html`<${RunList} query=${query} />`;
  return html`<main class="page"><${Empty} page title=${t('common.notfound')} text=${t('common.notfound.help')}><a class="button primary" href="#/">${t('common.home')}</a><//></main>`;
}

/** The page, behind a wall: even a fault in its frame says so in words. */
export const App = () => html`<${Wall}><${Page} /><//>`;

function Page() {
  const [error, setError] = useState(null);
  const enter = async () => {
    setError(null);
    loadCodes(); // what the first view shows need not wait until it is known who asks
    try {
      await api.whoami();
      start();
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) session.value = null;
      else setError(problem);
    }
  };
  useLayoutEffect(keepFocus, []);
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
    <${Banner} />
    ${loginShown.value && html`<${LoginDialog} key=${loginShown.value} target=${loginShown.value} />`}
    <${Toasts} />
    <${Keys} />`;
}

/** The keys that do something everywhere, and their list. */
function Keys() {
  const shown = listShown.value;
  useKeys([
    { keys: 'g c', text: t('keys.codes'), run: () => go('codes') },
    { keys: 'g s', text: t('keys.simulations'), run: () => go('simulations') },
    { keys: 'g r', text: t('keys.runs'), run: () => go('runs') },
    { keys: '/', text: t('keys.search'), run: focusSearch },
    { keys: 't', text: t('keys.theme'), run: nextTheme },
    { keys: ['u', 'Alt+u'], text: t('keys.undo'), run: undoLast },
  ]);
  useKeys([{ keys: '?', text: t('keys.list'), run: () => { listShown.value = true; } }], { above: true });
  return shown && html`<${KeyList} onClose=${() => { listShown.value = false; }} />`;
}

/** What the newest of the short words offers, such as to take a deletion back. */
function undoLast() {
  const one = [...toasts.value].reverse().find((toast) => toast.action);
  if (!one) return false;
  dismiss(one.id);
  one.action.run();
  return true;
}

/** The view's own search: what is marked so, else its first search field that can be seen. */
function focusSearch() {
  const fields = [...document.querySelectorAll('main [data-search], main input[type=search]')];
  const field = fields.find((one) => one.checkVisibility({ visibilityProperty: true }));
  if (!field) return false;
  field.focus();
  field.select?.();
  return true;
}

const THEMES = { auto: 'auto', light: 'sun', dark: 'moon' };

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
      <button type="button" class="button quiet icon wide-only" aria-label=${t('keys.open')} title=${t('keys.open')} onClick=${() => { listShown.value = true; }}><${Icon} name="keyboard" /></button>
      <${Bell} />
      <button type="button" class="button quiet icon wide-only" aria-label=${t(`theme.${theme.value}`)} title=${t(`theme.${theme.value}`)} onClick=${nextTheme}>
        <${Icon} name=${THEMES[theme.value]} /></button>
      <span class="narrow-only"><${Menu} label=${t('nav.more')} items=${[
        { text: t(`theme.${theme.value}`), icon: THEMES[theme.value], run: nextTheme },
        { text: t('keys.title'), icon: 'keyboard', run: () => { listShown.value = true; } },
      ]} /></span>
    </header>`;
}

const helpOf = (state) => (state === 'connecting' ? '' : t(state === 'lost' && !online.value ? 'link.offline.help' : `link.${state}.help`));

function Connection() {
  const state = connection.value;
  return html`<span class=${`connection ${state}`} role="status" title=${helpOf(state)}><span class="connection-dot" aria-hidden="true"></span><span class="connection-text">${t(`link.${state}`)}</span></span>`;
}

/** What a lost connection means, in words; it comes a moment later, so that a short break is no alarm. */
function Banner() {
  const state = connection.value;
  if (state !== 'lost' && state !== 'away') return null;
  return html`<div class="banner" role="alert"><span class="connection-dot" aria-hidden="true"></span><span>${helpOf(state)}</span></div>`;
}

function Toasts() {
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.value.map((one) => html`
        <div class=${`toast ${one.kind}`} key=${one.id}>
          <span>${one.text}</span>
          ${one.action && html`<button type="button" class="button small" title=${`${one.action.text} (u)`} onClick=${() => { dismiss(one.id); one.action.run(); }}>${one.action.text}</button>`}
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
    return html`<main class="page narrow"><div class="notice bad" role="alert"><div><strong>${t('error.page')}</strong><p>${t('error.page.help')}</p><p class="mono">${String(error?.message ?? error)}</p>
      <button type="button" class="button small" onClick=${() => location.reload()}>${t('error.page.reload')}</button></div></div></main>`;
  }
}
