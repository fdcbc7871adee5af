// Light, dark or as the system says; the choice is kept in this browser.

import { replaceChildren } from "./dom.js";
import { icon } from "./icons.js";

const KEPT = "opsbell-sandbox-scheme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const WORDS = { auto: "as the system", light: "light", dark: "dark" };

function kept() {
  try {
    const choice = localStorage.getItem(KEPT);
    return choice in NEXT ? choice : "auto";
  } catch {
    return "auto";
  }
}

/** Makes `button` go through the three schemes. */
export function themeSwitch(button) {
  let choice = kept();
  const show = () => {
    if (choice === "auto") delete document.documentElement.dataset.scheme;
    else document.documentElement.dataset.scheme = choice;
    const label = `Colours: ${WORDS[choice]}. Switch to ${WORDS[NEXT[choice]]}`;
    button.setAttribute("aria-label", label);
    button.title = label;
    replaceChildren(button, icon(ICONS[choice]));
  };
  button.addEventListener("click", () => {
    choice = NEXT[choice];
    try {
      localStorage.setItem(KEPT, choice);
    } catch {
      // Then the choice lasts until the page is left.
    }
    show();
  });
  show();
}
