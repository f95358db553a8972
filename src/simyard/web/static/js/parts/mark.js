/** The mark of Simyard. */
import { html } from '../lib.js';

export const Mark = () => html`
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" />
    <path d="M6 21c3.4 0 3.4-10 6.7-10s3.3 10 6.6 10 3.4-10 6.7-10" /><circle cx="12.7" cy="11" r="2.3" /><circle cx="19.3" cy="21" r="2.3" /></svg>`;
