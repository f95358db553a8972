/** Why isn't it running? The gates in words, live: those that it has passed, the one that it stands at, its place in the line, and what would clear it. */
import { api } from '../../api.js';
import { html, useEffect, useState } from '../../lib.js';
import { link } from '../../route.js';
import { waitsFor } from '../../states.js';
import { targets } from '../../store.js';
import { t } from '../../texts.js';
import { Icon } from '../icon.js';
import { LoginButton, usePlaces } from '../login/state.js';

/** Milliseconds: what passes at once needs no explanation, and how often it is asked for again. */
const FIRST = 400, AGAIN = 2000;
const GATES = ['wanted', 'target', 'credentials', 'limits', 'resources', 'agent', 'slot'];

/** The supervisor's explanation of a run that waits, asked for again while it does; null before it is there. */
function useExplanation(run, waits) {
  const [said, setSaid] = useState(/** @type {any} */ (null));
  useEffect(() => {
    if (!waits) { setSaid(null); return undefined; }
    let current = true, timer = 0;
    const ask = () => {
      api.explain(run.id).then((answer) => current && setSaid(answer), () => { /* the connection says so */ })
        .finally(() => { if (current) timer = window.setTimeout(ask, document.hidden ? AGAIN * 5 : AGAIN); });
    };
    timer = window.setTimeout(ask, FIRST);
    return () => { current = false; clearTimeout(timer); };
  }, [run.id, waits]);
  return waits && said?.run === run.id ? said : null;
}

export function WhyWaiting({ run }) {
  const waits = run.state === 'pending';
  const said = useExplanation(run, waits);
  usePlaces(waits);
  if (!waits) return null;
  const gates = said?.gates?.length ? said.gates : run.waiting ?? [];
  const [blocked] = waitsFor({ waiting: gates });
  const position = said?.position ?? 0;
  if (!blocked && !position) return null;
  const login = blocked?.gate === 'credentials' && (targets.value.find((one) => one.name === run.target) ?? { name: run.target, login: 'needs-login' });
  const ahead = blocked && ['resources', 'limits'].includes(blocked.gate);
  return html`
    <section class="why" aria-label=${t('run.waitingfor')}>
      <div class="why-head"><strong>${t('run.waitingfor')}</strong>${position > 0 && html`<span class="why-place">${t(position === 1 ? 'run.position.first' : 'run.position', { position })}</span>`}</div>
      <p role="status">${blocked?.detail ?? said?.summary}</p>
      ${login && html`<div><${LoginButton} place=${login} primary /></div>`}
      <ol class="gates" aria-label=${t('gate.all')}>
        ${GATES.map((name) => {
          const verdict = gates.find((one) => one.gate === name);
          const state = !verdict ? 'later' : verdict.passed ? 'passed' : 'here';
          return html`<li key=${name} class=${`gate ${state}`} title=${t(`gate.state.${state}`)}>${state === 'passed' ? html`<${Icon} name="check" />` : html`<span class="gate-dot" aria-hidden="true"></span>`}${t(`gate.${name}`)}<span class="visually-hidden">: ${t(`gate.state.${state}`)}</span></li>`;
        })}
      </ol>
      ${ahead && html`<a class="why-link" href=${`${link('runs')}?show=active`}>${t('run.ahead')}<${Icon} name="next" /></a>`}
    </section>`;
}
