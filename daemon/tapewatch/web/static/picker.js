/**
 * The search for a symbol: a combobox with a list.
 *
 * Source: ARIA Authoring Practices, https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
 */

import { ask, Refused } from "./api.js";
import { el, part, say } from "./dom.js";
import { price } from "./numbers.js";

/** @typedef {import("./types.js").Found} Found */
/** @typedef {import("./types.js").Watches} Watches */

/** After the last key, ms, until the server is asked. */
const PAUSE = 120;

const MOST = 50;

export class Picker {
  #input = part("symbol", HTMLInputElement);
  #list = part("found", HTMLUListElement);
  #count = part("found-count", HTMLElement);
  /** @type {readonly Found[]} */
  #found = [];
  #at = -1;
  #shown = "";
  /** @type {AbortController|null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {(found: Found) => void} chosen */
  constructor(chosen) {
    this.chosen = chosen;
    this.#input.addEventListener("focus", () => this.#input.select());
    this.#input.addEventListener("click", () => this.#search(0, ""));
    this.#input.addEventListener("input", () => this.#search(PAUSE, this.#input.value));
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("blur", () => this.#close());
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.#list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("li") : null;
      if (row) this.#choose([...this.#list.children].indexOf(row));
    });
  }

  /**
   * The symbol that is shown.
   *
   * @param {string} symbol
   */
  show(symbol) {
    this.#shown = symbol;
    if (document.activeElement !== this.#input) this.#input.value = symbol;
  }

  /**
   * @param {number} pause ms
   * @param {string} text
   */
  #search(pause, text) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(text), pause);
  }

  /** @param {string} text */
  async #ask(text) {
    this.#asking?.abort();
    const own = (this.#asking = new AbortController());
    const query = new URLSearchParams({ q: text.trim(), limit: String(MOST) });
    try {
      this.#open(await ask(`/api/watches?${query}`, { signal: own.signal }));
    } catch (error) {
      if (error instanceof Refused) say(this.#count, error.message);
    }
  }

  /** @param {Watches} answer */
  #open({ watches, found, total }) {
    if (document.activeElement !== this.#input) return;
    this.#found = watches;
    this.#list.replaceChildren(...watches.map(row));
    this.#list.hidden = watches.length === 0;
    this.#input.setAttribute("aria-expanded", String(watches.length > 0));
    const more = found > watches.length ? `, the first ${watches.length} are listed` : "";
    say(this.#count, found ? `${found} of ${total} symbols${more}` : "No symbol is called so");
    this.#move(watches.findIndex(({ symbol }) => symbol === this.#shown));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#found = [];
    this.#at = -1;
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
    this.#input.value = this.#shown;
    say(this.#count, "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#found.length - 1;
    if (event.key === "ArrowDown" && last < 0) this.#search(0, "");
    else if (event.key === "ArrowDown") this.#move(this.#at >= last ? 0 : this.#at + 1);
    else if (event.key === "ArrowUp") this.#move(this.#at <= 0 ? last : this.#at - 1);
    else if (event.key === "Enter") this.#enter();
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
  }

  /** The row that is marked; else what is called as was typed, or the first that fits, once it has been asked for. */
  async #enter() {
    const typed = this.#input.value.trim().toLowerCase();
    if (this.#at < 0) {
      clearTimeout(this.#timer);
      await this.#ask(typed);
    }
    const called = this.#found.findIndex(({ symbol }) => symbol.toLowerCase() === typed);
    this.#choose(this.#at >= 0 ? this.#at : Math.max(called, 0));
  }

  /** @param {number} index */
  #move(index) {
    this.#list.children[this.#at]?.setAttribute("aria-selected", "false");
    this.#at = index;
    const own = this.#list.children[index];
    own?.setAttribute("aria-selected", "true");
    own?.scrollIntoView({ block: "nearest" });
    if (own) this.#input.setAttribute("aria-activedescendant", own.id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  /** @param {number} index */
  #choose(index) {
    const own = this.#found[index];
    if (!own) return;
    this.#shown = own.symbol;
    this.#close();
    this.#input.select();
    this.chosen(own);
  }
}

/**
 * @param {Found} own
 * @param {number} index
 */
function row(own, index) {
  return el(
    "li",
    { id: `found-${index}`, role: "option", "aria-selected": "false" },
    el("b", {}, own.symbol),
    el("span", { class: "title" }, own.title === own.symbol ? "" : own.title),
    el("span", { class: "number" }, own.price === null ? "–" : price(own.price)),
  );
}
