/** What a figure may bring along from elsewhere: nothing. A figure is a code's, and opening one must tell nobody that it was opened. */

/** A value of CSS that loads something: only what is in the same document, such as a gradient, is left. */
const LOADS = /(?:url|src|image|image-set|cross-fade|element|paint)\(/i;
const HERE = /^url\(["']?#/i;

/** Takes what would be loaded from elsewhere out of a style, as the browser has read it: no way of writing it gets round that. @param {CSSStyleDeclaration} style */
export function keepStyle(style) {
  for (const property of [...style]) {
    const value = style.getPropertyValue(property);
    if (property.startsWith('--') || (LOADS.test(value) && !HERE.test(value))) style.removeProperty(property);
  }
}

/** A layout with those pictures only that it carries itself. @param {any} layout */
export function keepImages(layout) {
  if (!layout || !Array.isArray(layout.images)) return layout;
  return { ...layout, images: layout.images.filter((/** @type {any} */ one) => /^data:image\//i.test(String(one?.source ?? ''))) };
}
