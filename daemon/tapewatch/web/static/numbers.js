/** Numbers as people read them; the same rules as `alerts/numbers.py`. */

const PRICES = ["sma", "ema", "atr", "bb", "vwap"];
const PERCENTS = ["roc", "change"];
const MOST_DECIMALS = 12;

/** @param {number} value */
export function decimals(value) {
  return Math.max(2, Math.min(value ? 4 - Math.floor(Math.log10(Math.abs(value))) : 2, MOST_DECIMALS));
}

/**
 * Without zeros at the end, but for so many decimals at least.
 *
 * @param {number} value
 * @param {number} digits
 * @param {number} least
 */
function stripped(value, digits, least) {
  return value.toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: digits });
}

/**
 * `6,950.25`; five digits where it is small.
 *
 * @param {number} value
 */
export function price(value) {
  return stripped(value, decimals(value), 2);
}

/**
 * A level as a trader writes it: `7,000`, `166.50`.
 *
 * @param {number} value
 */
export function level(value) {
  return Number.isInteger(value) ? stripped(value, 0, 0) : price(value);
}

/**
 * A level, or a zone: `6,950–6,970`.
 *
 * @param {{low: number, high: number}} own
 */
export function span({ low, high }) {
  return low === high ? level(low) : `${level(low)}–${level(high)}`;
}

/**
 * A distance with its sign, as fine as a price of `at`: `+12.50`.
 *
 * @param {number} value
 * @param {number} at
 */
export function points(value, at) {
  return signed(value, stripped(Math.abs(value), decimals(at), 2));
}

/**
 * `+0.18%`
 *
 * @param {number} value a fraction
 */
export function percent(value) {
  return signed(value, `${stripped(Math.abs(value) * 100, 2, 2)}%`);
}

/**
 * With its sign, but for what is so little that it reads as nothing.
 *
 * @param {number} value
 * @param {string} text of it without its sign
 */
function signed(value, text) {
  if (!/[1-9]/.test(text)) return text;
  return value < 0 ? `−${text}` : `+${text}`;
}

/**
 * The value of an indicator: averages, bands and ranges are prices, rates of change are percent.
 *
 * @param {string} name
 * @param {number|null|undefined} value
 */
export function reading(name, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (PRICES.some((own) => name.startsWith(own))) return price(value);
  if (PERCENTS.some((own) => name.startsWith(own))) return percent(value / 100);
  const small = value !== 0 && Math.abs(value) < 1;
  const digits = small ? Math.min(1 - Math.floor(Math.log10(Math.abs(value))), MOST_DECIMALS) : 1;
  return stripped(value, digits, digits).replace("-", "−");
}

/**
 * `MACD(12,26,9) histogram` of `macd(12,26,9).hist`
 *
 * @param {string} name
 */
export function spoken(name) {
  const [own = "", output] = name.split(/\.(?=[a-z])/);
  const outputs = /** @type {Record<string, string>} */ ({
    signal: "signal",
    hist: "histogram",
    upper: "upper band",
    middle: "middle band",
    lower: "lower band",
  });
  return output ? `${own.toUpperCase()} ${outputs[output] ?? output}` : own.toUpperCase();
}
