/** How the login to a place stands, wherever the place is named, and the way to it. */
import { moment } from '../../format.js';
import { cls, html, useEffect } from '../../lib.js';
import { openLogin, wantsLogin } from '../../login.js';
import { loadTargets, targets } from '../../store.js';
import { t } from '../../texts.js';

/** Milliseconds between two looks at how the logins stand, of which the page is told as well, as far as anybody hears of it. */
const LOOK = 10_000;
let watchers = 0, timer = 0;

/** While this is shown and a place has a login, how the places stand is looked at again and again: once for all that show it. */
export function usePlaces(wanted = true) {
  const watched = wanted && targets.value.some((one) => one.login);
  useEffect(() => {
    if (!watched) return undefined;
    watchers += 1;
    if (watchers === 1) timer = window.setInterval(() => { if (!document.hidden) loadTargets(); }, LOOK);
    return () => { watchers -= 1; if (!watchers) clearInterval(timer); };
  }, [watched]);
}

/**
 * “needs login”, “lost since 14:05”, “refused: …”; "" where there is no login, or nothing to say of it.
 * @param {any} place
 */
export function loginWords(place, brief = false) {
  const login = place?.login;
  if (!login || login === 'not-needed' || login === 'untried') return '';
  if (login === 'lost' && place.since) return t('login.state.lost.since', { time: moment(place.since) });
  if (login === 'refused' && place.detail && !brief) return t('login.state.refused.why', { words: place.detail });
  return t(`login.state.${login}`);
}

/**
 * The button that opens the login: the one thing to do where it is wanted, quiet where it stands.
 * @param {{ place: any, primary?: boolean }} props
 */
export function LoginButton({ place, primary = false }) {
  if (!place?.login || place.login === 'not-needed' || place.state === 'disabled') return null;
  const wanted = wantsLogin(place);
  return html`<button type="button" class=${cls('button small login-button', wanted ? primary && 'primary' : 'quiet')} aria-label=${t(wanted ? 'login.to' : 'login.show.of', { target: place.name })} onClick=${() => openLogin(place.name)}>${t(wanted ? 'login.go' : 'login.show')}</button>`;
}
