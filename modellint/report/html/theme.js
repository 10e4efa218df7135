// Light or dark: as the system has it, or as it was chosen, which the browser remembers.

const THEME = "modellint-theme";

/** What was chosen before; a browser may keep nothing for a page that is a file. */
function chosenTheme() {
  try {
    const theme = localStorage.getItem(THEME);
    return theme === "light" || theme === "dark" ? theme : null;
  } catch {
    return null;
  }
}

/** Whether it could be remembered: a page without a memory is still light or dark. */
function rememberTheme(theme) {
  try {
    if (theme) localStorage.setItem(THEME, theme);
    else localStorage.removeItem(THEME);
    return true;
  } catch {
    return false;
  }
}

function themeButton() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const take = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show in ${isDark() ? "light" : "dark"} colours`);
  };
  const button = html("button", { type: "button", class: "theme", click: () => {
    const theme = isDark() ? "light" : "dark";
    // What the system has anyway is followed again from then on.
    const own = (theme === "dark") === system.matches ? null : theme;
    rememberTheme(own);
    take(own);
  } });
  system.addEventListener("change", () => take(root.dataset.theme));
  take(chosenTheme());
  return button;
}
