/** The event stream: read by fetch, so that it can go on after the last event that was seen, whatever broke it. */
import { api, session } from './api.js';
import { signal } from './lib.js';

/** connecting, live, lost (nobody answers), or away (web answers, the supervisor does not). */
export const connection = signal('connecting');

const SILENCE = 35_000; // the server says something at least every 15 s
const GRACE = 1200;
const PAUSES = [200, 500, 1000, 2000, 4000];

/** Splits the bytes of a text/event-stream into events {id, event, data}; `feed` may be given any piece of it. */
export class Parser {
  #rest = '';
  #decoder = new TextDecoder();

  /** The events that this piece completes. */
  feed(bytes) {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n\n');
    this.#rest = lines.pop();
    return lines.map(parseEvent).filter(Boolean);
  }
}

function parseEvent(block) {
  const event = { id: '', event: 'message', data: '' };
  let said = false;
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue; // a comment keeps the connection alive and says nothing
    const value = line.slice(colon + 1).replace(/^ /, '').replace(/\r$/, '');
    const field = line.slice(0, colon);
    if (field === 'data') { event.data += (event.data ? '\n' : '') + value; said = true; }
    else if (field === 'id' || field === 'event') { event[field] = value; said = true; }
  }
  return said ? event : null;
}

let last = '';
let attempt = 0;
let cut = null;
let wake = null;
let away = 0;

/** Listens for as long as the page lives. `onEvent(name, data)`; `onBack` after a break, once the stream is there again. */
export async function listen(onEvent, onBack) {
  for (let broken = false; ; broken = true) {
    if (session.value === null) { await pause(1000); continue; }
    try {
      await follow(onEvent, broken ? onBack : null);
    } catch (error) {
      connection.value = error.status >= 500 ? 'away' : 'lost';
      if (error.code === 'stale-event-id' || error.status === 400 || error.status === 410) last = '';
    }
    await pause(PAUSES[Math.min(attempt++, PAUSES.length - 1)]);
  }
}

async function follow(onEvent, onBack) {
  cut = new AbortController();
  let timer = setTimeout(() => cut.abort(), SILENCE);
  try {
    const response = await api.events(last, cut.signal);
    const reader = response.body.getReader();
    const parser = new Parser();
    attempt = 0;
    connection.value = 'live';
    onBack?.();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(timer);
      timer = setTimeout(() => cut.abort(), SILENCE);
      for (const event of parser.feed(value)) {
        if (event.id) last = event.id;
        if (event.data) take(event, onEvent);
      }
    }
    connection.value = 'lost';
  } finally {
    clearTimeout(timer);
    clearTimeout(away);
  }
}

function take(event, onEvent) {
  const data = JSON.parse(event.data);
  if (event.event === 'supervisor') {
    // a supervisor that starts again is back in a moment: no alarm for that
    clearTimeout(away);
    if (data.connected) connection.value = 'live';
    else away = setTimeout(() => { connection.value = 'away'; }, GRACE);
  }
  onEvent(event.event, data);
}

const pause = (ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  wake = () => { clearTimeout(timer); resolve(); };
});

// a laptop that wakes, or a network that is back, need not wait out the pause
function hurry() {
  attempt = 0;
  wake?.();
}
addEventListener('online', hurry);
document.addEventListener('visibilitychange', () => { if (!document.hidden) hurry(); });
addEventListener('offline', () => cut?.abort());
