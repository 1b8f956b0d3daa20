/** The chart in words: the legend over it, the sentence under it, and its newest bars as a table. */

import { el, part, say } from "./dom.js";
import { percent, points, price, reading, span, spoken } from "./numbers.js";
import { barName } from "./times.js";

/** @typedef {import("./types.js").Chart} Chart */
/** @typedef {import("./types.js").Place} Place */

/** Rows of the table. */
const ROWS = 20;

export class Story {
  #legend = part("legend", HTMLElement);
  #summary = part("summary", HTMLElement);
  #table = part("bars", HTMLTableElement);
  #details = part("bars-details", HTMLDetailsElement);
  #form = "";
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  /** @type {Chart|null} */
  #own = null;

  constructor() {
    this.#details.addEventListener("toggle", () => this.#rows());
  }

  /**
   * Bars that have changed as a whole.
   *
   * @param {Chart} own
   */
  show(own) {
    this.#own = own;
    this.#summarise(own);
    this.#rows();
  }

  /**
   * One bar above the chart.
   *
   * @param {Chart} own
   * @param {number} index of the bar
   * @param {(name: string) => string} colour of an indicator's line; empty: there is none
   */
  point(own, index, colour) {
    const names = Object.keys(own.values);
    const form = JSON.stringify([own.symbol, own.timeframe, names, names.map(colour)]);
    if (form !== this.#form) this.#build(names, colour);
    this.#form = form;
    for (const [name, value] of cells(own, index)) {
      const at = this.#values.get(name);
      if (at) say(at, value);
    }
    const marks = this.#values.get("marks");
    if (marks) say(marks, alertsOf(own, index).join(" · "));
  }

  /**
   * The bar in a sentence.
   *
   * @param {Chart} own
   * @param {number} index
   */
  sentence(own, index) {
    const bar = cells(own, index).map(([name, value]) =>
      name === "time" ? value : `${spokenCell(name)} ${value}`,
    );
    return [...bar, ...alertsOf(own, index)].join(", ");
  }

  /**
   * @param {readonly string[]} names
   * @param {(name: string) => string} colour
   */
  #build(names, colour) {
    this.#values.clear();
    const value = (/** @type {string} */ name) => {
      const own = el("b", { class: "number" });
      this.#values.set(name, own);
      return own;
    };
    const bars = [
      ["time", ""],
      ["open", "O "],
      ["high", "H "],
      ["low", "L "],
      ["close", "C "],
      ["change", ""],
    ];
    const marks = el("span", { class: "marks" });
    this.#values.set("marks", marks);
    this.#legend.replaceChildren(
      ...bars.map(([name = "", label = ""]) => el("span", {}, label, value(name))),
      ...together(names).map(([indicator, own]) => {
        const [first = ""] = own;
        const swatch = colour(first) ? el("span", { class: "swatch", "aria-hidden": "true" }) : null;
        if (swatch) swatch.style.backgroundColor = colour(first);
        return el(
          "span",
          {},
          swatch,
          `${indicator} `,
          ...own.flatMap((name, index) => [index ? " / " : "", value(name)]),
        );
      }),
      marks,
    );
  }

  /** @param {Chart} own */
  #summarise(own) {
    const last = own.time.length - 1;
    const close = own.close[last];
    const [first] = own.time;
    if (first === undefined || close == null) {
      say(this.#summary, `${own.title}, ${own.timeframe}: no bar yet.`);
      return;
    }
    const highest = Math.max(...own.high.filter((value) => value !== null));
    const lowest = Math.min(...own.low.filter((value) => value !== null));
    const above = own.places.filter(({ low }) => low > close).at(-1);
    const below = own.places.find(({ high }) => high < close);
    const inside = own.places.filter(({ low, high }) => low <= close && close <= high);
    const rsi = Object.keys(own.values).find((name) => name.startsWith("rsi"));
    const texts = [
      `${own.title}, ${own.time.length} bars of ${own.timeframe} since ${barName(first, own.zone, own.timeframe)}, ` +
        `between ${price(lowest)} and ${price(highest)}; the last closes at ${price(close)}.`,
      ...inside.map((place) => `Inside ${place.name} ${span(place)}.`),
      next("Next above", above, close),
      next("Next below", below, close),
      rsi ? `${spoken(rsi)} ${reading(rsi, own.values[rsi]?.[last])}.` : "",
      own.marks.length
        ? `${own.marks.length} ${own.marks.length === 1 ? "alert" : "alerts"} in these bars.`
        : "",
      own.joins.length
        ? `${own.joins.map(({ kind, oscillator }) => divergence(kind, oscillator)).join("; ")}.`
        : "",
    ];
    say(this.#summary, texts.filter((text) => text !== "").join(" "));
  }

  #rows() {
    const own = this.#own;
    if (!own || !this.#details.open) return;
    const names = Object.keys(own.values);
    const heads = ["Bar", "Open", "High", "Low", "Close", "Volume", ...names.map(spoken)];
    const rows = own.time.slice(-ROWS).map((time, index, all) => {
      const at = own.time.length - all.length + index;
      const prices = [own.open, own.high, own.low, own.close].map((values) => values[at]);
      const texts = [
        ...prices.map((value) => (value == null ? "–" : price(value))),
        own.volume[at]?.toLocaleString("en-US") ?? "–",
        ...names.map((name) => reading(name, own.values[name]?.[at])),
      ];
      const head = el("th", { scope: "row" }, barName(time, own.zone, own.timeframe));
      return el("tr", {}, head, ...texts.map((text) => el("td", { class: "number" }, text)));
    });
    const caption = el(
      "caption",
      { class: "unseen" },
      `${own.title}, ${own.timeframe}, the newest bars first`,
    );
    const head = el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text))));
    this.#table.replaceChildren(caption, head, el("tbody", {}, ...rows.reverse()));
  }
}

/**
 * The values of each indicator, which stand together.
 *
 * @param {readonly string[]} names
 * @returns {[string, string[]][]}
 */
function together(names) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const name of names) {
    const [indicator = ""] = spoken(name).split(" ");
    found.set(indicator, [...(found.get(indicator) ?? []), name]);
  }
  return [...found];
}

/**
 * The texts of one bar by name.
 *
 * @param {Chart} own
 * @param {number} index
 * @returns {[string, string][]}
 */
function cells(own, index) {
  const time = own.time[index];
  const [open, high, low, close] = [own.open, own.high, own.low, own.close].map(
    (values) => values[index] ?? null,
  );
  const text = (/** @type {number|null|undefined} */ value) => (value == null ? "–" : price(value));
  const before = own.close[index - 1];
  const change =
    close == null || before == null
      ? ""
      : `${points(close - before, close)} (${percent((close - before) / before)})`;
  return [
    ["time", time === undefined ? "" : barName(time, own.zone, own.timeframe)],
    ["open", text(open)],
    ["high", text(high)],
    ["low", text(low)],
    ["close", text(close)],
    ["change", change],
    ...Object.entries(own.values).map(
      ([name, values]) => /** @type {[string, string]} */ ([name, reading(name, values[index])]),
    ),
  ];
}

/** @param {string} name */
function spokenCell(name) {
  return /^(open|high|low|close|change)$/.test(name) ? name : spoken(name);
}

/**
 * What alerts of that bar say.
 *
 * @param {Chart} own
 * @param {number} index
 */
function alertsOf(own, index) {
  const from = own.time[index] ?? Infinity;
  const to = own.time[index + 1] ?? Infinity;
  return own.marks.filter(({ time }) => from <= time && time < to).map(({ text }) => text);
}

/**
 * @param {string} words
 * @param {Place|undefined} place
 * @param {number} close
 */
function next(words, place, close) {
  if (!place) return "";
  const distance = place.low > close ? place.low - close : place.high - close;
  return `${words}: ${place.name} ${span(place)}, ${points(distance, close)} away.`;
}

/**
 * @param {string} kind
 * @param {string} oscillator
 */
function divergence(kind, oscillator) {
  return `A ${kind.replaceAll("_", " ")} divergence with ${spoken(oscillator)}`;
}
