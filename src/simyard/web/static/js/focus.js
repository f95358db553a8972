/**
 * The focus is never lost: when what has it goes away (a button whose work is done, a row that is deleted), the nearest part of the page
 * that still stands takes it. Not the button that has come in its place: a second press of the same key must not do another thing.
 */

const PARTS = 'li, tr, section, form, [role=region], [role=group], dialog, main, #content';
/** What is on its way (an effect of the view's own) goes first. */
const PAUSE = 80;

/** @type {HTMLElement | null} */
let last = null;
/** @type {HTMLElement[]} */
let parts = [];
let waiting = 0;
/** It was disabled, if only for a moment: the browser takes the focus from it, and does not give it back. */
let wasDisabled = false;

const isGone = (/** @type {HTMLElement} */ one) => !one.isConnected || one.matches(':disabled') || !one.checkVisibility({ visibilityProperty: true });
const isNowhere = () => !document.activeElement || document.activeElement === document.body;

function remember(/** @type {FocusEvent} */ event) {
  last = /** @type {HTMLElement} */ (event.target);
  wasDisabled = false;
  parts = [];
  for (let one = last.parentElement?.closest(PARTS); one; one = one.parentElement?.closest(PARTS)) parts.push(/** @type {HTMLElement} */ (one));
}

function mend() {
  waiting = 0;
  if (!last || !isNowhere()) return;
  if (!isGone(last)) {
    if (wasDisabled) last.focus({ preventScroll: true });
    return;
  }
  const part = parts.find((one) => one.isConnected && one.checkVisibility({ visibilityProperty: true })) ?? document.getElementById('content');
  if (!part) return;
  if (!part.hasAttribute('tabindex')) {
    part.tabIndex = -1;
    // not a stop of its own for a click in it later
    part.addEventListener('blur', () => part.removeAttribute('tabindex'), { once: true });
  }
  part.focus({ preventScroll: true });
}

/** Watches for as long as the page lives. */
export function keepFocus() {
  addEventListener('focusin', remember);
  // a button that is disabled while it has the focus keeps it a moment longer, and the browser tells nobody when it is taken
  const look = () => {
    if (!last) return;
    const disabled = last.matches(':disabled');
    wasDisabled ||= disabled;
    if (!waiting && (disabled || !last.isConnected || isNowhere())) waiting = setTimeout(mend, PAUSE);
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled', 'hidden', 'class', 'open'] });
  // a disabled button gives the focus up without a change of the document
  addEventListener('focusout', () => setTimeout(look));
}
