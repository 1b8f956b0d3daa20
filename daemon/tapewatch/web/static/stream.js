/**
 * The server's events, read by `fetch`: unlike `EventSource` it tells why it was refused, sees the comments by which
 * a quiet connection is told from a dead one, and can say after a change of symbol which alert it has seen last.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */

import { logIn, reason } from "./api.js";

/** So long nothing may come, ms; the server sends a comment every 15 s. */
const SILENT = 35_000;

/** The first wait before another try, and the longest, ms. */
const FIRST = 500;
const LONGEST = 15_000;

/**
 * @typedef {{kind: "connecting"}|{kind: "live"}|{kind: "lost", why: string, again: number}} State
 *   `again`: when the next try is, ms since 1970.
 */

export class Stream {
  /** @type {AbortController|null} */
  #running = null;
  /** @type {(() => void)|null} */
  #wake = null;
  #lastId = "";

  /**
   * @param {(name: string, data: any) => void} event
   * @param {(state: State) => void} state
   */
  constructor(event, state) {
    this.event = event;
    this.state = state;
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  /**
   * Reads from there, and no longer from where it did.
   *
   * @param {string} path
   */
  open(path) {
    this.#running?.abort();
    this.#running = new AbortController();
    this.#run(path, this.#running.signal);
  }

  /** Tries again at once, if it waits. */
  retry() {
    this.#wake?.();
  }

  /**
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async #run(path, signal) {
    for (let wait = FIRST; !signal.aborted;) {
      this.state({ kind: "connecting" });
      const { why, live } = await this.#once(path, signal);
      if (signal.aborted) return;
      if (live) wait = FIRST;
      const pause = wait * (0.8 + 0.4 * Math.random()); // pages that lost the same server do not return as one
      this.state({ kind: "lost", why, again: Date.now() + pause });
      await this.#pause(pause, signal);
      wait = Math.min(wait * 2, LONGEST);
    }
  }

  /**
   * One connection, until it ends: why, and whether anything came.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async #once(path, signal) {
    const own = new AbortController();
    const end = () => own.abort();
    signal.addEventListener("abort", end);
    const silence = { timer: setTimeout(end, SILENT) };
    let live = false;
    try {
      const headers = /** @type {Record<string, string>} */ ({ Accept: "text/event-stream" });
      if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
      const answer = await fetch(path, { headers, signal: own.signal, cache: "no-store" });
      if (answer.status === 401) logIn();
      if (!answer.ok || !answer.body) return { why: await reason(answer), live };
      this.state({ kind: "live" });
      for await (const lines of read(answer.body)) {
        live = true;
        clearTimeout(silence.timer);
        silence.timer = setTimeout(end, SILENT);
        if (signal.aborted) break;
        this.#take(lines);
      }
      return { why: "the connection was closed", live };
    } catch {
      return { why: own.signal.aborted ? "nothing came any more" : "tapewatch does not answer", live };
    } finally {
      clearTimeout(silence.timer);
      signal.removeEventListener("abort", end);
      own.abort();
    }
  }

  /**
   * One event's lines; of a comment nothing is left.
   *
   * @param {string[]} lines
   */
  #take(lines) {
    let name = "message";
    const data = [];
    for (const line of lines) {
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
      else if (field === "id") this.#lastId = value;
    }
    if (data.length === 0) return;
    try {
      this.event(name, JSON.parse(data.join("\n")));
    } catch (error) {
      reportError(error); // a mistake of ours: not to be taken for a connection that broke
    }
  }

  /**
   * @param {number} ms
   * @param {AbortSignal} signal
   */
  async #pause(ms, signal) {
    const { promise, resolve } = over();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    signal.addEventListener("abort", resolve);
    await promise;
    this.#wake = null;
    signal.removeEventListener("abort", resolve);
    clearTimeout(timer);
  }
}

/** A promise, and what fulfils it. */
function over() {
  let resolve = () => {};
  const promise = new Promise((/** @type {(nothing: void) => void} */ done) => (resolve = done));
  return { promise, resolve };
}

/**
 * The lines of one event after the other.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<string[]>}
 */
async function* read(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  /** @type {string[]} */
  let lines = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n/);
    rest = found.pop() ?? "";
    for (const line of found) {
      if (line !== "") {
        lines.push(line);
      } else {
        yield lines;
        lines = [];
      }
    }
  }
}
