/** Parts of a chart, as the library wants them: bars, marks, ranges. */

import { decimals, price } from "./numbers.js";
import { short } from "./overlays.js";

/** @typedef {import("lightweight-charts").Time} Time */
/** @typedef {import("./types.js").Chart} Chart */
/** @typedef {import("./types.js").Mark} Mark */
/** @typedef {import("./types.js").Place} Place */
/** @typedef {import("./palette.js").Colours} Colours */

/** Kinds of indicators that are drawn in a pane of their own. */
const PANES = ["rsi", "macd", "roc", "atr"];

/**
 * The pane that a value is drawn in: `macd(12,26,9)` of `macd(12,26,9).hist`; null: over the price.
 *
 * @param {string} name
 */
export function paneOf(name) {
  const [own = ""] = name.split(/\.(?=[a-z])/);
  return PANES.includes(own.replace(/\(.*/, "")) ? own : null;
}

/**
 * @param {number} seconds
 * @param {Chart} own
 * @param {number} index
 */
export function candle(seconds, own, index) {
  const time = /** @type {Time} */ (seconds);
  const [open, high, low, close] = [own.open[index], own.high[index], own.low[index], own.close[index]];
  return open == null || high == null || low == null || close == null
    ? { time }
    : { time, open, high, low, close };
}

/** @param {Chart} chart */
export function format(chart) {
  const last = chart.close.findLast((close) => close !== null) ?? 0;
  return { type: /** @type {"custom"} */ ("custom"), minMove: 10 ** -decimals(last), formatter: price };
}

/**
 * The range of the bars, with the next level or zone on either side if it is near: what price comes to is seen.
 *
 * @param {import("lightweight-charts").AutoscaleInfo|null} own
 * @param {readonly Place[]} places
 */
export function withNext(own, places) {
  if (!own?.priceRange) return own;
  const { minValue, maxValue } = own.priceRange;
  const near = 0.4 * (maxValue - minValue);
  const edges = places.flatMap(({ low, high }) => [low, high]);
  const above = Math.min(...edges.filter((at) => at > maxValue && at < maxValue + near), maxValue + near);
  const below = Math.max(...edges.filter((at) => at < minValue && at > minValue - near), minValue - near);
  return {
    ...own,
    priceRange: {
      minValue: edges.includes(below) ? below : minValue,
      maxValue: edges.includes(above) ? above : maxValue,
    },
  };
}

/**
 * A mark a bar and direction: so many alerts of one bar would cover each other.
 *
 * @param {readonly number[]} times of the bars
 * @param {readonly Mark[]} marks
 * @param {Colours} colours
 * @param {string|null} focus
 * @returns {import("lightweight-charts").SeriesMarker<Time>[]}
 */
export function markers(times, marks, colours, focus) {
  /** @type {Map<string, {at: number, direction: "up"|"down"|null, own: Mark[]}>} */
  const groups = new Map();
  for (const mark of marks) {
    const at = times.findLast((time) => time <= mark.time);
    if (at === undefined) continue;
    const key = `${at} ${mark.direction}`;
    const group = groups.get(key) ?? { at, direction: mark.direction, own: [] };
    group.own.push(mark);
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((one, other) => one.at - other.at)
    .map(({ at, direction, own }) => {
      const looked = own.find(({ id }) => id === focus);
      return {
        time: /** @type {Time} */ (at),
        position: direction === "up" ? "belowBar" : "aboveBar",
        shape: direction === "up" ? "arrowUp" : direction === "down" ? "arrowDown" : "circle",
        color: looked ? colours.accent : colours.text,
        text: looked ? short(looked.rule) : own.length > 1 ? `${own.length}` : "",
        size: looked ? 2 : 1,
      };
    });
}
