/**
 * The page's keys: one registry, so that the list that `?` shows is what the page does.
 *
 *     useKeys([{ keys: 'Ctrl+Enter', text: t('keys.run'), run: () => job.start() }], { group: t('keys.workspace') });
 *
 * They are the page's for as long as the component stands; of two with the same keys, the one that came last is asked.
 * - `keys`: `Ctrl+Enter` (on a Mac, ⌘ does as well), `Shift+ArrowUp`, `Escape`, one character as it is typed (`/`, `?`, `s`), or
 *   one after another (`g s`). Several that do the same: a list of these.
 * - `text`: what it does, in words, for the list.
 * - `run(event)`: does it. The browser's own doing is left out, unless it answers false: then the next one is asked.
 *   Without `run` it is only listed: for what a part hears itself while it has the focus (a player's space bar, a menu's arrows).
 * - `typing: true`: heard in a text field as well. Keys with Ctrl or Alt always are, single characters never.
 * - `dialog: true` among the options: heard while a dialog is open, where only the last that said so is; `above: true`: heard then as well.
 * Single characters can be switched off as a whole (WCAG 2.1.4), in the list itself.
 */
import { signal, useLayoutEffect, useRef } from './lib.js';

/** @typedef {{ keys: string | string[], text: string, run?: (event: KeyboardEvent) => unknown, typing?: boolean }} Key */
/** @typedef {{ group?: string, dialog?: boolean, above?: boolean }} KeyOptions */
/** @typedef {{ list: Key[], group: string, dialog: boolean, above: boolean }} KeyGroup */

const OFF = 'simyard.keys';
const SEQUENCE_MS = 1500;

/** Whether single characters do something. */
export const characters = signal(localStorage.getItem(OFF) !== 'off');

export function switchCharacters(/** @type {boolean} */ on) {
  characters.value = on;
  localStorage.setItem(OFF, on ? 'on' : 'off');
}

/** What is registered now, oldest first. */
export const groups = signal(/** @type {KeyGroup[]} */ ([]));

/**
 * Registers keys while the component stands; the words and functions of its last drawing count.
 * @param {(Key | false | null | undefined)[]} list
 * @param {KeyOptions} options `group`: the heading in the list of keys
 */
export function useKeys(list, { group = '', dialog = false, above = false } = {}) {
  const mine = useRef(/** @type {KeyGroup} */ ({ list: [], group, dialog, above }));
  mine.current.list = /** @type {Key[]} */ (list.filter(Boolean));
  mine.current.group = group;
  // before the next key can be pressed
  useLayoutEffect(() => {
    groups.value = [...groups.value, mine.current];
    return () => { groups.value = groups.value.filter((one) => one !== mine.current); };
  }, []);
}

/** The alternatives of a key, as a list. */
export const alternatives = (/** @type {Key} */ key) => (Array.isArray(key.keys) ? key.keys : [key.keys]);

const TEXT = new Set(['', 'text', 'search', 'email', 'url', 'tel', 'password', 'number', 'date', 'time', 'datetime-local', 'month', 'week']);

/** Whether what is pressed there is text. */
export function isTyping(/** @type {EventTarget | null} */ target) {
  const one = /** @type {HTMLElement | null} */ (target);
  if (!one?.tagName) return false;
  if (one.tagName === 'INPUT') return TEXT.has(/** @type {HTMLInputElement} */ (one).type);
  return one.tagName === 'TEXTAREA' || one.tagName === 'SELECT' || one.isContentEditable;
}

/**
 * How a pressed key is written here.
 * @param {KeyboardEvent} event
 */
export function written(event) {
  const single = event.key.length === 1 && event.key !== ' ';
  const name = event.key === ' ' ? 'Space' : single ? event.key.toLowerCase() : event.key;
  // with a character, Shift is in the character already
  const shift = event.shiftKey && (!single || /[a-z]/i.test(event.key));
  return (event.ctrlKey || event.metaKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '') + (shift ? 'Shift+' : '') + name;
}

const isCharacter = (/** @type {string} */ combination) => !/^(Ctrl|Alt)\+/.test(combination) && [...combination.replace('Shift+', '')].length === 1;
const same = (/** @type {string} */ one, /** @type {string} */ other) => one.toLowerCase() === other.toLowerCase();

let begun = '', begunAt = 0;

/** The groups that are asked now, the newest first. */
function heard() {
  const list = [...groups.value].reverse();
  if (!document.querySelector('dialog[open]')) return list.filter((group) => !group.dialog);
  const top = list.find((group) => group.dialog);
  return list.filter((group) => group === top || group.above);
}

/** Finds whose key that is, the newest first, and does it. */
function onKey(/** @type {KeyboardEvent} */ event) {
  if (event.defaultPrevented || event.isComposing || ['Control', 'Shift', 'Alt', 'Meta', 'AltGraph'].includes(event.key)) return;
  // AltGr, which some keyboards need for a character, reads as Ctrl and Alt
  const combination = event.getModifierState('AltGraph') ? event.key : written(event);
  const character = isCharacter(combination);
  if (character && (!characters.value || isTyping(event.target))) { begun = ''; return; }
  const asked = heard();
  const sequence = begun && event.timeStamp - begunAt < SEQUENCE_MS ? `${begun} ${combination}` : '';
  begun = '';
  for (const wanted of [sequence, combination].filter(Boolean)) {
    for (const group of asked) {
      for (const key of group.list) {
        if (!key.run || (isTyping(event.target) && !key.typing && !/^(Ctrl|Alt)\+/.test(combination))) continue;
        if (!alternatives(key).some((one) => same(one, wanted)) || key.run(event) === false) continue;
        event.preventDefault();
        return;
      }
    }
  }
  if (!character) return;
  const begins = asked.some((group) => group.list.some((key) => alternatives(key).some((one) => same(one.split(' ')[0], combination) && one.includes(' '))));
  if (begins) { begun = combination; begunAt = event.timeStamp; }
}

addEventListener('keydown', onKey);
