/** The event stream: read by fetch, so that it can go on after the last event that was seen, whatever broke it. */
import { api, session } from './api.js';
import { signal } from './lib.js';

/** connecting, live, lost (nobody answers), or away (web answers, the supervisor does not). */
export const connection = signal('connecting');
/** Whether this machine has a network at all, as the browser says. */
export const online = signal(navigator.onLine);

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
    this.#rest = lines.pop() ?? '';
    return lines.map(parseEvent).flatMap((event) => event ?? []);
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
/** @type {AbortController | null} */
let cut = null;
/** @type {(() => void) | null} */
let wake = null;
let away = 0;
let heard = Date.now();
let slept = false;
/** When a timer was so late that this machine may have slept, or been busy; 0 once the stream has spoken since. */
let dozed = 0;

/**
 * Listens for as long as the page lives.
 * @param {(name: string, data: any) => void} onEvent
 * @param {(how: { again: boolean, slept: boolean }) => void} onOpen once the stream is there; `again`: after a break; `slept`: which was this machine's sleep
 */
export async function listen(onEvent, onOpen) {
  for (let again = false; ; again = true) {
    if (session.value === null) { await pause(1000); continue; }
    try {
      await follow(onEvent, onOpen, again);
    } catch (error) {
      connection.value = error.status >= 500 ? 'away' : 'lost';
      if (error.code === 'stale-event-id' || error.status === 400 || error.status === 410) last = '';
    }
    await pause(PAUSES[Math.min(attempt++, PAUSES.length - 1)]);
  }
}

async function follow(onEvent, onOpen, again) {
  const abort = (cut = new AbortController());
  let timer = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await api.events(last, abort.signal);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const parser = new Parser();
    attempt = 0;
    heard = Date.now();
    connection.value = 'live';
    onOpen({ again, slept: slept || dozed > 0 });
    slept = false;
    dozed = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      heard = Date.now();
      dozed = 0;
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE);
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

const pause = (ms) => /** @type {Promise<void>} */ (new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  wake = () => { clearTimeout(timer); resolve(); };
}));

// a laptop that wakes, or a network that is back, need not wait out the pause
function hurry() {
  attempt = 0;
  wake?.();
}

// a stream that should have said something may be a dead one that nobody has told of its end
function doubt(quiet) {
  if (connection.value !== 'lost' && Date.now() - heard > quiet) cut?.abort();
  hurry();
}

const LOOK = 2000, KEEP_ALIVE = 17_000;
/** A timer that is late by this much was asleep with the machine; of a hidden page timers are late by a minute at most. */
const SLEEP = 30_000, HIDDEN = 70_000;
/** One that is late by this much may have been: a busy machine's are as well, and then the stream goes on speaking. */
const NAP = 8000, NOTHING = 25_000;
let looked = Date.now();
setInterval(() => {
  const now = Date.now(), late = now - looked - LOOK;
  looked = now;
  if (late > (document.hidden ? HIDDEN : SLEEP)) { slept = true; doubt(0); }
  else if (late > NAP && !document.hidden) { dozed = now; hurry(); }
  else if (dozed) doubt(NOTHING);
}, LOOK);
addEventListener('online', () => { online.value = true; doubt(0); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) doubt(KEEP_ALIVE); });
addEventListener('offline', () => { online.value = false; cut?.abort(); });
