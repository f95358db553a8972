/** A button that opens a menu of actions: arrow keys walk it, Escape and a click elsewhere close it, the focus comes back. */
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { Icon } from './icon.js';

/** `items`: [{text, icon, run, bad, disabled}] or false for none; `label` names the button, `icon` or `children` is what it shows. */
export function Menu({ label, items, icon = 'more', quiet = true, children }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null), list = useRef(null);
  const close = (back) => {
    setOpen(false);
    if (back) box.current?.querySelector('[aria-haspopup]')?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => { if (!box.current.contains(event.target)) close(false); };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, [open]);
  useLayoutEffect(() => {
    if (!open) return;
    // up where there is no room below
    const { bottom } = list.current.getBoundingClientRect();
    list.current.classList.toggle('up', bottom > innerHeight - 8);
    list.current.querySelector('[role=menuitem]')?.focus();
  }, [open]);
  const onKey = (event) => {
    const all = [...list.current.querySelectorAll('[role=menuitem]:not(:disabled)')], at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[to % all.length]?.focus();
    else if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') { close(false); return; } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`
    <div class="menu" ref=${box}>
      <button type="button" class=${`button small ${quiet ? 'quiet' : ''} ${children ? '' : 'icon'}`} aria-haspopup="menu" aria-expanded=${open} aria-label=${children ? undefined : label} title=${label}
        onClick=${(event) => { event.preventDefault(); event.stopPropagation(); setOpen(!open); }}>${children ?? html`<${Icon} name=${icon} />`}</button>
      ${open && html`
        <div class="menu-list" role="menu" aria-label=${label} ref=${list} onKeyDown=${onKey}>
          ${items.filter(Boolean).map((one) => html`
            <button type="button" role="menuitem" key=${one.text} class=${one.bad ? 'bad' : ''} disabled=${one.disabled} tabIndex="-1"
              onClick=${(event) => { event.preventDefault(); event.stopPropagation(); close(true); one.run(); }}>${one.icon && html`<${Icon} name=${one.icon} />`}<span>${one.text}</span></button>`)}
        </div>`}
    </div>`;
}
