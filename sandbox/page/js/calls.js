// The drawer with the calls between Opsbell and the platforms, newest first, while it is open.

import { get } from "./api.js";
import { append, h, keyed } from "./dom.js";
import { icon } from "./icons.js";
import { state } from "./store.js";

const MOST = 300;
const rows = h("ol", { class: "calls" });
const filter = h("div", { class: "filter", role: "group", "aria-label": "Which calls" });
const drawer = h(
  "aside", { class: "drawer", id: "calls", hidden: true, "aria-label": "API calls", testid: "calls-drawer" }
);
let shown = [];
let platform = "all";
let timer = null;

const KINDS = ["all", "slack", "telegram", "stripe", "shop", "refused"];
const isRefused = (call) => call.verdict !== "ok";

function matches(call) {
  if (platform === "all") return true;
  return platform === "refused" ? isRefused(call) : call.platform === platform;
}

function row(call) {
  const way = call.direction === "in" ? "Opsbell → " : "→ Opsbell · ";
  const details = h("details", {}, h("summary", {},
    h("time", {}, state.world.format(call.at, { hour: "2-digit", minute: "2-digit", second: "2-digit" })),
    h("span", { class: `platform ${call.platform}` }, `${way}${call.platform}`), h("code", {}, call.name),
    h("span", { class: `verdict ${isRefused(call) ? "refused" : ""}` }, call.verdict)));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      append(
        details, call.detail && h("p", {}, call.detail),
        h("pre", { tabindex: "0" }, JSON.stringify(call.arguments, null, 2))
      );
    }
  });
  return h("li", {}, details);
}

function draw() {
  const fitting = shown.filter(matches).slice(-MOST).reverse();
  keyed(rows, fitting, { key: (call) => call.seq, version: () => "", draw: row });
  drawer.querySelector(".empty")?.remove();
  if (!fitting.length) rows.after(h("p", { class: "empty" }, "No calls yet."));
}

async function load() {
  const answer = await get("/control/calls");
  if (!answer.error) {
    shown = Array.isArray(answer) ? answer : (answer.calls ?? []);
    draw();
  }
}

function toggle(button, open) {
  drawer.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("calls-open", open);
  clearInterval(timer);
  if (!open) {
    button.focus();
    return;
  }
  load();
  timer = setInterval(load, 1500);
  drawer.querySelector("button")?.focus();
}

/** Makes `button` open and close the drawer, which is put into `root`. */
export function callsDrawer(root, button) {
  const kinds = KINDS.map((kind) => {
    const node = h("button", { type: "button", class: "chip", "aria-pressed": String(kind === platform) }, kind);
    node.addEventListener("click", () => {
      platform = kind;
      for (const one of kinds) one.setAttribute("aria-pressed", String(one === node));
      draw();
    });
    return node;
  });
  append(filter, kinds);
  append(drawer, h("header", { class: "drawer-head" }, h("h2", {}, "API calls"), filter,
    h(
      "button",
      {
        type: "button", class: "icon-button", "aria-label": "Close API calls",
        on: { click: () => toggle(button, false) }
      },
      icon("close")
    )), rows);
  append(root, drawer);
  button.setAttribute("aria-controls", "calls");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => toggle(button, drawer.hidden));
  drawer.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(button, false);
  });
}
