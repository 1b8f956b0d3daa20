/** Health: what the process does, its feeds, Redis, the lease and the receivers; and the warnings on top. */

import { el, part, say } from "./dom.js";

/** @typedef {import("./types.js").Health} Health */
/** @typedef {import("./types.js").Feed} Feed */

/** @typedef {{name: string, ok: boolean, text: string}} Line */

export class HealthView {
  #list = part("health", HTMLElement);
  #banners = part("banners", HTMLElement);
  /** @type {string[]} */
  #warnings = [];
  #connection = "";

  /** @param {Health} health */
  show(health) {
    part("log-out", HTMLButtonElement).hidden = !health.login;
    const lines = linesOf(health);
    while (this.#list.children.length > lines.length) this.#list.lastElementChild?.remove();
    lines.forEach((line, index) => this.#line(index, line)); // in place: who reads along keeps the place
    this.#warnings = warningsOf(health);
    this.#tell();
  }

  /**
   * @param {number} index
   * @param {Line} line
   */
  #line(index, { name, ok, text }) {
    const own =
      this.#list.children[index] ??
      this.#list.appendChild(
        el(
          "div",
          {},
          el("dt"),
          el("dd", {}, el("span", { class: "sign", "aria-hidden": "true" }), " ", el("span")),
        ),
      );
    own.setAttribute("data-ok", String(ok));
    const [title, sign, words] = ["dt", ".sign", ".sign + span"].map((part) => own.querySelector(part));
    if (title) say(title, name);
    if (sign) say(sign, ok ? "✓" : "✕");
    if (words) say(words, text);
  }

  /**
   * What is wrong between the page and the server; empty: nothing.
   *
   * @param {string} text
   */
  connection(text) {
    this.#connection = text;
    this.#tell();
  }

  #tell() {
    const texts = [this.#connection, ...(this.#connection ? [] : this.#warnings)].filter(
      (text) => text !== "",
    );
    while (this.#banners.children.length > texts.length) this.#banners.lastElementChild?.remove();
    texts.forEach((text, index) => {
      const own = this.#banners.children[index] ?? this.#banners.appendChild(el("p", { class: "banner" }));
      say(own, text);
    });
  }
}

/**
 * @param {Health} health
 * @returns {Line[]}
 */
function linesOf(health) {
  const waiting = health.receivers
    .filter(({ waiting: count }) => count !== null)
    .map(({ name, waiting: count }) => ({
      name: `Receiver ${name}`,
      ok: count === 0,
      text: count === 0 ? "has every alert" : `${count} ${count === 1 ? "alert waits" : "alerts wait"}`,
    }));
  const leads = health.role === "leading" || health.role === "standing by";
  const symbols = `${health.symbols} ${health.symbols === 1 ? "symbol" : "symbols"}`;
  return [
    {
      name: "Process",
      ok: leads,
      text: `${health.role}${health.member ? ` as ${health.member}` : ""}, ${symbols}`,
    },
    ...health.feeds.map((feed) => ({ name: `Feed ${feed.name}`, ok: isWell(feed), text: ofFeed(feed) })),
    {
      name: "Redis",
      ok: health.redis.ok,
      text: health.redis.ok ? "answers" : `does not answer${since(health.redis.away_s)}`,
    },
    ...lease(health),
    ...waiting,
    ...health.checks.filter(({ ok }) => !ok).map(({ name, reason }) => ({ name, ok: false, text: reason })),
  ];
}

/**
 * @param {Health} health
 * @returns {Line[]}
 */
function lease({ lease: own }) {
  if (own === null) return [];
  const leader = own.leader ?? "nobody";
  return [
    { name: "Lease", ok: own.leader !== null, text: own.held ? "held by this process" : `held by ${leader}` },
  ];
}

/** @param {Feed} feed */
function isWell(feed) {
  return !feed.stale && (feed.state === "subscribed" || feed.state === "idle");
}

/** @param {Feed} feed */
function ofFeed(feed) {
  const rate = feed.ticks_per_second;
  const lag = feed.lag_s;
  return [
    `${feed.vendor}, ${feed.stale ? "silent" : feed.state}`,
    rate === null ? "" : `${Math.round(rate).toLocaleString("en-US")} ticks/s`,
    lag === null ? "" : `lag ${lag < 1 ? `${Math.round(lag * 1000)} ms` : `${lag.toFixed(1)} s`}`,
    feed.reconnects ? `${feed.reconnects} reconnects` : "",
  ]
    .filter((text) => text !== "")
    .join(", ");
}

/** @param {number|null} seconds */
function since(seconds) {
  return seconds === null ? "" : ` for ${Math.round(seconds)} s`;
}

/**
 * What somebody who looks at prices has to know first.
 *
 * @param {Health} health
 */
function warningsOf(health) {
  const texts = [];
  if (health.role === "standing by") {
    const leader = health.lease?.leader;
    texts.push(
      `This process stands by${leader ? `: ${leader} leads` : ""}. Prices and charts are with the one that leads.`,
    );
  } else if (health.role !== "leading") {
    texts.push(`This process is ${health.role}.`);
  }
  for (const feed of health.feeds) {
    if (feed.stale) texts.push(`The feed ${feed.name} is silent: its prices are old.`);
    else if (!isWell(feed)) texts.push(`The feed ${feed.name} is ${feed.state}: its prices are old.`);
  }
  if (!health.redis.ok) texts.push("Redis does not answer: alerts are kept on disk until it does.");
  return texts;
}
