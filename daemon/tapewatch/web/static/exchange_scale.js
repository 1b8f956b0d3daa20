/**
 * A time axis whose days begin at the exchange's midnight. The library knows UTC only; its advice, to shift the data,
 * would give two hours of an autumn night the same times.
 *
 * Source: lightweight-charts 5.2, `IHorzScaleBehavior`, docs/time-zones.
 */

import { offset } from "./times.js";

/** @typedef {typeof import("lightweight-charts")} Library */
/** @typedef {import("lightweight-charts").Time} Time */
/** @typedef {import("lightweight-charts").TimeScalePoint} Point */
/** @typedef {{-readonly [Key in keyof Point]: Point[Key]}} Weighed */

/**
 * The library's behaviour, but for which marks of the axis weigh most.
 *
 * @param {Library} library
 * @param {string} zone
 * @returns {import("lightweight-charts").IHorzScaleBehavior<Time>}
 */
export function exchangeScale(library, zone) {
  const Base = library.defaultHorzScaleBehavior();

  class ExchangeScale extends Base {
    /**
     * @param {readonly Weighed[]} points
     * @param {number} start
     */
    fillWeightsForPoints(points, start) {
      const first = Math.max(start - 1, 0);
      const there = points.slice(first).map((point) => ({ ...point, time: this.#there(point) }));
      super.fillWeightsForPoints(there, start - first);
      there.forEach((own, index) => {
        const point = points[first + index];
        if (point && first + index >= start) point.timeWeight = own.timeWeight;
      });
    }

    /** @param {Weighed} point */
    #there(point) {
      const seconds = Number(point.originalTime);
      const shifted = /** @type {Time} */ (seconds + offset(seconds, zone));
      return this.convertHorzItemToInternal(shifted);
    }
  }
  return new ExchangeScale();
}
