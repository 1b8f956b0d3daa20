/** Building the page. Text only ever becomes text: nothing here, or anywhere else, parses markup. */

/** @typedef {Node|string|null} Child */

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string|null>} [attributes] null: without it
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const own = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) own.setAttribute(name, value);
  }
  own.append(...children.filter((child) => child !== null));
  return own;
}

/**
 * An element of the page that is always there.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {{new (): Kind}} kind
 * @returns {Kind}
 */
export function part(id, kind) {
  const own = document.getElementById(id);
  if (!(own instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return own;
}

/**
 * Sets a text only where it differs: what has not changed is neither laid out nor read out again.
 *
 * @param {Element} own
 * @param {string} text
 */
export function say(own, text) {
  if (own.textContent !== text) own.textContent = text;
}
