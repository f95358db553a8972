/** What a cluster says of a run that it has: in words, with the number of its job and when it is expected to begin; and when it says nothing. */
import { moment, now, seconds } from '../../format.js';
import { html } from '../../lib.js';
import { isActive } from '../../states.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';

/** The cluster writes its own clock's time after its words; here the browser's stands. */
const ITS_TIME = /; Slurm expects [\d :-]+(?=\.?$)/;

export function RemoteWords({ run }) {
  const { remote } = run;
  if (!remote || !isActive(run)) return null;
  const { job, words, expected, silent_since: silent } = remote;
  // a forecast that has passed says nothing any more
  const soon = expected && seconds(expected) > now.value;
  if (!job && !words && !silent) return null;
  return html`
    <section class="remote" aria-label=${t('remote.title', { where: run.target })}>
      <${Icon} name="server" />
      <div>
        ${!words && !silent && html`<p>${t('remote.there', { where: run.target })}</p>`}
        ${words && html`<p role="status">${soon ? words.replace(ITS_TIME, '') : words}</p>`}
        ${soon && html`<p class="number">${t('remote.expected', { time: moment(expected) })}</p>`}
        ${silent && html`<p class="remote-silent">${t('remote.silent', { where: run.target, time: moment(silent) })}</p>`}
      </div>
      ${job && html`<span class="hint number">${t('remote.job', { job })}</span>`}
    </section>`;
}
