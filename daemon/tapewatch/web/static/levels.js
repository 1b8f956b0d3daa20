/** Distance to every level, the highest first, and price among them; and the indicators by timeframe. */

import { el, part, say } from "./dom.js";
import { percent, points, price, reading, span, spoken } from "./numbers.js";

/** @typedef {import("./types.js").Watch} Watch */
/** @typedef {import("./types.js").Level} Level */

/** @typedef {{name: string, text: string, distance: string, share: string, role: string, side: string}} Row */

const SIDES = /** @type {Record<string, string>} */ ({ above: "▲", below: "▼", inside: "◆", price: "▶" });

export class Levels {
  #table = part("levels", HTMLTableElement);
  #body = el("tbody");
  /** @type {HTMLTableRowElement[]} */
  #rows = [];

  constructor() {
    const caption = el(
      "caption",
      { class: "unseen" },
      "Levels and zones, the highest first, price among them",
    );
    const heads = ["Level", "At", "Distance", "%"].map((text) => el("th", { scope: "col" }, text));
    this.#table.append(caption, el("thead", {}, el("tr", {}, ...heads)), this.#body);
  }

  /** @param {Watch} watch */
  show(watch) {
    const rows = rowsOf(watch);
    while (this.#rows.length < rows.length) this.#add();
    while (this.#rows.length > rows.length) this.#rows.pop()?.remove();
    rows.forEach((row, index) => {
      const own = this.#rows[index];
      if (own) fill(own, row);
    });
  }

  #add() {
    const cells = ["at", "distance", "share"].map(() => el("td", { class: "number" }));
    const head = el(
      "th",
      { scope: "row" },
      el("span", { class: "side", "aria-hidden": "true" }),
      el("span", {}),
      el("small", {}),
    );
    const own = el("tr", {}, head, ...cells);
    this.#rows.push(own);
    this.#body.append(own);
  }
}

/**
 * @param {HTMLTableRowElement} own
 * @param {Row} row
 */
function fill(own, row) {
  const [head, at, distance, share] = own.cells;
  if (!head || !at || !distance || !share) return;
  const [side, name, role] = head.children;
  if (!side || !name || !role) return;
  if (own.dataset["side"] !== row.side) own.dataset["side"] = row.side;
  say(side, SIDES[row.side] ?? "");
  say(name, row.name);
  say(role, row.role === row.name ? "" : row.role);
  say(at, row.text);
  say(distance, row.distance);
  say(share, row.share);
}

/**
 * @param {Watch} watch
 * @returns {Row[]}
 */
function rowsOf(watch) {
  const own = watch.price;
  const levels = [...watch.levels].sort((one, other) => other.high - one.high || other.low - one.low);
  const rows = levels.map((level) => ({ at: level.high, row: rowOf(level, own) }));
  if (own !== null) {
    const after = rows.findIndex(({ at, row }) => at < own || row.side === "inside");
    const row = { name: "Price", text: price(own), distance: "", share: "", role: "", side: "price" };
    rows.splice(after < 0 ? rows.length : after, 0, { at: own, row });
  }
  return rows.map(({ row }) => row);
}

/**
 * @param {Level} level
 * @param {number|null} own
 * @returns {Row}
 */
function rowOf(level, own) {
  const base = { name: level.name, text: span(level), role: level.role ?? "" };
  const { distance } = level;
  if (distance === null || own === null) return { ...base, distance: "–", share: "–", side: "unknown" };
  if (distance === 0) {
    const side = "inside";
    return { ...base, distance: level.low === level.high ? "at it" : "inside", share: "", side };
  }
  const share = own ? percent(distance / own) : "–";
  return { ...base, distance: points(distance, own), share, side: distance > 0 ? "above" : "below" };
}

export class Indicators {
  #table = part("indicators", HTMLTableElement);
  #form = "";
  /** @type {Map<string, HTMLTableCellElement>} By the value's full name. */
  #cells = new Map();

  /**
   * @param {Watch} watch
   * @param {readonly string[]} timeframes
   */
  show(watch, timeframes) {
    const names = [...new Set(Object.keys(watch.indicators).map((name) => name.split("@")[0] ?? ""))];
    const form = JSON.stringify([names, timeframes]);
    if (form !== this.#form) this.#build(names, timeframes);
    this.#form = form;
    for (const [name, cell] of this.#cells) say(cell, reading(name, watch.indicators[name]));
  }

  /**
   * @param {readonly string[]} names
   * @param {readonly string[]} timeframes
   */
  #build(names, timeframes) {
    this.#cells.clear();
    const heads = ["Indicator", ...timeframes].map((text) => el("th", { scope: "col" }, text));
    const rows = names
      .filter((name) => name !== "")
      .map((name) => {
        const cells = timeframes.map((timeframe) => {
          const cell = el("td", { class: "number" });
          this.#cells.set(`${name}@${timeframe}`, cell);
          return cell;
        });
        return el("tr", {}, heading(name), ...cells);
      });
    const caption = el("caption", { class: "unseen" }, "Indicators by timeframe");
    this.#table.replaceChildren(caption, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
  }
}

/**
 * A row's name; of an indicator's further values only theirs is seen, below its own.
 *
 * @param {string} name
 */
function heading(name) {
  const own = spoken(name);
  const [, indicator, output] = /^(\S+) (.+)$/.exec(own) ?? [];
  if (!indicator || !output || indicator.startsWith("BB")) return el("th", { scope: "row" }, own);
  return el(
    "th",
    { scope: "row", class: "output" },
    el("span", { class: "unseen" }, `${indicator} `),
    output,
  );
}
