/** Questions to the server. */

/** The server said no; the message says why, for people. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Where to log in, and to come back to this page from. */
export function logIn() {
  location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
}

/**
 * What the server says to a question.
 *
 * @param {string} path
 * @param {{method?: string, body?: unknown, signal?: AbortSignal}} [more]
 * @returns {Promise<any>}
 * @throws {Refused} it says no, or nothing
 */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = /** @type {Record<string, string>} */ ({ Accept: "application/json" });
  if (method !== "GET") headers["Content-Type"] = "application/json";
  /** @type {Response} */
  let answer;
  try {
    const sent = body === undefined ? null : JSON.stringify(body);
    answer = await fetch(path, { method, headers, body: sent, signal: signal ?? null, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "tapewatch does not answer");
  }
  if (answer.status === 401) logIn();
  if (!answer.ok) throw new Refused(answer.status, await reason(answer));
  return answer.status === 204 ? null : answer.json();
}

/**
 * Why the server said no.
 *
 * @param {Response} answer
 * @returns {Promise<string>}
 */
export async function reason(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const found = JSON.parse(text);
    if (typeof found.error === "string") return found.error;
  } catch {
    // it is plain text
  }
  return text.trim().slice(0, 300) || `the server answers ${answer.status}`;
}
