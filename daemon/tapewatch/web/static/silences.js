/** Silences: listed, made and lifted. */

import { ask, Refused } from "./api.js";
import { el, part, say } from "./dom.js";
import { clock, date, HERE, yours } from "./times.js";

/** @typedef {import("./types.js").Silence} Silence */
/** @typedef {import("./types.js").Alert} Alert */

const STATES = { holds: "", "to come": "to come, ", over: "over, " };

export class Silencing {
  #list = part("silences", HTMLUListElement);
  #none = part("no-silences", HTMLElement);
  #form = part("silence", HTMLFormElement);
  #said = part("silence-said", HTMLElement);
  #zone = HERE;
  #symbol = "";
  /** @type {readonly Silence[]} */
  #own = [];

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
  }

  /**
   * What is shown: of that the form speaks until somebody writes something else.
   *
   * @param {string} symbol
   * @param {string} zone
   * @param {readonly string[]} rules
   */
  shown(symbol, zone, rules) {
    const input = this.#input("symbol");
    if (input.value === this.#symbol) input.value = symbol;
    if (zone !== this.#zone) this.#zone = zone;
    this.#symbol = symbol;
    part("rules", HTMLDataListElement).replaceChildren(...rules.map((value) => el("option", { value })));
    this.show(this.#own);
  }

  /**
   * Fills the form in for an alert like this one.
   *
   * @param {Alert} alert
   */
  propose(alert) {
    this.#input("symbol").value = alert.subject;
    this.#input("rule").value = alert.data.rule;
    say(this.#said, "");
    this.#form.querySelector("select")?.focus();
    this.#form.scrollIntoView({ block: "nearest" });
  }

  /** @param {readonly Silence[]} silences */
  show(silences) {
    this.#own = silences;
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset["lift"] : undefined;
    const rows = silences.map((own) => this.#row(own));
    this.#list.replaceChildren(...rows);
    this.#none.hidden = silences.some(({ state }) => state !== "over");
    if (focused) {
      const again = [...this.#list.querySelectorAll("button")].find((own) => own.dataset["lift"] === focused);
      if (again) again.focus();
      else this.#form.querySelector("button")?.focus();
    }
  }

  /** Asks for the list: where the stream brings it too, this is sooner. */
  async refresh() {
    this.show(await ask("/api/silences"));
  }

  /** @param {Silence} own */
  #row(own) {
    const until = Date.parse(own.until) / 1000;
    const here = yours(until, this.#zone);
    const said = what(own);
    const end = `${STATES[own.state] ?? ""}until ${date(until, this.#zone)} ${clock(until, this.#zone)}`;
    const lift = el(
      "button",
      { type: "button", "data-lift": own.id, "aria-label": `Lift the silence of ${said}` },
      "Lift",
    );
    lift.addEventListener("click", () => this.#lift(own, lift));
    return el(
      "li",
      { "data-state": own.state },
      el(
        "div",
        { class: "what" },
        el("p", { class: "text" }, said),
        el(
          "p",
          { class: "muted" },
          `${end}${here ? ` (${here})` : ""} · by ${own.by}${own.why ? `: ${own.why}` : ""}`,
        ),
      ),
      own.state === "over" ? null : lift,
    );
  }

  async #make() {
    const data = new FormData(this.#form);
    const of = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
    const [symbol, rule] = [of("symbol"), of("rule")];
    const what = symbol || rule ? { symbol: symbol || null, rule: rule || null } : { all: true };
    const body = { ...what, for: of("for"), why: of("why") };
    await this.#try(async () => {
      await ask("/api/silences", { method: "POST", body });
      this.#input("rule").value = "";
      this.#input("why").value = "";
      say(this.#said, "Silenced.");
    });
  }

  /**
   * @param {Silence} own
   * @param {HTMLButtonElement} button
   */
  async #lift(own, button) {
    button.disabled = true;
    const done = await this.#try(async () => {
      await ask(`/api/silences/${encodeURIComponent(own.id)}`, { method: "DELETE" });
      say(this.#said, `Lifted: ${what(own)}.`);
    });
    if (!done) button.disabled = false;
    else this.#form.querySelector("button")?.focus();
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    say(this.#said, "");
    try {
      await act();
      await this.refresh();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.#said, error.message);
      return false;
    }
  }

  /** @param {string} name */
  #input(name) {
    const own = this.#form.elements.namedItem(name);
    if (!(own instanceof HTMLInputElement)) throw new Error(`the form has no ${name}`);
    return own;
  }
}

/** @param {Silence} own */
function what(own) {
  const patterns = /** @type {const} */ (["symbol", "rule", "type", "severity"]);
  return patterns.flatMap((name) => (own[name] ? [`${name} ${own[name]}`] : [])).join(", ") || "every alert";
}
