/** The clusters above the list of runs: how the login to each stands, and the way to it. */
import { html } from '../../lib.js';
import { targets } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { LoginButton, usePlaces } from '../login/state.js';
import { PlaceState, detailOf } from '../run/place.js';

export function Clusters() {
  usePlaces();
  const clusters = targets.value.filter((one) => one.login && one.login !== 'not-needed' && one.state !== 'disabled');
  if (!clusters.length) return null;
  return html`
    <ul class="clusters" aria-label=${t('login.places')}>
      ${clusters.map((one) => html`
        <li key=${one.name}>
          <${Icon} name="server" /><strong>${one.name}</strong><${PlaceState} place=${one} />
          ${detailOf(one) && html`<span class="hint cluster-detail">${detailOf(one)}</span>`}
          <${LoginButton} place=${one} />
        </li>`)}
    </ul>`;
}
