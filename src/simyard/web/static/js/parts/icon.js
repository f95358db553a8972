/** Small line icons, drawn here: paths in a 20 × 20 box. */
import { html } from '../lib.js';

const PATHS = {
  play: 'M6 4.2v11.6l9.5-5.8z',
  pause: 'M6.5 4.5v11M13.5 4.5v11',
  stop: 'M5.5 5.5h9v9h-9z',
  previous: 'M12.5 5l-5 5 5 5',
  next: 'M7.5 5l5 5-5 5',
  down: 'M5 7.5l5 5 5-5',
  plus: 'M10 4.5v11M4.5 10h11',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4',
  file: 'M5.5 2.8h6l3.5 3.5v10.9h-9.5zM11.2 3v3.6h3.6',
  upload: 'M10 13V4M6.3 7.5L10 3.8l3.7 3.7M4 13.5v2.7h12v-2.7',
  download: 'M10 3.8v9M6.3 9.2L10 12.9l3.7-3.7M4 13.5v2.7h12v-2.7',
  trash: 'M4.5 6h11M8 6V4h4v2M6 6l.6 10h6.8L14 6',
  copy: 'M7.5 7.5h8.5v8.5H7.5zM12.5 7.5V4H4v8.5h3.5',
  sun: 'M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7L6 6M14 14l1.3 1.3M4.7 15.3L6 14M14 6l1.3-1.3',
  moon: 'M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z',
  auto: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 3v14M10 6.5l5.5-1M10 10h7M10 13.5l5.5 1',
  warning: 'M10 3.2L18 16.5H2zM10 8v4M10 14.2v.2',
  check: 'M4.5 10.5l3.7 3.7 7.3-8',
  back: 'M12.5 4.5L7 10l5.5 5.5',
  reset: 'M4.5 10a5.5 5.5 0 1 0 1.8-4.1M4.3 3.5v3.2h3.2',
  edit: 'M4 16l.8-3.5L13.5 3.8l2.7 2.7-8.7 8.7z',
};

export function Icon({ name }) {
  return html`<svg class="glyph" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
