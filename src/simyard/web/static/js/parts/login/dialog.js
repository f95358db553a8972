/** The login to a cluster, in the cluster's own words: its questions one after the other, an unknown host to be compared, what was refused. */
import { moment } from '../../format.js';
import { cls, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../../lib.js';
import { Login, shown } from '../../login.js';
import { t } from '../../texts.js';
import { toast } from '../../toasts.js';
import { Copyable } from '../copyable.js';
import { Dialog } from '../dialog.js';
import { Icon } from '../icon.js';

/** States in which the conversation has come to an end. */
const OVER = new Set(['ready', 'not-needed']);

export function LoginDialog({ target }) {
  const login = useMemo(() => new Login(target), [target]);
  const first = useRef(true);
  const close = () => { if (shown.value === target) shown.value = ''; };
  useEffect(() => {
    login.open();
    return () => login.close();
  }, [login]);
  const answer = login.answer.value, busy = login.busy.value;
  useEffect(() => {
    if (!answer || answer.state === 'connecting') return;
    // whoever opens it on a login that stands wants to see it; whoever has just logged in is done
    if (answer.state === 'ready' && !first.current) {
      toast(t('login.ready.toast', { target }));
      close();
    }
    first.current = false;
  }, [answer]);
  return html`
    <${Dialog} title=${t('login.to', { target })} onClose=${close}>
      <div class="login-talk" aria-busy=${busy}>
        <${Turn} login=${login} answer=${answer} busy=${busy} close=${close} />
      </div>
    <//>`;
}

/** What is to be done now. */
function Turn({ login, answer, busy, close }) {
  const { target } = login, error = login.error.value;
  if (error) return html`<div class="notice bad" role="alert"><${Icon} name="warning" /><p class="reason">${error.detail}</p></div><${Foot} login=${login} close=${close} primary=${() => login.begin()} words=${t('login.again')} />`;
  if (!answer || (busy && answer.state !== 'asking') || answer.state === 'connecting') return html`<${Connecting} login=${login} close=${close} />`;
  switch (answer.state) {
    case 'asking': return html`<${Questions} key=${login.asked.value} login=${login} answer=${answer} busy=${busy} close=${close} />`;
    case 'unknown-host': return html`<${UnknownHost} key=${answer.fingerprint} login=${login} answer=${answer} close=${close} />`;
    case 'refused': return html`
      <div class="notice bad" role="alert"><${Icon} name="warning" /><p class="reason">${answer.words || t('login.refused', { target })}</p></div>
      <${Foot} login=${login} close=${close} name primary=${() => login.begin()} words=${t('login.again')} quiet=${!answer.again} />`;
    default: return html`
      <p role="status" class="login-state">${OVER.has(answer.state) && html`<${Icon} name="check" />`}<span>${stateWords(answer, target)}</span></p>
      ${answer.words && html`<p class="login-said">${answer.words}</p>`}
      ${OVER.has(answer.state)
        ? html`${answer.state === 'ready' && html`<p class="hint">${t('login.end.help')}</p>`}
          <div class="login-foot">${answer.state === 'ready' && html`<button type="button" class="button stop" onClick=${() => login.end()}>${t('login.end')}</button>`}<span class="spacer"></span><${First} onClick=${close}>${t('common.close')}<//></div>`
        : html`<${Foot} login=${login} close=${close} name primary=${() => login.begin()} words=${t('login.begin')} />`}`;
  }
}

function stateWords(answer, target) {
  if (answer.state === 'lost') return answer.since ? t('login.lost', { target, time: moment(answer.since) }) : t('login.lost.now', { target });
  return t(`login.${answer.state}`, { target });
}

function Connecting({ login, close }) {
  return html`
    <p role="status" class="login-state"><span class="spinner small" aria-hidden="true"></span><span>${t('login.connecting', { target: login.target })}</span></p>
    <div class="login-foot"><span class="spacer"></span><${First} quiet onClick=${close}>${t('common.close')}<//></div>`;
}

/** The host's questions, word by word. */
function Questions({ login, answer, busy, close }) {
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const fields = () => /** @type {HTMLInputElement[]} */ ([...(form.current?.querySelectorAll('.login-prompt input') ?? [])]);
  useLayoutEffect(() => { fields()[0]?.focus(); }, []);
  const send = (event) => {
    event.preventDefault();
    const answers = fields().map((one) => one.value);
    // in no field, and so in no form that the browser keeps
    for (const one of fields()) one.value = '';
    login.reply(answers);
  };
  const words = answer.words.trim();
  return html`
    <form ref=${form} class="login-form" onSubmit=${send} autocomplete="off">
      ${words && html`<p class="login-said" role=${login.asked.value > 1 ? 'alert' : undefined}>${words}</p>`}
      <h3>${t('login.asks', { host: answer.host || login.target })}</h3>
      ${answer.prompts.map((one, at) => html`
        <div class="login-prompt" key=${at}>
          <label for=${`login-answer-${at}`}>${one.text.trim() || t('login.answer')}</label>
          <input id=${`login-answer-${at}`} class="input" type=${one.echo ? 'text' : 'password'} autocomplete=${one.echo ? 'off' : 'one-time-code'} autocapitalize="none" spellcheck=${false} disabled=${busy} />
        </div>`)}
      <p class="hint">${t('login.private', { host: answer.host || login.target })}</p>
      <div class="login-foot">
        <${Name} login=${login} />
        <span class="spacer"></span>
        <button type="button" class="button" onClick=${async () => { close(); await login.end(); }}>${t('login.stop')}</button>
        <button type="submit" class="button primary" disabled=${busy}>${busy ? html`<span class="spinner small" aria-hidden="true"></span>` : ''}${t('login.send')}</button>
      </div>
    </form>`;
}

/** A host that nobody has seen before: its fingerprint, to be compared with what the site tells. */
function UnknownHost({ login, answer, close }) {
  const [given, setGiven] = useState('');
  const told = sameAs(given, answer.fingerprint);
  return html`
    <h3>${t('login.unknown', { host: answer.host })}</h3>
    ${answer.words && html`<p class="login-said">${answer.words}</p>`}
    <p>${t('login.unknown.help', { host: answer.host })}</p>
    <div class="login-print"><span class="label">${t('login.fingerprint', { type: answer.key_type })}</span><${Copyable} text=${answer.fingerprint} /></div>
    <div class="login-prompt">
      <label for="login-compare">${t('login.compare')}</label>
      <input id="login-compare" class="input code" autocomplete="off" spellcheck=${false} value=${given} aria-describedby="login-compared" onInput=${(event) => setGiven(event.currentTarget.value)} />
      <p id="login-compared" role="status" class=${told === false ? 'field-error' : 'hint'}>${told === null ? '' : t(told ? 'login.compare.same' : 'login.compare.other')}</p>
    </div>
    <div class="login-foot">
      <span class="spacer"></span>
      <button type="button" class="button" onClick=${async () => { close(); await login.end(); }}>${t('login.stop')}</button>
      <button type="button" class="button primary" disabled=${told === false} onClick=${() => login.accept()}>${t('login.accept')}</button>
    </div>`;
}

/**
 * Whether what somebody has pasted holds that fingerprint (`ssh-keygen -l` writes more around it); null while nothing is pasted.
 * @param {string} given
 * @param {string} fingerprint
 */
export function sameAs(given, fingerprint) {
  const words = given.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const bare = (/** @type {string} */ text) => text.replace(/^SHA256:/i, '').replace(/=+$/, '');
  return words.some((word) => bare(word) === bare(fingerprint));
}

/** A button that has the focus as soon as it stands. */
function First({ onClick, quiet = false, children }) {
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => { button.current?.focus(); }, []);
  return html`<button ref=${button} type="button" class=${cls('button', !quiet && 'primary')} onClick=${onClick}>${children}</button>`;
}

/** The way on: `primary` under its `words`, closing, and (with `name`) another name. */
function Foot({ login, close, primary, words, name = false, quiet = false }) {
  return html`
    <div class="login-foot">
      ${name && html`<${Name} login=${login} />`}
      <span class="spacer"></span>
      <button type="button" class="button" onClick=${close}>${t('common.close')}</button>
      <${First} quiet=${quiet} onClick=${primary}>${words}<//>
    </div>`;
}

/** To log in as somebody else there. */
function Name({ login }) {
  const [open, setOpen] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => { if (open) field.current?.focus(); }, [open]);
  const go = () => login.begin((field.current?.value ?? '').trim());
  if (!open) return html`<button type="button" class="linklike login-other" onClick=${() => setOpen(true)}>${t('login.name.open')}</button>`;
  const onKey = (event) => { if (event.key === 'Enter') { event.preventDefault(); go(); } };
  return html`
    <div class="login-name">
      <label for="login-name">${t('login.name')}</label>
      <input id="login-name" ref=${field} class="input small" autocomplete="off" autocapitalize="none" spellcheck=${false} aria-describedby="login-name-help" onKeyDown=${onKey} />
      <button type="button" class="button small" onClick=${go}>${t('login.name.go')}</button>
      <span id="login-name-help" class="hint">${t('login.name.help')}</span>
    </div>`;
}
