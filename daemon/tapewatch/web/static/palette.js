/** The page's colours, as the canvas needs them. They stand in page.css and nowhere else. */

/**
 * @typedef {{text: string, muted: string, line: string, surface: string, up: string, down: string, hollow: string,
 *   lines: string[], oscillator: string, join: string, accent: string, roles: Record<string, string>}} Colours
 *   `lines`: of averages and bands, in their order; `roles`: of levels and zones, `other` where there is none.
 */

/**
 * The colours of the theme that is on.
 *
 * @returns {Colours}
 */
export function colours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const of = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`; // a variable itself would be read as it is written: light-dark(…)
    return getComputedStyle(probe).color;
  };
  const found = {
    text: of("text"),
    muted: of("muted"),
    line: of("grid"),
    surface: of("surface"),
    up: of("up"),
    down: of("down"),
    hollow: "rgba(0, 0, 0, 0)",
    lines: ["line-1", "line-2", "line-3", "line-4", "line-5"].map(of),
    oscillator: of("line-1"),
    join: of("join"),
    accent: of("accent"),
    roles: Object.fromEntries(
      ["support", "resistance", "breakout", "target", "other"].map((role) => [role, of(`role-${role}`)]),
    ),
  };
  probe.remove();
  return found;
}

/**
 * The same colour, so opaque.
 *
 * @param {string} colour `rgb(…)`, as a computed style has it
 * @param {number} alpha 0 to 1
 */
export function faint(colour, alpha) {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

/**
 * @param {Colours} own
 * @param {string|null} role
 */
export function roleColour(own, role) {
  return own.roles[role ?? "other"] ?? own.roles["other"] ?? own.muted;
}
