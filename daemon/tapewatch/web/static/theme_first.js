// Before the page is drawn: the theme that was chosen, so that a dark page does not flash white.
try {
  const chosen = localStorage.getItem("tapewatch.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // a browser that keeps nothing: the system's theme
}
