/** A player for the frames of a report: slider, play, keyboard, and “live”, which follows the newest. */
import { html, useEffect, useState } from '../lib.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

const INTERVAL = 1000 / 24;

/** `ready`: the wanted frame is drawn, so the next may be asked for; `show(frame)` with −1 for live. */
export function Player({ frame, count, live, running, ready, show }) {
  const [playing, setPlaying] = useState(false);
  const last = count - 1;

  useEffect(() => {
    if (!playing || !ready) return undefined;
    const timer = setTimeout(() => {
      if (frame < last) show(frame + 1);
      else if (running) { setPlaying(false); show(-1); } else setPlaying(false);
    }, INTERVAL);
    return () => clearTimeout(timer);
  }, [playing, ready, frame, last]);

  const to = (next) => { setPlaying(false); show(Math.max(0, Math.min(last, next))); };
  const toggle = () => {
    if (!playing && frame >= last) show(0);
    else if (!playing && live) show(frame);
    setPlaying(!playing);
  };
  const onKey = (event) => {
    const act = {
      ' ': toggle, ArrowLeft: () => to(frame - 1), ArrowRight: () => to(frame + 1), Home: () => to(0), End: () => to(last),
      PageUp: () => to(frame - 10), PageDown: () => to(frame + 10),
    }[event.key];
    if (!act || (event.key === ' ' && event.target.tagName === 'BUTTON')) return;
    event.preventDefault();
    act();
  };
  const button = (name, icon, act, disabled) => html`
    <button type="button" class="button quiet icon" aria-label=${t(name)} title=${t(name)} disabled=${disabled} onClick=${act}><${Icon} name=${icon} /></button>`;
  return html`
    <div class="player" onKeyDown=${onKey}>
      ${button('player.previous', 'previous', () => to(frame - 1), frame <= 0)}
      ${button(playing ? 'player.pause' : 'player.play', playing ? 'pause' : 'play', toggle, last < 1)}
      ${button('player.next', 'next', () => to(frame + 1), frame >= last)}
      <input type="range" class="slider" min="0" max=${last} value=${frame} aria-label=${t('player.frame')}
        aria-valuetext=${t('player.of', { frame: frame + 1, count })} onInput=${(event) => to(Number(event.currentTarget.value))} />
      <span class="player-count" aria-hidden="true">${t('player.of', { frame: frame + 1, count })}</span>
      ${running && html`
        <button type="button" class="chip live" aria-pressed=${live && !playing} title=${t('player.live.help')}
          onClick=${() => { setPlaying(false); show(-1); }}><span class="live-dot" aria-hidden="true"></span>${t('player.live')}</button>`}
    </div>`;
}
