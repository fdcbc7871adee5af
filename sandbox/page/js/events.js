// One thing that can happen to the shop: its button, and the fields behind it for those who want it otherwise.

import { h, newId } from "./dom.js";
import { icon } from "./icons.js";
import { problemLine } from "./message.js";
import { act, refresh, state } from "./store.js";

const TOLD_MS = 12_000;

const told = new Map();
const opened = new Set();
const given = new Map();

const keyOf = (one, field) => `${one.event}/${field.name}`;
const valueOf = (one, field) => given.get(keyOf(one, field)) ?? field.default ?? "";

/** What the button will do, in a few words: "BLU-MUG-300, 10 pieces". */
function summary(one) {
  const words = (one.parameters ?? []).map((field) => {
    const value = valueOf(one, field);
    if (value === "") return "";
    const label = field.label.toLowerCase();
    if (field.kind === "number") return `${value} ${Number(value) === 1 ? label.replace(/s$/, "") : label}`;
    if (field.kind === "customer") return state.world.chat(value)?.short ?? value;
    return field.kind === "order" ? `Order ${value}` : String(value);
  });
  return words.filter(Boolean).join(" · ");
}

async function happen(one, redraw) {
  told.delete(one.event);
  const body = { event: one.event };
  for (const field of one.parameters ?? []) {
    const value = given.get(keyOf(one, field));
    if (value !== undefined && value !== "") body[field.name] = field.kind === "number" ? Number(value) : value;
  }
  const answer = await act(`event/${one.event}`, "/control/shop/event", body, one.event);
  if (answer.error) return;
  told.set(one.event, answer.happened ?? "It happened.");
  refresh();
  redraw();
  setTimeout(() => {
    told.delete(one.event);
    redraw();
  }, TOLD_MS);
}

function fieldRow(one, field, redraw) {
  const id = newId("event");
  const shared = { id, class: "field", data: { focus: keyOf(one, field) } };
  let control;
  if (field.kind === "customer") {
    control = h(
      "select", shared,
      state.world.chats.filter((chat) => !chat.isStaff).map((chat) => h("option", { value: chat.name }, chat.shown))
    );
  } else {
    control = h(
      "input",
      {
        ...shared, type: field.kind === "number" ? "number" : "text", min: field.kind === "number" ? 1 : null,
        placeholder: field.default === null ? "The next one" : null, autocomplete: "off"
      }
    );
  }
  control.value = valueOf(one, field);
  control.addEventListener("change", () => {
    given.set(keyOf(one, field), control.value);
    redraw();
  });
  return h("div", { class: "event-field" }, h("label", { for: id }, field.label), control);
}

function toggle(one, redraw) {
  if (opened.has(one.event)) opened.delete(one.event);
  else opened.add(one.event);
  redraw();
}

/** A row of the panel; `redraw` draws the panel anew. */
export function eventRow(one, redraw) {
  const busy = state.busy.has(`event/${one.event}`);
  const done = told.get(one.event);
  const isOpen = opened.has(one.event);
  const words = done ?? one.description ?? summary(one);
  const fields = one.parameters ?? [];
  const button = h("button", {
    type: "button", class: `event ${busy ? "busy" : ""} ${done ? "done" : ""}`, testid: `event-${one.event}`, disabled: busy, "aria-busy": busy ? "true" : null, data: { focus: one.event },
    on: { click: () => happen(one, redraw) },
  }, h(
    "span", { class: "event-words" }, h("strong", {}, one.label ?? one.title ?? one.event),
    words && h("small", { "aria-live": "polite" }, words)
  ),
  busy ? h(
    "span", { class: "spinner", "aria-hidden": "true" }
  ) : done && h("span", { class: "event-mark" }, icon("check", 16)));
  const adjust = fields.length > 0 && h("button", {
    type: "button", class: "icon-button small adjust", "aria-label": `${one.label}: change the details`, title: "Change the details", "aria-expanded": String(isOpen), testid: `adjust-${one.event}`, data: { focus: `adjust-${one.event}` },
    on: { click: () => toggle(one, redraw) },
  }, icon("sliders", 15));
  return h(
    "li", {}, h("div", { class: "event-line" }, button, adjust),
    isOpen && h("div", { class: "event-fields" }, fields.map((field) => fieldRow(one, field, redraw))),
    problemLine(`event/${one.event}`)
  );
}
