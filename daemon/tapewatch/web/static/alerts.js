/** The alert log: the newest first, with what became of each at each receiver. */

import { el, part, say } from "./dom.js";
import { clock, date, secondsOf, yours } from "./times.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Delivery} Delivery */
/** @typedef {import("./types.js").Alert} Alert */

/** So many are kept: the page stays as small as it was in the morning. */
const MOST = 500;

/** New alerts are told to a screen reader together, ms. */
const TOGETHER = 800;

/** So many are shown until somebody asks for more; page.css hides the others. */
const SHORT = 12;

const SEVERITIES = /** @type {const} */ ({ info: "i", warning: "!", critical: "!!" });

/** Outcomes, as a sign and in words. */
const OUTCOMES = /** @type {Record<string, [string, string]>} */ ({
  waiting: ["…", "waits"],
  sent: ["✓", "has it"],
  had_already: ["✓", "had it already"],
  muted: ["–", "is muted"],
  silenced: ["–", "silenced"],
  refused: ["✕", "refused it"],
  gave_up: ["✕", "failed for too long"],
  unreadable: ["✕", "could not read it"],
});

/** @typedef {{alert: Alert, own: HTMLLIElement, told: HTMLUListElement, receivers: Map<string, Delivery|null>}} Kept */

export class Alerts {
  #list = part("alerts", HTMLOListElement);
  #none = part("no-alerts", HTMLElement);
  #news = part("news", HTMLElement);
  #only = part("only-shown", HTMLInputElement);
  #older = part("older", HTMLButtonElement);
  #symbol = "";
  /** @type {Map<string, Kept>} The oldest first. */
  #kept = new Map();
  /** @type {Alert[]} */
  #fresh = [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {(alert: Alert) => void} look
   * @param {(alert: Alert) => void} silence
   */
  constructor(look, silence) {
    this.look = look;
    this.silence = silence;
    this.#only.addEventListener("change", () => this.#filter());
    this.#older.addEventListener("click", () => {
      const short = this.#list.classList.toggle("short");
      this.#older.setAttribute("aria-expanded", String(!short));
      say(this.#older, short ? "Older alerts" : "Fewer alerts");
    });
  }

  /**
   * The symbol that is shown.
   *
   * @param {string} symbol
   */
  shown(symbol) {
    this.#symbol = symbol;
    say(part("only-symbol", HTMLElement), symbol);
    this.#filter();
  }

  /**
   * The alerts that there were, the newest last.
   *
   * @param {readonly Entry[]} entries
   */
  fill(entries) {
    for (const entry of entries) this.#put(entry);
    const order = [...this.#kept.values()].sort((one, other) => (one.alert.time < other.alert.time ? -1 : 1));
    this.#kept = new Map(order.map((kept) => [kept.alert.id, kept]));
    this.#list.replaceChildren(...order.map(({ own }) => own).reverse());
    this.#tidy();
  }

  /**
   * One that has just come: whether it is new.
   *
   * @param {Entry} entry
   */
  add(entry) {
    const known = this.#kept.has(entry.alert.id);
    const kept = this.#put(entry);
    if (known) return false;
    this.#list.prepend(kept.own);
    kept.own.classList.add("fresh");
    this.#tidy();
    this.#tell(entry.alert);
    return true;
  }

  /** @param {Delivery & {alert: string}} own */
  delivered(own) {
    const kept = this.#kept.get(own.alert);
    if (!kept) return;
    kept.receivers.set(own.receiver, own);
    tell(kept);
  }

  /** @param {Entry} entry */
  #put({ alert, deliveries, waiting }) {
    const kept = this.#kept.get(alert.id) ?? this.#make(alert);
    for (const name of waiting) kept.receivers.set(name, null);
    for (const delivery of deliveries) kept.receivers.set(delivery.receiver, delivery);
    this.#kept.set(alert.id, kept);
    tell(kept);
    return kept;
  }

  /** @param {Alert} alert */
  #make(alert) {
    const { severity, text, zone, time_ns, timeframe, late, note, rule } = alert.data;
    const at = secondsOf(time_ns);
    const here = yours(at, zone);
    const told = el("ul", { class: "receivers", "aria-label": "Receivers" });
    const own = el(
      "li",
      { "data-severity": severity, "data-id": alert.id },
      el("span", { class: "severity", title: severity, "aria-hidden": "true" }, SEVERITIES[severity]),
      el(
        "div",
        { class: "what" },
        el("p", { class: "text" }, el("span", { class: "unseen" }, `${severity}: `), text),
        el(
          "p",
          { class: "muted" },
          el("time", { datetime: alert.time }, `${date(at, zone)} ${clock(at, zone)}`),
          here ? ` (${here})` : "",
          ` · ${rule}${timeframe ? ` · ${timeframe}` : ""}${late ? " · found late" : ""}`,
        ),
        note ? el("p", { class: "note" }, note) : null,
        told,
        this.#actions(alert),
      ),
    );
    return { alert, own, told, receivers: new Map() };
  }

  /** @param {Alert} alert */
  #actions(alert) {
    const { text, rule } = alert.data;
    const actions = el("p", { class: "actions" });
    if (alert.data.price !== null) {
      const look = el("button", { type: "button", class: "link", "aria-label": `Chart: ${text}` }, "Chart");
      look.addEventListener("click", () => this.look(alert));
      const picture = `/api/alerts/${encodeURIComponent(alert.id)}.png`;
      actions.append(
        look,
        el("a", { href: picture, "aria-label": `Picture as it was sent: ${text}` }, "Picture"),
      );
    }
    const label = `Silence ${rule} of ${alert.subject}`;
    const silence = el("button", { type: "button", class: "link", "aria-label": label }, "Silence");
    silence.addEventListener("click", () => this.silence(alert));
    actions.append(silence);
    return actions;
  }

  /** Lets the oldest go, and hides what is of other symbols. */
  #tidy() {
    for (const [id, kept] of this.#kept) {
      if (this.#kept.size <= MOST) break;
      kept.own.remove();
      this.#kept.delete(id);
    }
    this.#filter();
  }

  #filter() {
    let seen = 0;
    for (const { alert, own } of this.#kept.values()) {
      own.hidden = this.#only.checked && alert.subject !== this.#symbol;
      if (!own.hidden) seen += 1;
    }
    this.#none.hidden = seen > 0;
    this.#older.hidden = seen <= SHORT;
  }

  /** @param {Alert} alert */
  #tell(alert) {
    this.#fresh.push(alert);
    this.#timer ??= setTimeout(() => {
      const [last] = this.#fresh.slice(-1);
      const many = this.#fresh.length > 1 ? `${this.#fresh.length} new alerts, the last: ` : "New alert: ";
      say(this.#news, last ? `${many}${last.data.severity}, ${last.data.text}` : "");
      this.#fresh = [];
      this.#timer = undefined;
    }, TOGETHER);
  }
}

/** @param {Kept} kept */
function tell({ told, receivers }) {
  const shown = [...receivers].filter(([, own]) => own?.outcome !== "not_routed");
  const rows = shown.map(([name, own]) => {
    const outcome = own?.outcome ?? "waiting";
    const [sign, words] = OUTCOMES[outcome] ?? ["?", outcome];
    const detail = own?.detail && outcome !== "silenced" ? `: ${own.detail}` : "";
    return el(
      "li",
      { "data-outcome": outcome, title: `${name} ${words}${detail}` },
      el("span", { "aria-hidden": "true" }, `${sign} `),
      name,
      el("span", { class: outcome === "sent" ? "unseen" : "" }, ` ${words}${detail}`),
    );
  });
  told.replaceChildren(...rows);
  told.hidden = rows.length === 0;
}
