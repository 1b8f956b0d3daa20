/** Times in the exchange's zone, with the viewer's beside them. */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** The viewer's own zone, such as `Europe/Berlin`. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(zone, options) {
  const key = `${zone} ${JSON.stringify(options)}`;
  let own = formats.get(key);
  if (!own) {
    own = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...options });
    formats.set(key, own);
  }
  return own;
}

/**
 * The parts of a time in a zone, by name.
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {Record<string, string>}
 */
function parts(seconds, zone, options) {
  const found = format(zone, options).formatToParts(seconds * 1000);
  return Object.fromEntries(found.map(({ type, value }) => [type, value]));
}

/** @type {Intl.DateTimeFormatOptions} */
const ALL = {
  weekday: "short",
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
};

/**
 * `09:31:07 EST`
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 */
export function clock(seconds, zone) {
  const own = parts(seconds, zone, ALL);
  return `${own.hour}:${own.minute}:${own.second} ${own.timeZoneName}`;
}

/**
 * `Wed 28 Jan 2026`
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 */
export function date(seconds, zone) {
  const own = parts(seconds, zone, ALL);
  return `${own.weekday} ${own.day} ${own.month} ${own.year}`;
}

/**
 * The viewer's clock where it differs from the exchange's: `15:31:07 GMT+1, your time`; else empty.
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone of the exchange
 */
export function yours(seconds, zone) {
  if (offset(seconds, zone) === offset(seconds, HERE)) return "";
  const day = date(seconds, HERE);
  return `${day === date(seconds, zone) ? "" : `${day} `}${clock(seconds, HERE)}, your time`;
}

/**
 * How far a zone is ahead of UTC at that time, s.
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 */
export function offset(seconds, zone) {
  const whole = Math.floor(seconds);
  const own = parts(whole, zone, {
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const [year, month, day, hour, minute, second] = ["year", "month", "day", "hour", "minute", "second"].map(
    (name) => Number(own[name]),
  );
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second) / 1000 - whole;
}

/**
 * How a bar is called: its start; of a daily one the day.
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 * @param {string} timeframe
 */
export function barName(seconds, zone, timeframe) {
  if (timeframe.endsWith("d")) return date(seconds, zone);
  const own = parts(seconds, zone, ALL);
  return `${own.weekday} ${own.day} ${own.month} ${own.hour}:${own.minute} ${own.timeZoneName}`;
}

/**
 * A mark of the time axis. Kinds as the library's `TickMarkType`: 0 year, 1 month, 2 day, 3 time, 4 with seconds.
 *
 * @param {number} seconds since 1970 UTC
 * @param {string} zone
 * @param {number} kind
 * @param {string} timeframe
 */
export function tick(seconds, zone, kind, timeframe) {
  const own = parts(seconds, zone, ALL);
  const daily = timeframe.endsWith("d");
  if (kind === 0) return daily ? (own.year ?? "") : `${own.day} ${own.month} ${own.year}`;
  if (kind === 1 && daily) return own.month ?? "";
  if (kind <= 2) return `${own.day} ${own.month}`;
  return `${own.hour}:${own.minute}`;
}

/**
 * Seconds since 1970 of digits in ns: a JavaScript number would round them, which no clock shows.
 *
 * @param {string} ns
 */
export function secondsOf(ns) {
  return Number(BigInt(ns) / 1_000_000n) / 1000;
}
