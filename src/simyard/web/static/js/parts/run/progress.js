/** How far a run is: bar, percent, its own words, frames, the range of time that is left, memory. */
import { size } from '../../format.js';
import { cls, html } from '../../lib.js';
import { leftOf, leftText } from '../../pace.js';
import { t } from '../../texts.js';

/** From this share of what is allowed on, the memory of a run is a warning. */
const TIGHT = 0.9;

/** How far an active run is. A run that does not say how far it is shows that it moves. `small`: the bar alone, and percent and time left as its title. */
export function ProgressBar({ run, small = false }) {
  const fraction = run.progress?.fraction;
  const known = fraction != null;
  const percent = known ? Math.round(fraction * 100) : undefined;
  const left = leftText(leftOf(run));
  const { message, frames } = run.progress ?? {};
  return html`
    <div class=${cls('progress', run.state, small && 'small')}>
      <div class=${cls('bar', !known && 'unknown')} role="progressbar" aria-label=${t('run.progress')} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent} aria-valuetext=${[known && `${percent} %`, left].filter(Boolean).join(', ') || undefined}>
        <div class="bar-fill" style=${{ width: known ? `${fraction * 100}%` : '100%' }}></div>
      </div>
      ${small
        ? html`<div class="progress-words"><span>${known ? `${percent} %` : ''}</span><span>${left}</span></div>`
        : html`
          <div class="progress-words">
            <span class="progress-said">${known && html`<strong>${percent} %</strong>`}${message && html`<span class="said" title=${message}> ${message}</span>`}</span>
            <span class="progress-facts">
              ${frames > 0 && html`<span>${t('run.frames', { count: frames })}</span>`}
              <${Memory} run=${run} />
              ${left ? html`<span class="time-left">${left}</span>` : run.state === 'running' && html`<span class="time-left hint">${t('run.left.unknown')}</span>`}
            </span>
          </div>`}
    </div>`;
}

/** Memory of a run that goes on, and a word when it comes near what is allowed. */
function Memory({ run }) {
  const now = run.progress?.memory, peak = run.progress?.peak_memory, allowed = run.resources?.memory;
  if (!(now > 0)) return null;
  const tight = allowed > 0 && Math.max(now, peak ?? 0) > TIGHT * allowed;
  const title = [peak > 0 && t('run.memory.peak', { size: size(peak) }), allowed > 0 && t('run.memory.allowed', { size: size(allowed) })].filter(Boolean).join(', ');
  return html`<span class=${cls('memory', tight && 'tight')} title=${title}>${t(allowed ? 'run.memory.of' : 'run.memory', { size: size(now), allowed: size(allowed) })}${tight && ` · ${t('run.memory.tight')}`}</span>`;
}
