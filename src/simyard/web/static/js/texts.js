/** Every word that the page itself says: `t('key', {name})`. A value may be {one, other}, chosen by `count`; a part of the page has a file of its own. */
import app from './texts/app.js';
import cluster from './texts/cluster.js';
import form from './texts/form.js';
import gallery from './texts/gallery.js';
import history from './texts/history.js';
import report from './texts/report.js';
import run from './texts/run.js';
import runfiles from './texts/runfiles.js';
import runs from './texts/runs.js';
import shell from './texts/shell.js';
import simulations from './texts/simulations.js';
import source from './texts/source.js';
import workspace from './texts/workspace.js';

const ENGLISH = { ...app, ...cluster, ...form, ...gallery, ...history, ...report, ...run, ...runfiles, ...runs, ...shell, ...simulations, ...source, ...workspace };

const plural = new Intl.PluralRules('en');

/** The text of that key with its {parameters} filled in; a key that is not there is shown, so that it is noticed. */
export function t(key, parameters = {}) {
  let text = ENGLISH[key] ?? key;
  if (typeof text === 'object') text = text[plural.select(parameters.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in parameters ? String(parameters[name]) : whole));
}
