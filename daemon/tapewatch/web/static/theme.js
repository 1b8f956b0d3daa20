/** Light or dark: the system's, until the viewer chooses. */

import { part } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. */
export function dark() {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : system.matches;
}

/**
 * Makes the button work.
 *
 * @param {() => void} changed called after each change
 */
export function themes(changed) {
  const button = part("theme", HTMLButtonElement);
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    const chosen = dark() ? "light" : "dark";
    document.documentElement.dataset["theme"] = chosen;
    try {
      localStorage.setItem("tapewatch.theme", chosen);
    } catch {
      // a browser that keeps nothing: for this visit
    }
    show();
    changed();
  });
  system.addEventListener("change", () => {
    show();
    changed();
  });
  show();
}
