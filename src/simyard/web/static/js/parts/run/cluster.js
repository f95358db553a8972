/** What a run asks of a cluster: partition with its limits, nodes, tasks and cores, memory and time, and what a site may want beside. */
import { limitsOf, partitionOf } from '../../batch.js';
import { cls, html, useState } from '../../lib.js';
import { sizeText, timeText } from '../../resources.js';
import { t } from '../../texts.js';

/** Those that few need; shown at once where one of them is set, or wrong. */
const RARE = ['account', 'qos', 'constraint', 'gpus', 'extra'];

export function ClusterFields({ job }) {
  const raw = job.resources.value, { errors, shape: has } = job.asked.value, { model } = job, place = job.place.value;
  const [more, setMore] = useState(RARE.some((name) => raw[name]));
  const set = (name) => (event) => { job.resources.value = { ...job.resources.value, [name]: event.currentTarget.value }; };
  const shared = (name) => ({ id: `where-${name}`, 'aria-invalid': errors[name] ? 'true' : undefined, 'aria-describedby': `where-${name}-help`, onInput: set(name) });
  const below = (name, hint = '') => html`<span id=${`where-${name}-help`} class=${errors[name] ? 'field-error' : 'hint'}>${errors[name] ?? hint}</span>`;
  const field = (name, usual, extra = {}, hint = '') => html`
    <div class=${cls('cluster-field', errors[name] && 'has-error')}>
      <label for=${`where-${name}`}>${t(`cluster.${name}`)}</label>
      <input class="input small" autocomplete="off" autocapitalize="none" spellcheck=${false} value=${raw[name]} placeholder=${usual} ...${shared(name)} ...${extra} />
      ${below(name, hint)}
    </div>`;
  const count = { inputMode: 'numeric' };
  return html`
    <fieldset class="cluster-fields">
      <legend><h3>${t('cluster.title')}</h3></legend>
      <${PartitionField} raw=${raw} partitions=${place.partitions ?? []} shared=${shared('partition')} below=${below} />
      <div class="cluster-row three">
        ${field('nodes', '1', count)}${field('tasks', String(has.tasks), count)}${field('cpus_per_task', String(has.cpus_per_task), count)}
      </div>
      <p class="hint cluster-total" role="status">${t('cluster.total', { count: has.cores })}</p>
      <div class="cluster-row">
        ${field('memory', sizeText(model.memory ?? 0))}
        ${field('time_limit', model.time_limit > 0 ? timeText(model.time_limit) : t('cluster.time.partition'))}
      </div>
      <details class="cluster-more" open=${more || RARE.some((name) => errors[name])} onToggle=${(event) => setMore(event.currentTarget.open)}>
        <summary>${t('cluster.more')}</summary>
        <div class="cluster-row">${field('account', t('cluster.usual'))}${field('qos', t('cluster.usual'))}</div>
        <div class="cluster-row">${field('constraint', t('common.none'))}${field('gpus', '0', count)}</div>
        <div class=${cls('cluster-field', errors.extra && 'has-error')}>
          <label for="where-extra">${t('cluster.extra')}</label>
          <textarea class="input code" rows="2" autocomplete="off" spellcheck=${false} value=${raw.extra} ...${shared('extra')}></textarea>
          ${below('extra', t('cluster.extra.help'))}
        </div>
      </details>
    </fieldset>`;
}

/** Those that the cluster has told; a name, as long as it has told none. */
function PartitionField({ raw, partitions, shared, below }) {
  const usual = partitionOf('', partitions), chosen = partitionOf(raw.partition, partitions);
  const strange = raw.partition && !partitions.some((one) => one.name === raw.partition);
  return html`
    <div class="cluster-field">
      <label for="where-partition">${t('cluster.partition')}</label>
      ${partitions.length ? html`
        <select class="input small" value=${raw.partition} ...${shared}>
          <option value="" selected=${!raw.partition}>${usual ? t('cluster.partition.default', { name: usual.name }) : t('cluster.partition.none')}</option>
          ${strange && html`<option value=${raw.partition} selected>${raw.partition}</option>`}
          ${partitions.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === raw.partition}>${one.up ? one.name : t('cluster.partition.down', { name: one.name })}</option>`)}
        </select>`
      : html`<input class="input small" autocomplete="off" autocapitalize="none" spellcheck=${false} value=${raw.partition} placeholder=${t('cluster.usual')} ...${shared} />`}
      ${below('partition', chosen ? limitsOf(chosen) : '')}
    </div>`;
}
