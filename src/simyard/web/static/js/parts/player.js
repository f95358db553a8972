/** A player for the frames of a report: play at a chosen speed, loop, step by keyboard, “live”, which follows the newest. */
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { useKeys } from '../keys.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/** Frames a second at speed 1; no more than this are drawn a second: above, some are left out. */
const RATE = 24, MOST = 48;
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const KEY = 'simyard.player';

/** @returns {{speed: number, loop: boolean}} */
function remembered() {
  try {
    const { speed, loop } = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { speed: SPEEDS.includes(speed) ? speed : 1, loop: Boolean(loop) };
  } catch {
    return { speed: 1, loop: false };
  }
}

/**
 * @param {object} what
 * @param {number} what.frame the one that is wanted; `shown`: the one that stands
 * @param {number} what.shown @param {number} what.count @param {boolean} what.live @param {boolean} what.running more frames may come
 * @param {import('../film.js').Film} what.film what is asked for ahead
 * @param {(frame: number) => void} what.show −1 for live
 * @param {boolean} what.playing @param {(playing: boolean) => void} what.setPlaying
 */
export function Player({ frame, shown, count, live, running, film, show, playing, setPlaying }) {
  const [{ speed, loop }, setChoice] = useState(remembered);
  const [rate, setRate] = useState(0);
  const last = count - 1;
  const now = useRef({ frame, shown, count, loop, running, film, speed, show });
  now.current = { frame, shown, count, loop, running, film, speed, show };

  const choose = (/** @type {object} */ change) => {
    const next = { speed, loop, ...change };
    setChoice(next);
    localStorage.setItem(KEY, JSON.stringify(next));
  };

  usePlaying(playing, now, setPlaying, setRate);

  const to = (/** @type {number} */ next) => { setPlaying(false); show(Math.max(0, Math.min(last, next))); };
  const toggle = () => {
    if (!playing && frame >= last) show(0);
    else if (!playing && live) show(frame);
    setPlaying(!playing);
  };
  const act = (/** @type {KeyboardEvent} */ event) => ({
    ' ': toggle, ArrowLeft: () => to(frame - (event.shiftKey ? 10 : 1)), ArrowRight: () => to(frame + (event.shiftKey ? 10 : 1)),
    Home: () => to(0), End: () => to(last), PageUp: () => to(frame - 10), PageDown: () => to(frame + 10),
  })[event.key];
  const onKey = (/** @type {any} */ event) => {
    const does = act(event);
    if (!does || event.target.tagName === 'SELECT' || (event.key === ' ' && event.target.tagName === 'BUTTON') || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  };
  useKeys([
    { keys: 'Space', text: t('player.key.play') }, { keys: ['ArrowLeft', 'ArrowRight'], text: t('player.key.step') },
    { keys: ['Shift+ArrowLeft', 'Shift+ArrowRight'], text: t('player.key.ten') }, { keys: ['Home', 'End'], text: t('player.key.ends') },
  ], { group: t('player.keys') });

  const button = (/** @type {string} */ name, /** @type {string} */ icon, /** @type {() => void} */ does, /** @type {boolean} */ disabled) => html`
    <button type="button" class="button quiet icon small" aria-label=${t(name)} title=${t(name)} disabled=${disabled} onClick=${does}><${Icon} name=${icon} /></button>`;
  return html`
    <div class="player" role="group" aria-label=${t('player.label')} onKeyDown=${onKey}>
      ${button('player.previous', 'previous', () => to(frame - 1), frame <= 0)}
      ${button(playing ? 'player.pause' : 'player.play', playing ? 'pause' : 'play', toggle, last < 1)}
      ${button('player.next', 'next', () => to(frame + 1), frame >= last)}
      <input type="range" class="slider" min="0" max=${last} value=${frame} aria-label=${t('player.frame')} style=${{ '--at': `${last ? (100 * frame) / last : 100}%` }}
        aria-valuetext=${t('player.of', { frame: frame + 1, count })} onInput=${(/** @type {any} */ event) => to(Number(event.currentTarget.value))} />
      <span class="player-count" aria-hidden="true" style=${{ minWidth: `${2 * String(count).length + 4}ch` }}>${t('player.of', { frame: frame + 1, count })}</span>
      <select class="input small player-speed" aria-label=${t('player.speed')} title=${t('player.speed')} value=${speed} onChange=${(/** @type {any} */ event) => choose({ speed: Number(event.currentTarget.value) })}>
        ${SPEEDS.map((one) => html`<option key=${one} value=${one} selected=${one === speed}>${t('player.times', { speed: one })}</option>`)}
      </select>
      <span class="player-rate" aria-hidden="true" title=${t('player.rate.help')}>${t('player.rate', { rate: playing && rate ? Math.round(rate) : RATE * speed })}</span>
      <button type="button" class="button quiet icon small toggle" aria-pressed=${loop} aria-label=${t('player.loop')} title=${t('player.loop')} onClick=${() => choose({ loop: !loop })}><${Icon} name="loop" /></button>
      ${running && html`
        <button type="button" class="chip live" aria-pressed=${live && !playing} title=${t('player.live.help')}
          onClick=${() => { setPlaying(false); show(-1); }}><span class="live-dot" aria-hidden="true"></span>${t('player.live')}</button>`}
    </div>`;
}

/**
 * Shows the next frame whenever its time has come and it is here; what comes after is asked for ahead.
 * @param {boolean} playing @param {{current: any}} now what is true in this moment @param {(playing: boolean) => void} setPlaying @param {(rate: number) => void} setRate
 */
function usePlaying(playing, now, setPlaying, setRate) {
  useLayoutEffect(() => {
    if (!playing) return undefined;
    let due = 0, request = 0;
    const painted = /** @type {number[]} */ ([]);
    const tick = (/** @type {number} */ time) => {
      request = requestAnimationFrame(tick);
      const { frame, shown, count, loop, running, film, speed, show } = now.current;
      const wanted = RATE * speed, step = Math.ceil(wanted / MOST), pause = (1000 * step) / wanted;
      if (shown !== frame) return; // the one before is still on its way
      if (time < due - 2) return;
      const next = frame + step < count ? frame + step : loop ? (frame + step) % count : -1;
      if (next < 0) {
        setPlaying(false);
        if (running) show(-1);
        return;
      }
      film.ahead(frame, step, count, loop);
      if (!film.has(next)) return;
      // a late frame does not hurry those after it, but a little lateness does not add up
      due = due && time - due < pause ? due + pause : time + pause;
      painted.push(time);
      if (painted.length > RATE) painted.shift();
      if (painted.length > 3 && frame % 6 === 0) setRate((1000 * step * (painted.length - 1)) / (time - painted[0]));
      show(next);
    };
    request = requestAnimationFrame(tick);
    return () => { cancelAnimationFrame(request); now.current.film.stop(); setRate(0); };
  }, [playing]);
  // what was asked for ahead is let go with the player
  useEffect(() => () => now.current.film.stop(), []);
}
