/** A hundred lines of a log, drawn once; the browser leaves out those that are not looked at. */
import { Component } from '../../../vendor/preact.js';
import { cls, html } from '../../lib.js';

/** Hits that are counted: nobody walks through more. */
const MOST = 5000;

/** @typedef {{ text: string, spans: import('../../ansi.js').Span[] | null, bad: boolean }} LogLine */
/** @typedef {{ key: number, lines: LogLine[], size: number, bad: boolean }} LogBlock */
/** @typedef {{ block: number, line: number, from: number }} Hit */

/**
 * Where the text occurs, in order. `full` says that there are more.
 * @param {LogBlock[]} blocks
 * @param {string} search
 * @param {boolean} exact upper and lower case are different
 */
export function findAll(blocks, search, exact) {
  const found = /** @type {Hit[] & { full?: boolean }} */ ([]);
  const needle = exact ? search : search.toLowerCase();
  for (const block of blocks) {
    for (let line = 0; line < block.lines.length; line += 1) {
      for (const from of places(block.lines[line].text, needle, exact)) {
        if (found.length >= MOST) { found.full = true; return found; }
        found.push({ block: block.key, line, from });
      }
    }
  }
  return found;
}

function places(/** @type {string} */ text, /** @type {string} */ needle, /** @type {boolean} */ exact) {
  const found = [];
  // lower case may be longer than the text (İ): then only exact places are right
  const low = exact ? text : text.toLowerCase();
  if (low.length !== text.length) return found;
  for (let at = low.indexOf(needle); at >= 0; at = low.indexOf(needle, at + needle.length)) found.push(at);
  return found;
}

export class Block extends Component {
  shouldComponentUpdate(next) {
    const { block, search, exact, current } = this.props;
    if (next.block !== block || next.current !== current) return true;
    if (next.search === search && next.exact === exact) return false;
    return this.marked || this.has(next.search, next.exact);
  }

  has(search, exact) {
    return search !== '' && this.props.block.lines.some((line) => places(line.text, exact ? search : search.toLowerCase(), exact).length);
  }

  render({ block, search, exact, current }) {
    this.marked = this.has(search, exact);
    return html`<div class="log-block" data-block=${block.key} style=${{ '--lines': block.lines.length }}>${this.marked ? marked(block, search, exact, current) : quiet(block)}</div>`;
  }
}

// lines without colours or errors are one text, which costs next to nothing
function quiet(/** @type {LogBlock} */ block) {
  const pieces = [];
  let plain = '';
  for (const line of block.lines) {
    if (!line.spans && !line.bad) { plain += `${line.text}\n`; continue; }
    if (plain) { pieces.push(plain); plain = ''; }
    pieces.push(html`<span class=${cls(line.bad && 'bad-line')}>${line.spans ? line.spans.map((one) => html`<span class=${one.style}>${one.text}</span>`) : line.text}${'\n'}</span>`);
  }
  if (plain) pieces.push(plain);
  return pieces;
}

// while something is searched for, colours give way to what was found
function marked(/** @type {LogBlock} */ block, search, exact, /** @type {Hit | null} */ current) {
  const needle = exact ? search : search.toLowerCase();
  return block.lines.map((line, n) => {
    const found = places(line.text, needle, exact), pieces = [];
    let at = 0;
    for (const from of found) {
      pieces.push(line.text.slice(at, from));
      pieces.push(html`<mark class=${cls(current?.line === n && current.from === from && 'current')}>${line.text.slice(from, from + search.length)}</mark>`);
      at = from + search.length;
    }
    return html`<span class=${cls(line.bad && 'bad-line')}>${pieces}${line.text.slice(at)}${'\n'}</span>`;
  });
}
