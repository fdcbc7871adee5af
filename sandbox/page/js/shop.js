// The shop panel: the clock that can be moved, a button for everything that can happen, reset, and the call log.

import { append, h, replaceChildren } from "./dom.js";
import { eventRow } from "./events.js";
import { icon } from "./icons.js";
import { problemLine } from "./message.js";
import { ask } from "./overlay.js";
import { act, now, refresh, state } from "./store.js";
import { secondsUntil } from "./wallclock.js";

const HOUR = 3600;
const CLOCK = "clock";
const RESET = "reset";

const clockNow = h("time", { class: "clock-now", testid: "clock-now" });
const clockBox = h("section", { class: "panel clock", "aria-labelledby": "clock-title" });
const eventBox = h("section", { class: "panel events", "aria-labelledby": "events-title" });

const STEPS = [
  ["+1 h", "One hour later", "clock-plus-hour", () => HOUR],
  ["+6 h", "Six hours later", "clock-plus-six", () => 6 * HOUR],
  ["+1 day", "One day later", "clock-plus-day", () => 24 * HOUR],
  [
    "Next morning 08:05", "To 08:05 of the next morning", "clock-next-morning",
    () => secondsUntil(now(), state.world.timeZone, 8, 5)
  ],
];

function drawClock() {
  const busy = state.busy.get(CLOCK);
  const step = ([label, title, testid, seconds]) => h("button", {
    type: "button", class: `button ${busy === testid ? "busy" : ""} ${testid === "clock-next-morning" ? "wide" : ""}`, testid, title, disabled: Boolean(busy), "aria-busy": busy === testid ? "true" : null, data: { focus: testid },
    on: { click: () => act(CLOCK, "/control/clock", { advance_seconds: seconds() }, testid) },
  }, busy === testid && h("span", { class: "spinner", "aria-hidden": "true" }), label);
  replaceChildren(
    clockBox, h("h2", { id: "clock-title" }, "Time"), clockNow, h("div", { class: "clock-steps" }, STEPS.map(step)),
    problemLine(CLOCK)
  );
}

/** Shows the sandbox's time; called every second. */
export function tick() {
  const words = state.world.format(
    now(), { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }
  );
  for (const node of document.querySelectorAll(".clock-now, .clock-short")) {
    const shown = node.classList.contains("clock-short") ? state.world.dateTime(now()) : words;
    if (node.textContent !== shown) node.textContent = shown;
    node.setAttribute("datetime", now().toISOString());
  }
}

function drawEvents() {
  const held = eventBox.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const busy = state.busy.has(RESET);
  replaceChildren(eventBox,
    h("h2", { id: "events-title" }, "Make something happen"),
    !state.events.length && h("p", { class: "quiet" }, state.ready ? "The shop offers nothing to happen." : "Loading…"),
    h("ul", {}, state.events.map((one) => eventRow(one, drawEvents))),
    h(
      "button",
      {
        type: "button", class: `button reset ${busy ? "busy" : ""}`, testid: "reset", disabled: busy,
        data: { focus: "reset" }, on: { click: reset }
      },
      busy ? h("span", { class: "spinner" }) : icon("reset", 16), "Start over"
    ),
    problemLine(RESET));
  if (held) eventBox.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus();
}

async function reset() {
  const sure = await ask({
    title: "Start over?", words: "All messages go, and the clock and the shop return to where they began.", yes: "Start over", no: "Keep going", danger: true, testid: "reset-confirm",
  });
  if (!sure) return;
  const answer = await act(RESET, "/control/reset", {});
  if (!answer.error) refresh();
}

let drawn = "";
function draw() {
  const watched = [...state.busy].concat([...state.problems]).filter(([spot]) => /^(clock|reset|event\/)/.test(spot));
  const version = JSON.stringify([watched, state.events, state.ready]);
  tick();
  if (version === drawn) return;
  drawn = version;
  const focus = clockBox.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  drawClock();
  if (focus) clockBox.querySelector(`[data-focus="${focus}"]`)?.focus();
  drawEvents();
  tick();
}

/** Puts the panel into `root`; gives its drawing function. */
export function shopPane(root) {
  append(root, clockBox, eventBox);
  return draw;
}
