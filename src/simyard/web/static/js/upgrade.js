/** An upgrade while the page is open: what is loaded goes on, and the page says that there is a newer one. */
import { t } from './texts.js';
import { toast } from './toasts.js';

/** The version of this page's files is in the address of each of them (web/assets.py). */
const mine = /\/static\/(v[0-9a-f]+)\//.exec(import.meta.url)?.[1] ?? '';
let said = false;

/** Asks, after a break, whether Simyard has been replaced by another version; answers whether it has. */
export async function lookForUpgrade() {
  if (said || !mine) return said;
  const answer = await fetch('/', { method: 'HEAD', cache: 'no-store', credentials: 'same-origin' });
  const theirs = /v[0-9a-f]+/.exec(answer.headers.get('ETag') ?? '')?.[0];
  if (answer.ok && theirs && theirs !== mine) {
    said = true;
    toast(t('app.upgraded'), { ms: 3_600_000, action: { text: t('common.reload'), run: () => location.reload() } });
  }
  return said;
}
