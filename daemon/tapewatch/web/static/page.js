/** The live page: what is shown, and how what the server says gets to its place. */

import { Alerts } from "./alerts.js";
import { ask, logIn, Refused } from "./api.js";
import { ChartView } from "./chart_view.js";
import { el, part, say } from "./dom.js";
import { HealthView } from "./health.js";
import { Indicators, Levels } from "./levels.js";
import { price } from "./numbers.js";
import { Picker } from "./picker.js";
import { Silencing } from "./silences.js";
import { Stream } from "./stream.js";
import { themes } from "./theme.js";
import { clock, date, yours } from "./times.js";

/** @typedef {import("./types.js").Chart} Chart */
/** @typedef {import("./types.js").Watch} Watch */
/** @typedef {import("./types.js").Alert} Alert */
/** @typedef {import("./types.js").Found} Found */

/** Alerts that are asked for at first, and after each pause of the stream. */
const LOGGED = 50;

/** What most charts are read in. */
const USUAL = "5m";

class Page {
  #symbol = "";
  #timeframe = "";
  /** @type {string[]} */
  #timeframes = [];
  #zone = "UTC";
  #price = "";
  #unseen = 0;
  #lost = 0;
  #chart = new ChartView();
  #levels = new Levels();
  #indicators = new Indicators();
  #health = new HealthView();
  #silencing = new Silencing();
  #alerts = new Alerts(
    (alert) => this.#look(alert),
    (alert) => this.#silencing.propose(alert),
  );
  #picker = new Picker((found) => this.#go(found));
  #stream = new Stream(
    (name, data) => this.#event(name, data),
    (state) => this.#connection(state),
  );

  async start() {
    themes(() => this.#chart.theme());
    part("log-out", HTMLButtonElement).addEventListener("click", () => this.#logOut());
    document.addEventListener("visibilitychange", () => this.#seen());
    setInterval(() => this.#count(), 1000);
    const asked = new URLSearchParams(location.search);
    const id = /^\/alerts\/([^/]+)$/.exec(location.pathname)?.[1];
    const alert = id ? await this.#find(decodeURIComponent(id)) : null;
    const found = await this.#first(alert?.subject ?? asked.get("symbol") ?? "");
    if (!found) return;
    this.#timeframes = found.timeframes;
    const timeframe = alert?.data.timeframe ?? asked.get("timeframe") ?? "";
    this.#zone = found.zone;
    if (alert) this.#chart.focus(alert.id);
    const place = location.href;
    this.#open(found.symbol, found.timeframes.includes(timeframe) ? timeframe : usual(found.timeframes));
    if (alert) history.replaceState(null, "", place); // a reload shows the alert again
  }

  /**
   * The watch that the page opens with: the one that was asked for, else the first.
   *
   * @param {string} symbol
   * @returns {Promise<Found|null>}
   */
  async #first(symbol) {
    for (;;) {
      try {
        const query = new URLSearchParams({ q: symbol, limit: "50" });
        const { instance, watches } = await ask(`/api/watches?${query}`);
        say(part("instance", HTMLElement), instance);
        const found = watches.find((/** @type {Found} */ own) => own.symbol === symbol) ?? watches[0];
        if (found) return found;
        if (symbol === "") {
          this.#health.connection("Nothing is watched.");
          return null;
        }
        symbol = "";
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#health.connection(`${error.message}. It is asked again.`);
        await new Promise((done) => setTimeout(done, 3000));
      }
    }
  }

  /** @param {Found} found */
  #go(found) {
    this.#timeframes = found.timeframes;
    this.#zone = found.zone;
    const same = found.timeframes.includes(this.#timeframe);
    this.#open(found.symbol, same ? this.#timeframe : usual(found.timeframes));
  }

  /**
   * Shows a symbol in a timeframe from now on.
   *
   * @param {string} symbol
   * @param {string} timeframe
   */
  #open(symbol, timeframe) {
    if (symbol !== this.#symbol) {
      this.#price = "";
      say(part("price", HTMLElement), "–");
      say(part("time", HTMLElement), "");
      say(part("your-time", HTMLElement), "");
      say(part("title", HTMLElement), symbol);
    }
    this.#symbol = symbol;
    this.#timeframe = timeframe;
    const query = new URLSearchParams({ symbol, timeframe });
    history.replaceState(null, "", `/?${query}`);
    this.#picker.show(symbol);
    this.#alerts.shown(symbol);
    this.#buttons();
    this.#titled();
    this.#chart.clear(symbol, timeframe);
    this.#stream.open(`/api/events?${query}`);
  }

  #buttons() {
    const group = part("timeframes", HTMLElement);
    const names = [...group.children].map((own) => own.textContent);
    if (names.join() !== this.#timeframes.join()) {
      const buttons = this.#timeframes.map((name) => {
        const button = el("button", { type: "button" }, name);
        button.addEventListener("click", () => this.#open(this.#symbol, name));
        return button;
      });
      group.replaceChildren(...buttons);
    }
    for (const own of group.children)
      own.setAttribute("aria-pressed", String(own.textContent === this.#timeframe));
  }

  /**
   * @param {string} name
   * @param {any} data
   */
  #event(name, data) {
    if (name === "chart") this.#whole(data);
    else if (name === "bar") this.#chart.bar(data);
    else if (name === "watch") this.#watch(data);
    else if (name === "alert") this.#alert(data);
    else if (name === "delivery") this.#alerts.delivered(data);
    else if (name === "health") this.#health.show(data);
    else if (name === "silences") this.#silencing.show(data);
  }

  /** @param {Chart} chart */
  #whole(chart) {
    if (chart.symbol !== this.#symbol || chart.timeframe !== this.#timeframe) return;
    this.#zone = chart.zone;
    this.#timeframes = chart.timeframes;
    this.#buttons();
    say(
      part("title", HTMLElement),
      chart.title === chart.symbol ? chart.symbol : `${chart.title} (${chart.symbol})`,
    );
    say(part("zone", HTMLElement), `: ${chart.zone.replaceAll("_", " ")}`);
    this.#chart.show(chart);
  }

  /** @param {Watch} watch */
  #watch(watch) {
    if (watch.symbol !== this.#symbol) return;
    this.#levels.show(watch);
    this.#indicators.show(watch, this.#timeframes);
    this.#chart.levels(watch.levels);
    const rules = watch.levels.map(({ name }) => name);
    if (rules.join("\n") !== this.#rules) this.#silencing.shown(watch.symbol, this.#zone, rules);
    this.#rules = rules.join("\n");
    this.#price = watch.price === null ? "" : price(watch.price);
    say(part("price", HTMLElement), this.#price || "–");
    if (watch.time) {
      const at = Date.parse(watch.time) / 1000;
      say(part("time", HTMLElement), `${date(at, this.#zone)} ${clock(at, this.#zone)}`);
      say(part("your-time", HTMLElement), yours(at, this.#zone));
    }
    this.#titled();
  }

  #rules = "";

  /** @param {import("./types.js").Entry} entry */
  #alert(entry) {
    if (!this.#alerts.add(entry)) return;
    if (document.hidden) this.#unseen += 1;
    this.#titled();
  }

  /**
   * The chart of an alert in the log.
   *
   * @param {Alert} alert
   */
  async #look(alert) {
    this.#chart.focus(alert.id);
    const timeframe = alert.data.timeframe ?? this.#timeframe;
    if (alert.subject !== this.#symbol) {
      const found = await this.#first(alert.subject);
      if (!found || found.symbol !== alert.subject) return;
      this.#timeframes = found.timeframes;
      this.#zone = found.zone;
    }
    const known = this.#timeframes.includes(timeframe) ? timeframe : usual(this.#timeframes);
    if (alert.subject !== this.#symbol || known !== this.#timeframe) this.#open(alert.subject, known);
    part("chart", HTMLElement).focus();
  }

  /**
   * The alert of a link, shown on top.
   *
   * @param {string} id
   * @returns {Promise<Alert|null>}
   */
  async #find(id) {
    const box = part("looked-at", HTMLElement);
    box.hidden = false;
    try {
      /** @type {import("./types.js").Entry} */
      const { alert } = await ask(`/api/alerts/${encodeURIComponent(id)}`);
      const { text, note } = alert.data;
      box.append(el("p", { class: "text" }, text), el("p", {}, note ?? ""));
      if (alert.data.price !== null) {
        box.append(
          el("img", {
            src: `/api/alerts/${encodeURIComponent(id)}.png`,
            alt: `The chart as it was: ${text}`,
          }),
        );
      }
      return alert;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      box.append(el("p", {}, `The alert of this link cannot be read: ${error.message}`));
      return null;
    }
  }

  /** What was missed while nothing came. */
  async #catchUp() {
    try {
      this.#alerts.fill(await ask(`/api/alerts?limit=${LOGGED}`));
      await this.#silencing.refresh();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  /** @type {import("./stream.js").State} */
  #state = { kind: "connecting" };

  /** @param {import("./stream.js").State} state */
  #connection(state) {
    this.#state = state;
    if (state.kind === "live") {
      this.#lost = 0;
      this.#catchUp();
    } else if (state.kind === "lost") {
      this.#lost ||= Date.now();
    }
    document.body.dataset["connection"] = this.#lost ? "lost" : state.kind;
    this.#count();
  }

  /** The connection in words, each second anew while it is lost. */
  #count() {
    const own = part("connection", HTMLElement);
    const state = this.#state;
    if (state.kind === "live") {
      own.dataset["state"] = "live";
      say(own, "Live");
      this.#health.connection("");
    } else if (this.#lost && state.kind === "lost") {
      own.dataset["state"] = "lost";
      say(own, "Disconnected");
      const since = clock(this.#lost / 1000, Intl.DateTimeFormat().resolvedOptions().timeZone);
      this.#health.connection(
        `Disconnected since ${since}: ${state.why}. What is shown is old. It is tried again.`,
      );
    } else if (!this.#lost) {
      own.dataset["state"] = "connecting";
      say(own, "Connecting…");
    }
  }

  #seen() {
    if (!document.hidden) this.#unseen = 0;
    this.#titled();
  }

  #titled() {
    const count = this.#unseen ? `(${this.#unseen}) ` : "";
    document.title = `${count}${this.#price ? `${this.#price} ` : ""}${this.#symbol} · tapewatch`;
  }

  async #logOut() {
    await ask("/logout", { method: "POST", body: {} });
    logIn();
  }
}

/** @param {readonly string[]} timeframes */
function usual(timeframes) {
  return timeframes.includes(USUAL) ? USUAL : (timeframes[0] ?? "");
}

await new Page().start();
