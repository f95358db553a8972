/** What programs print, made readable: colours become spans, what a terminal would have overwritten is gone, and control characters are seen, not obeyed. */

/** Characters of a line that are drawn; no eye reads further. */
export const LONGEST = 4000;

/** @typedef {{ text: string, style: string }} Span  `style`: names of classes, such as `ansi-1 ansi-bold`; "" for none. */

// CSI sequences (colours, and movements of the cursor), OSC (titles, links) to their end, and other escapes of two characters
const ESCAPE = /\u001b\[([0-9;:?<=>]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b[PX^_][^\u001b]*(?:\u001b\\|$)|\u001b[ -/]*[0-~]?|\u009b([0-9;:?]*)([@-~])/g;
// what would turn the text around, or stand for nothing
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * A line as a terminal leaves it: what stands after the last carriage return stands over what was before; a backspace takes one back.
 * @param {string} line
 */
export function settled(line) {
  let text = line.endsWith('\r') ? line.slice(0, -1) : line;
  const back = text.lastIndexOf('\r');
  if (back >= 0) text = text.slice(back + 1);
  for (let tries = 0; tries < 100 && text.includes('\b'); tries += 1) text = text.replace(/[^\b][\b]/g, '').replace(/^[\b]+/, '');
  return text;
}

/** A control character as it is shown: ␀ … ␡, and a box for those that have no picture. */
const picture = (/** @type {string} */ one) => {
  const code = one.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
};

/**
 * The text of a line alone: for searching, copying, and most lines.
 * @param {string} line
 */
export function plain(line) {
  const text = settled(line);
  const bare = text.includes('\u001b') || text.includes('\u009b') ? text.replace(ESCAPE, '') : text;
  const short = bare.length > LONGEST ? `${bare.slice(0, LONGEST)} \u2026 (+${bare.length - LONGEST})` : bare;
  return short.replace(UNSEEN, picture);
}

/**
 * The spans of a line: the same text as `plain`, with its colours. `style` is how the line before it ended.
 * @param {string} line
 * @param {Style} [style]
 * @returns {{ spans: Span[], style: Style }}
 */
export function spans(line, style = PLAIN) {
  const text = settled(line);
  if (!text.includes('\u001b') && !text.includes('\u009b') && style === PLAIN) return { spans: [{ text: plain(line), style: '' }], style };
  const found = [];
  let at = 0, left = LONGEST, now = style;
  const take = (/** @type {string} */ piece) => {
    const shown = piece.slice(0, left).replace(UNSEEN, picture);
    left -= shown.length;
    if (shown) found.push({ text: shown, style: names(now) });
  };
  for (const match of text.matchAll(ESCAPE)) {
    take(text.slice(at, match.index));
    at = (match.index ?? 0) + match[0].length;
    if (match[2] === 'm' || match[4] === 'm') now = styled(now, match[1] ?? match[3]);
  }
  take(text.slice(at));
  return { spans: found.length ? found : [{ text: '', style: '' }], style: now };
}

/** @typedef {{ colour: string, back: string, bold: boolean, dim: boolean, under: boolean }} Style */
/** @type {Style} */
export const PLAIN = Object.freeze({ colour: '', back: '', bold: false, dim: false, under: false });

/**
 * @param {Style} style
 * @param {string} codes
 * @returns {Style}
 */
function styled(style, codes) {
  const list = codes.split(/[;:]/).map(Number);
  let next = { ...style };
  for (let at = 0; at < list.length; at += 1) {
    const code = list[at];
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 4) next.under = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 24) next.under = false;
    else if (code >= 30 && code <= 37) next.colour = String(code - 30);
    else if (code >= 90 && code <= 97) next.colour = String(code - 82);
    else if (code === 39) next.colour = '';
    else if (code >= 40 && code <= 47) next.back = String(code - 40);
    else if (code >= 100 && code <= 107) next.back = String(code - 92);
    else if (code === 49) next.back = '';
    else if (code === 38 || code === 48) {
      // of 256 colours the first sixteen are those that have a name here; the rest stay as they are
      const colour = list[at + 1] === 5 && list[at + 2] < 16 ? String(list[at + 2]) : '';
      if (code === 38) next.colour = colour; else next.back = colour;
      at += list[at + 1] === 5 ? 2 : 4;
    }
  }
  const same = !next.colour && !next.back && !next.bold && !next.dim && !next.under;
  return same ? PLAIN : next;
}

const names = (/** @type {Style} */ style) => [
  style.colour && `ansi-${style.colour}`, style.back && `ansi-back-${style.back}`, style.bold && 'ansi-bold', style.dim && 'ansi-dim', style.under && 'ansi-under',
].filter(Boolean).join(' ');

const WRONG = /\b(?:error|fatal|exception|traceback|panic|abort(?:ed|ing)?|segmentation fault|core dumped|out of memory|cannot|can't|killed|no such file|not found|undefined|invalid)\b|(?:Error|Exception)\b/i;
const FINE = /\b(?:no|0|without|zero)\s+(?:errors?|exceptions?)\b|\berrors?\s*[:=]\s*0\b|error\s+(?:bars?|estimate|tolerance|norm)/i;

/** Whether that line speaks of something that went wrong. */
export const speaksOfError = (/** @type {string} */ line) => WRONG.test(line) && !FINE.test(line);
