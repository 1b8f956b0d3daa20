/** The chart: candles, levels, zones, averages and oscillators, by TradingView's lightweight-charts. */

import { candle, format, markers, paneOf, withNext } from "./chart_parts.js";
import { exchangeScale } from "./exchange_scale.js";
import { reading, spoken } from "./numbers.js";
import { Bands, Joins, short } from "./overlays.js";
import { roleColour } from "./palette.js";
import { barName, tick } from "./times.js";

/** @typedef {typeof import("lightweight-charts")} Library */
/** @typedef {import("lightweight-charts").Time} Time */
/** @typedef {import("lightweight-charts").SeriesType} SeriesType */
/** @typedef {import("lightweight-charts").ISeriesApi<SeriesType>} Series */
/** @typedef {import("lightweight-charts").IPriceLine} PriceLine */
/** @typedef {import("./types.js").Chart} Chart */
/** @typedef {import("./types.js").Bar} Bar */
/** @typedef {import("./types.js").Place} Place */
/** @typedef {import("./palette.js").Colours} Colours */

/** The lines between which an RSI is neither overbought nor oversold (Wilder 1978, p. 68). */
const RSI_LINES = [70, 30];

const WIDTHS = /** @type {const} */ ({ thin: 1, line: 2 });

export class LiveChart {
  /** @type {Map<string, Series>} By the indicator's value. */
  #series = new Map();
  /** @type {Map<string, PriceLine>} By the level's name. */
  #levels = new Map();
  /** @type {readonly Place[]} */
  #places = [];

  /**
   * @param {Library} library
   * @param {HTMLElement} box
   * @param {Chart} chart what is to be shown; its form stays
   * @param {Colours} colours
   * @param {(time: number|null) => void} pointed the start of the bar under the crosshair
   */
  constructor(library, box, chart, colours, pointed) {
    this.library = library;
    this.colours = colours;
    this.zone = chart.zone;
    this.timeframe = chart.timeframe;
    this.chart = library.createChartEx(box, exchangeScale(library, chart.zone), this.#options());
    this.candles = this.chart.addSeries(library.CandlestickSeries, this.#candles(chart));
    this.bands = new Bands(colours);
    this.candles.attachPrimitive(this.bands);
    this.marks = library.createSeriesMarkers(this.candles, [], { zOrder: "top" });
    this.#indicators(Object.keys(chart.values));
    /** @type {Map<string, Joins>} By the oscillator; empty: the price's own. */
    this.joins = new Map([["", this.#joining(this.candles, (join) => join.prices)]]);
    for (const [name, series] of this.#series) {
      if (paneOf(name))
        this.joins.set(
          name,
          this.#joining(series, (join) => join.values),
        );
    }
    this.chart.subscribeCrosshairMove(({ time }) => pointed(typeof time === "number" ? time : null));
  }

  /**
   * Bars, levels, marks and joins as they are now.
   *
   * @param {Chart} own
   */
  show(own) {
    this.candles.setData(own.time.map((time, index) => candle(time, own, index)));
    for (const [name, series] of this.#series) {
      const values = own.values[name] ?? [];
      series.setData(own.time.map((time, index) => this.#point(name, time, values[index])));
    }
    this.places(own.places);
    this.events(own);
  }

  /**
   * The newest bar, or another one after it.
   *
   * @param {Bar} bar
   */
  bar(bar) {
    const time = /** @type {Time} */ (bar.time);
    const { open, high, low, close } = bar;
    this.candles.update({ time, open, high, low, close });
    for (const [name, series] of this.#series) series.update(this.#point(name, bar.time, bar.values[name]));
  }

  /**
   * Levels as lines, zones as bands.
   *
   * @param {readonly Place[]} places
   */
  places(places) {
    this.#places = places;
    this.bands.show(places.filter(({ low, high }) => low !== high));
    const gone = new Set(this.#levels.keys());
    for (const place of places) {
      if (place.low !== place.high) continue;
      gone.delete(place.name);
      const line = this.#levels.get(place.name);
      if (line) line.applyOptions({ price: place.low });
      else this.#levels.set(place.name, this.candles.createPriceLine(this.#level(place)));
    }
    for (const name of gone) {
      const line = this.#levels.get(name);
      if (line) this.candles.removePriceLine(line);
      this.#levels.delete(name);
    }
  }

  /**
   * Alerts and divergences.
   *
   * @param {Pick<Chart, "time"|"marks"|"joins">} own
   * @param {string|null} [focus] the alert that is looked at
   */
  events(own, focus = null) {
    this.marks.setMarkers(markers(own.time, own.marks, this.colours, focus));
    for (const [name, joins] of this.joins) {
      joins.show(own.joins.filter((join) => name === "" || join.oscillator === name));
    }
  }

  /**
   * Points the crosshair at a bar.
   *
   * @param {number} time
   * @param {number} close
   */
  point(time, close) {
    this.chart.setCrosshairPosition(close, /** @type {Time} */ (time), this.candles);
  }

  /** The newest bars, as wide as at first. */
  home() {
    this.chart.timeScale().resetTimeScale();
  }

  /**
   * Shows fewer bars, or more.
   *
   * @param {number} factor above 1: fewer
   */
  zoom(factor) {
    const scale = this.chart.timeScale();
    scale.applyOptions({ barSpacing: Math.min(Math.max(scale.options().barSpacing * factor, 1), 40) });
  }

  remove() {
    this.chart.remove();
  }

  /**
   * The colour of an indicator's line.
   *
   * @param {string} name
   */
  colour(name) {
    const own = this.#series.get(name)?.options();
    return own && "color" in own ? own.color : this.colours.muted;
  }

  #options() {
    const { colours, zone, timeframe } = this;
    return {
      autoSize: true,
      layout: {
        // The library's logo brings a style element, which the page's CSP refuses; the link is in the page's foot.
        attributionLogo: false,
        background: { type: this.library.ColorType.Solid, color: colours.surface },
        textColor: colours.muted,
        fontFamily: "system-ui, sans-serif",
        panes: { separatorColor: colours.line, separatorHoverColor: colours.line },
      },
      grid: { vertLines: { color: colours.line }, horzLines: { color: colours.line } },
      crosshair: { mode: this.library.CrosshairMode.Normal },
      rightPriceScale: { borderColor: colours.line, minimumWidth: 64 },
      timeScale: {
        borderColor: colours.line,
        timeVisible: !timeframe.endsWith("d"),
        secondsVisible: false,
        rightOffset: 4,
        tickMarkFormatter: (/** @type {Time} */ time, /** @type {number} */ kind) =>
          tick(Number(time), zone, kind, timeframe),
      },
      localization: { timeFormatter: (/** @type {Time} */ time) => barName(Number(time), zone, timeframe) },
      kineticScroll: { touch: false, mouse: false },
      handleScroll: { vertTouchDrag: false }, // on a phone, a finger that goes up and down moves the page
    };
  }

  /** @param {Chart} chart */
  #candles(chart) {
    const { up, down, hollow } = this.colours;
    return {
      upColor: hollow, // what rises is hollow, what falls is full: without colour, too
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
      priceLineColor: this.colours.text,
      priceLineStyle: this.library.LineStyle.Dotted,
      priceFormat: format(chart),
      autoscaleInfoProvider: (/** @type {() => import("lightweight-charts").AutoscaleInfo|null} */ base) =>
        withNext(base(), this.#places),
    };
  }

  /** @param {Place} place */
  #level(place) {
    const { Solid, Dashed, Dotted, LargeDashed } = this.library.LineStyle;
    const styles = /** @type {Record<string, number>} */ ({
      support: Dotted,
      resistance: Dashed,
      target: LargeDashed,
    });
    const colour = roleColour(this.colours, place.role);
    return {
      price: place.low,
      color: colour,
      lineWidth: WIDTHS.thin,
      lineStyle: styles[place.role ?? ""] ?? Solid,
      axisLabelVisible: true,
      axisLabelColor: colour,
      axisLabelTextColor: this.colours.surface,
      title: short(place.name),
    };
  }

  /** @param {readonly string[]} names */
  #indicators(names) {
    const { LineSeries, LineStyle } = this.library;
    const styles = [
      LineStyle.Solid,
      LineStyle.LargeDashed,
      LineStyle.Dashed,
      LineStyle.Dotted,
      LineStyle.SparseDotted,
    ];
    names
      .filter((name) => !paneOf(name))
      .forEach((name, index) => {
        const color = this.colours.lines[index % this.colours.lines.length] ?? this.colours.muted;
        const lineStyle = styles[index % styles.length] ?? LineStyle.Solid;
        this.#series.set(
          name,
          this.chart.addSeries(LineSeries, { ...quiet, color, lineStyle, lineWidth: 1 }),
        );
      });
    const panes = [...new Set(names.flatMap((name) => paneOf(name) ?? []))];
    panes.forEach((pane, index) =>
      this.#pane(
        pane,
        index + 1,
        names.filter((name) => paneOf(name) === pane),
      ),
    );
    this.chart.panes()[0]?.setStretchFactor(3);
  }

  /**
   * @param {string} pane
   * @param {number} index
   * @param {readonly string[]} names
   */
  #pane(pane, index, names) {
    const { HistogramSeries, LineSeries, LineStyle, createTextWatermark } = this.library;
    const { colours } = this;
    for (const name of [...names].sort(
      (one, other) => Number(other.endsWith(".hist")) - Number(one.endsWith(".hist")),
    )) {
      const priceFormat = { type: /** @type {"custom"} */ ("custom"), minMove: 1e-8, formatter: of(name) };
      const signal = name.endsWith(".signal");
      const own = name.endsWith(".hist")
        ? this.chart.addSeries(HistogramSeries, { ...quiet, priceFormat, color: colours.muted }, index)
        : this.chart.addSeries(
            LineSeries,
            {
              ...quiet,
              priceFormat,
              color: signal ? (colours.lines[1] ?? colours.muted) : colours.oscillator,
              lineStyle: signal ? LineStyle.Dashed : LineStyle.Solid,
              lineWidth: WIDTHS.line,
            },
            index,
          );
      this.#series.set(name, own);
      if (pane.startsWith("rsi")) this.#bounds(own);
    }
    const [own] = this.chart.panes().slice(index);
    if (!own) return;
    own.setStretchFactor(1);
    createTextWatermark(own, {
      horzAlign: "left",
      vertAlign: "top",
      lines: [{ text: spoken(pane), color: colours.muted, fontSize: 11 }],
    });
  }

  /** @param {Series} series of an RSI */
  #bounds(series) {
    for (const at of RSI_LINES) {
      const lineStyle = this.library.LineStyle.Dashed;
      series.createPriceLine({
        price: at,
        color: this.colours.muted,
        lineWidth: 1,
        lineStyle,
        axisLabelVisible: false,
        title: "",
      });
    }
    series.applyOptions({
      autoscaleInfoProvider: (/** @type {() => import("lightweight-charts").AutoscaleInfo|null} */ base) => {
        const own = base()?.priceRange;
        return {
          priceRange: {
            minValue: Math.min(own?.minValue ?? 25, 25),
            maxValue: Math.max(own?.maxValue ?? 75, 75),
          },
        };
      },
    });
  }

  /**
   * @param {string} name
   * @param {number} seconds
   * @param {number|null|undefined} value
   */
  #point(name, seconds, value) {
    const time = /** @type {Time} */ (seconds);
    if (value === null || value === undefined) return { time };
    if (!name.endsWith(".hist")) return { time, value };
    return { time, value, color: value < 0 ? this.colours.down : this.colours.up };
  }

  /**
   * @param {Series|import("lightweight-charts").ISeriesApi<"Candlestick">} series
   * @param {(join: import("./types.js").Join) => readonly [number, number]} heights
   */
  #joining(series, heights) {
    const joins = new Joins(this.colours, heights);
    series.attachPrimitive(joins);
    return joins;
  }
}

const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };

/** @param {string} name */
function of(name) {
  return (/** @type {number} */ value) => reading(name, value);
}
