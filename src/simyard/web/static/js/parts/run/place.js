/** A place to run: its state in words, what is free, what it would cost in waiting, and the login where one is needed. */
import { coarse } from '../../eta.js';
import { moment, size, ticking } from '../../format.js';
import { cls, html } from '../../lib.js';
import { t } from '../../texts.js';
import { LoginButton, loginWords } from '../login/state.js';

export function Place({ one, wait, chosen, choose }) {
  const free = one.cores > 0 && t('where.free', { free: one.cores_free, count: one.cores, memory: size(one.memory_free) });
  const disk = diskText(one.disk), full = diskFull(one.disk);
  return html`
    <div class=${cls('place', chosen && 'chosen', one.state)}>
      <label>
        <input type="radio" name="place" value=${one.name} checked=${chosen} disabled=${one.state === 'disabled'} onChange=${choose} />
        <span class="place-words">
          <span class="place-name"><strong>${one.name}</strong><${PlaceState} place=${one} /></span>
          ${detailOf(one) && html`<span class="place-detail">${detailOf(one)}</span>`}
          <span class="hint number">${[free, one.waiting > 0 && t('where.line', { count: one.waiting })].filter(Boolean).join(' · ')}</span>
          ${disk && html`<span class=${cls('hint', 'number', full && 'place-full')}>${disk}</span>`}
        </span>
        <span class="place-wait number">${waitText(wait, one)}</span>
      </label>
      <${LoginButton} place=${one} />
    </div>`;
}

/** What there is to say of a place beside its state; where it wants a login, the button says so. */
export const detailOf = (/** @type {any} */ one) => (['needs-login', 'asking', 'unknown-host'].includes(one.login) && one.state !== 'disabled' ? '' : one.detail);

/** A dot and a word or two: “ready”, “needs login”, “not answering since 20:15”. */
export function PlaceState({ place }) {
  const login = ['', 'ready', 'not-needed', 'untried'].includes(place.login ?? '') || place.state === 'disabled' ? '' : loginWords(place, true);
  return html`<span class=${`place-state ${login ? place.login : place.state}`}><span class="badge-dot" aria-hidden="true"></span>${login || stateText(place)}</span>`;
}

/** “not answering since 20:15” */
function stateText(one) {
  const state = t(`where.state.${one.state}`);
  return one.since && ['away', 'silent'].includes(one.state) ? t('where.since', { state, time: moment(one.since) }) : state;
}

/** What the user's files and runs take of the disk there; "" where nobody counts. */
export function diskText(disk) {
  if (!disk) return '';
  if (disk.quota) return disk.used === null ? '' : t('where.disk', { used: size(disk.used), quota: size(disk.quota) });
  return disk.free === null ? '' : t('where.disk.free', { free: size(disk.free) });
}

/** Whether no new run starts there for want of room on the disk. */
export function diskFull(disk) {
  return Boolean(disk) && ((disk.quota > 0 && disk.used !== null && disk.used >= disk.quota) || (disk.keep > 0 && disk.free !== null && disk.free < disk.keep));
}

/** “starts at once”, “waits 2–5 min” */
export function waitText(wait, one) {
  if (!wait || ['disabled', 'needs-login', 'connecting', 'refused', 'silent'].includes(one.state)) return '';
  if (wait.high < 2) return t('where.wait.none');
  const high = ticking(coarse(wait.high));
  if (wait.low < 2 || coarse(wait.low) === coarse(wait.high)) return t('where.wait.upto', { high });
  return t('where.wait', { low: ticking(coarse(wait.low)), high });
}
