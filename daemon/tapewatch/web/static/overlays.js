/**
 * What the library does not draw by itself: zones as named bands, and the lines that join a divergence's pivots.
 *
 * Source: lightweight-charts 5.2, docs/plugins/series-primitives.
 */

import { span } from "./numbers.js";
import { faint, roleColour } from "./palette.js";

/** @typedef {import("./types.js").Place} Place */
/** @typedef {import("./types.js").Join} Join */
/** @typedef {import("./palette.js").Colours} Colours */
/** @typedef {import("lightweight-charts").Time} Time */
/** @typedef {import("lightweight-charts").SeriesAttachedParameter<Time>} Attached */
/** @typedef {Parameters<import("lightweight-charts").IPrimitivePaneRenderer["draw"]>[0]} Target */

const LONGEST_NAME = 28;

/** Height of a zone in which its name has room, px. */
const ROOM = 18;

/**
 * A name as a canvas has room for it.
 *
 * @param {string} name
 */
export function short(name) {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}

/** What is drawn on a pane, and is asked to be drawn anew when it changes. */
class Overlay {
  /** @type {Attached|null} */
  at = null;

  /** @param {Attached} at */
  attached(at) {
    this.at = at;
  }

  detached() {
    this.at = null;
  }

  changed() {
    this.at?.requestUpdate();
  }
}

/** Zones behind the bars. */
export class Bands extends Overlay {
  /** @type {readonly Place[]} */
  #zones = [];

  /** @param {Colours} colours */
  constructor(colours) {
    super();
    const view = { zOrder: () => /** @type {"bottom"} */ ("bottom"), renderer: () => ({ draw: this.#draw }) };
    this.paneViews = () => views;
    const views = [view];
    this.colours = colours;
  }

  /** @param {readonly Place[]} zones */
  show(zones) {
    this.#zones = zones;
    this.changed();
  }

  #draw = (/** @type {Target} */ target) => {
    const series = this.at?.series;
    if (!series) return;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const zone of this.#zones) {
        const top = series.priceToCoordinate(zone.high);
        const bottom = series.priceToCoordinate(zone.low);
        if (top !== null && bottom !== null && bottom > 0 && top < mediaSize.height) {
          this.#band(
            context,
            zone,
            Math.max(top, -1),
            Math.min(bottom, mediaSize.height + 1),
            mediaSize.width,
          );
        }
      }
    });
  };

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Place} zone
   * @param {number} top
   * @param {number} bottom
   * @param {number} width
   */
  #band(context, zone, top, bottom, width) {
    const colour = roleColour(this.colours, zone.role);
    context.fillStyle = faint(colour, 0.12);
    context.fillRect(0, top, width, Math.max(bottom - top, 1));
    context.strokeStyle = faint(colour, 0.7);
    context.lineWidth = 1;
    context.setLineDash([6, 4]);
    for (const y of [top, bottom]) {
      context.beginPath();
      context.moveTo(0, Math.round(y) + 0.5);
      context.lineTo(width, Math.round(y) + 0.5);
      context.stroke();
    }
    context.setLineDash([]);
    context.font = "600 11px system-ui, sans-serif";
    context.fillStyle = colour;
    context.textBaseline = "top";
    context.strokeStyle = this.colours.surface; // around the letters, so that lines behind them do not cross them out
    context.lineWidth = 3;
    const y = bottom - top < ROOM ? top - ROOM + 3 : Math.max(top + 4, 2);
    context.strokeText(`${short(zone.name)}  ${span(zone)}`, 8, y);
    context.fillText(`${short(zone.name)}  ${span(zone)}`, 8, y);
  }
}

/** Lines between two pivots, on the price or on an oscillator. */
export class Joins extends Overlay {
  /** @type {readonly Join[]} */
  #joins = [];

  /**
   * @param {Colours} colours
   * @param {(join: Join) => readonly [number, number]} heights
   */
  constructor(colours, heights) {
    super();
    const view = { zOrder: () => /** @type {"top"} */ ("top"), renderer: () => ({ draw: this.#draw }) };
    const views = [view];
    this.paneViews = () => views;
    this.colours = colours;
    this.heights = heights;
  }

  /** @param {readonly Join[]} joins */
  show(joins) {
    this.#joins = joins;
    this.changed();
  }

  #draw = (/** @type {Target} */ target) => {
    const { chart, series } = this.at ?? {};
    if (!chart || !series) return;
    target.useMediaCoordinateSpace(({ context }) => {
      for (const join of this.#joins) {
        const xs = join.times.map((time) => chart.timeScale().timeToCoordinate(/** @type {Time} */ (time)));
        const ys = this.heights(join).map((height) => series.priceToCoordinate(height));
        const [x0, x1] = xs;
        const [y0, y1] = ys;
        if (x0 == null || x1 == null || y0 == null || y1 == null) continue;
        this.#line(context, join.stage === "forming", [x0, y0], [x1, y1]);
      }
    });
  };

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {boolean} forming
   * @param {readonly [number, number]} from
   * @param {readonly [number, number]} to
   */
  #line(context, forming, from, to) {
    context.strokeStyle = this.colours.join;
    context.fillStyle = this.colours.surface;
    context.lineWidth = 2;
    context.setLineDash(forming ? [5, 4] : []);
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    context.setLineDash([]);
    for (const end of [from, to]) {
      context.beginPath();
      context.arc(...end, 3.5, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}
