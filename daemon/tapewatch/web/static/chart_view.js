/** Where the chart is: by the library, or without it the server's picture, which is renewed. */

import { LiveChart } from "./chart.js";
import { el, part, say } from "./dom.js";
import { colours } from "./palette.js";
import { Story } from "./story.js";
import { dark } from "./theme.js";

/** @typedef {import("./types.js").Chart} Chart */
/** @typedef {import("./types.js").Bar} Bar */
/** @typedef {import("./types.js").Level} Level */
/** @typedef {typeof import("lightweight-charts")} Library */

/** Bars that a chart begins with, and at which it is cut back to that: an open page does not grow. */
const BARS = 300;
const MOST = 400;

/** Between two pictures, ms. */
const RENEWED = 5000;

const LIBRARY = "./vendor/lightweight-charts.js";

export class ChartView {
  #box = part("chart", HTMLElement);
  #picture = part("picture", HTMLElement);
  #story = new Story();
  #symbol = "";
  #timeframe = "";
  #focus = "";
  /** @type {Promise<Library|null>} */
  #library = import(LIBRARY).catch(() => null);
  /** @type {Chart|null} */
  #own = null;
  /** @type {LiveChart|null} */
  #live = null;
  #form = "";
  /** @type {number|null} The bar under the crosshair. */
  #pointed = null;

  constructor() {
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("blur", () => this.#live?.chart.clearCrosshairPosition());
    this.#library.then((library) => library ?? this.#pictures());
  }

  /**
   * Nothing, until the chart of that comes.
   *
   * @param {string} symbol
   * @param {string} timeframe
   */
  clear(symbol, timeframe) {
    this.#symbol = symbol;
    this.#timeframe = timeframe;
    this.#own = null;
    this.#pointed = null;
    this.#box.setAttribute("aria-busy", "true");
    this.#draw();
  }

  /** @param {Chart} chart */
  async show(chart) {
    this.#own = chart;
    const library = await this.#library;
    if (this.#own !== chart) return;
    this.#box.setAttribute("aria-busy", "false");
    this.#story.show(chart);
    if (library) {
      this.#build(library, chart);
      this.#live?.show(chart);
      this.#mark();
    }
    this.#legend();
  }

  /** @param {Bar} bar */
  bar(bar) {
    const own = this.#own;
    if (!own) return;
    const last = own.time.at(-1) ?? -Infinity;
    if (bar.time < last) return;
    put(own, bar, bar.time === last ? own.time.length - 1 : own.time.length);
    if (own.time.length > MOST) {
      cut(own, BARS);
      this.#live?.show(own);
      this.#mark();
    } else {
      this.#live?.bar(bar);
    }
    if (bar.closed || bar.time !== last) this.#story.show(own);
    this.#legend();
  }

  /**
   * Levels that move, such as an average that is one.
   *
   * @param {readonly Level[]} levels
   */
  levels(levels) {
    const own = this.#own;
    if (!own) return;
    const places = levels
      .map(({ name, role, low, high }) => ({ name, role, low, high }))
      .sort((a, b) => b.high - a.high);
    if (JSON.stringify(places) === JSON.stringify(own.places)) return;
    own.places = places;
    this.#live?.places(places);
  }

  /** @param {string} id of the alert that is looked at */
  focus(id) {
    this.#focus = id;
    this.#mark();
  }

  /** Draws in the theme that is on. */
  async theme() {
    const library = await this.#library;
    this.#form = "";
    this.#draw();
    if (library && this.#own) await this.show(this.#own);
  }

  #mark() {
    if (this.#own) this.#live?.events(this.#own, this.#focus);
  }

  /**
   * @param {Library} library
   * @param {Chart} chart
   */
  #build(library, chart) {
    const { symbol, timeframe, zone } = chart;
    const form = JSON.stringify([symbol, timeframe, zone, Object.keys(chart.values), dark()]);
    if (form === this.#form) return;
    this.#form = form;
    this.#live?.remove();
    this.#live = new LiveChart(library, this.#box, chart, colours(), (time) => {
      this.#pointed = time;
      this.#legend();
    });
  }

  /** The bar under the crosshair in the legend, else the newest. */
  #legend() {
    const own = this.#own;
    if (!own || own.time.length === 0) return;
    const at = this.#pointed === null ? -1 : own.time.indexOf(this.#pointed);
    this.#story.point(own, at < 0 ? own.time.length - 1 : at, (name) => this.#live?.colour(name) ?? "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const own = this.#own;
    const live = this.#live;
    if (!own || !live || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = own.time.length - 1;
    const at = this.#pointed === null ? last : own.time.indexOf(this.#pointed);
    if (event.key === "ArrowLeft") this.#to(Math.max(at - 1, 0));
    else if (event.key === "ArrowRight") this.#to(Math.min(at + 1, last));
    else if (event.key === "End") this.#to(last);
    else if (event.key === "+" || event.key === "=") live.zoom(1.25);
    else if (event.key === "-") live.zoom(0.8);
    else if (event.key === "Escape") live.home();
    else return;
    event.preventDefault();
  }

  /** @param {number} index */
  #to(index) {
    const own = this.#own;
    const time = own?.time[index];
    const close = own?.close[index];
    if (!own || time === undefined || close == null) return;
    this.#live?.point(time, close);
    this.#pointed = time;
    this.#legend();
    say(part("pointed", HTMLElement), this.#story.sentence(own, index));
  }

  /** In place of the chart the server's picture, again and again. */
  #pictures() {
    this.#box.hidden = true;
    this.#picture.hidden = false;
    setInterval(() => document.hidden || this.#draw(), RENEWED);
    this.#draw();
  }

  /** The picture of what is shown, once it has come. */
  #draw() {
    const [symbol, timeframe] = [this.#symbol, this.#timeframe];
    if (this.#picture.hidden || symbol === "") return;
    const query = new URLSearchParams({
      symbol,
      timeframe,
      theme: dark() ? "dark" : "light",
      at: String(Date.now()),
    });
    const fresh = el("img", { src: `/api/chart.png?${query}`, alt: `Chart of ${symbol}, ${timeframe}` });
    fresh.addEventListener("load", () => {
      if (symbol === this.#symbol && timeframe === this.#timeframe) this.#picture.replaceChildren(fresh);
    });
  }
}

/**
 * Puts a bar at its place in the lists.
 *
 * @param {Chart} own
 * @param {Bar} bar
 * @param {number} at
 */
function put(own, bar, at) {
  own.time[at] = bar.time;
  own.open[at] = bar.open;
  own.high[at] = bar.high;
  own.low[at] = bar.low;
  own.close[at] = bar.close;
  own.volume[at] = bar.volume;
  for (const [name, values] of Object.entries(own.values)) values[at] = bar.values[name] ?? null;
  own.forming = !bar.closed;
}

/**
 * Leaves the newest bars.
 *
 * @param {Chart} own
 * @param {number} count
 */
function cut(own, count) {
  for (const values of [
    own.time,
    own.open,
    own.high,
    own.low,
    own.close,
    own.volume,
    ...Object.values(own.values),
  ]) {
    values.splice(0, values.length - count);
  }
  const [first = 0] = own.time;
  own.marks = own.marks.filter(({ time }) => time >= first);
  own.joins = own.joins.filter(({ times }) => times[0] >= first);
}
