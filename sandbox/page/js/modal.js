// Slack's modals: the topmost open view of the person who is signed in, over the Slack pane.

import { blocks } from "./blocks.js";
import { h, replaceChildren } from "./dom.js";
import { collect, inputBlock } from "./inputs.js";
import { plain } from "./mrkdwn.js";
import { frame, layer } from "./overlay.js";
import { act, dismiss, state } from "./store.js";

let shown = null;

const wordsOf = (value) => (value ? plain(value) : "");

function topView() {
  let top = null;
  for (const entry of state.entries.values()) {
    if (entry.kind === "view" && entry.state === "open" && entry.user === state.me && (!top || entry.seq > top.seq)) top = entry;
  }
  return top;
}

const spotOf = (view) => `view/${view.view_id}`;

async function closeView(view, all = false) {
  const answer = await act(
    spotOf(view), "/control/slack/close", { user: state.me, view_id: view.view_id, all }, "close"
  );
  if (answer.error && shown?.id === view.view_id) hide();
}

function hide() {
  if (!shown) return;
  shown.close();
  shown = null;
}

async function submit(view) {
  const { values, errors } = collect(view.blocks, shown.kept, state.world);
  shown.own = errors;
  if (Object.keys(errors).length) {
    draw(view);
    firstWrong();
    return;
  }
  const answer = await act(
    spotOf(view), "/control/slack/submit", { user: state.me, view_id: view.view_id, values }, "submit"
  );
  if (shown?.id !== view.view_id) return;
  if (answer.errors) shown.own = answer.errors;
  setTimeout(firstWrong, 30);
}

function firstWrong() {
  const block = shown?.box.querySelector(".input-block.wrong");
  block?.querySelector(".field, input")?.focus({ preventScroll: true });
  block?.scrollIntoView({ block: "nearest" });
}

function pressIn(view) {
  return (element, block, extra) => {
    const { values } = collect(view.blocks, shown.kept, state.world);
    const body = {
      user: state.me, view_id: view.view_id, action_id: element.action_id, block_id: block.block_id, values, ...extra
    };
    act(spotOf(view), "/control/slack/press", body, element.action_id);
  };
}

function draw(view) {
  const spot = spotOf(view);
  const busy = state.busy.get(spot) ?? null;
  const problem = state.problems.get(spot);
  const errors = { ...(view.errors ?? {}), ...shown.own };
  const press = pressIn(view);
  const typed = (block, value) => {
    if (block.dispatch_action) press(block.element, block, { value });
  };
  const context = {
    world: state.world, spot, busy, press,
    input: (block) => inputBlock(
      block, { world: state.world, kept: shown.kept, error: errors[block.block_id], prefix: view.view_id, typed }
    ),
  };
  const active = shown.box.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const scroll = shown.body.scrollTop;
  replaceChildren(shown.body, blocks(view.blocks ?? [], context),
    problem && h("div", { class: "problem", role: "alert" }, h("span", {}, problem),
      h("button", { type: "button", class: "link-button", on: { click: () => dismiss(spot) } }, "Dismiss")));
  shown.body.scrollTop = scroll;
  shown.title.textContent = wordsOf(view.title);
  const submitWords = wordsOf(view.submit);
  replaceChildren(shown.foot,
    h(
      "button",
      {
        type: "button", class: "button", testid: "modal-close", disabled: busy === "close",
        on: { click: () => closeView(view) }
      },
      wordsOf(view.close) || (submitWords ? "Cancel" : "Close")
    ),
    submitWords && h("button", {
      type: "submit", class: `button primary solid ${busy === "submit" ? "busy" : ""}`, testid: "modal-submit",
      disabled: Boolean(busy), "aria-busy": busy === "submit" ? "true" : null
    },
      busy === "submit" && h("span", { class: "spinner", "aria-hidden": "true" }), submitWords));
  if (active) shown.box.querySelector(`[data-focus="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
}

function show(view) {
  const body = h("div", { class: "dialog-body" });
  const foot = h("div", { class: "foot-buttons" });
  const form = h("form", { class: "dialog-form", novalidate: true }, body, h("footer", { class: "dialog-foot" }, foot));
  const leave = (all) => {
    const now = topView();
    if (now) closeView(now, all);
  };
  const box = frame({ title: wordsOf(view.title), body: form, onClose: () => leave(true), testid: "modal" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const now = topView();
    if (now && !state.busy.has(spotOf(now))) submit(now);
  });
  shown = { id: view.view_id, box, body, foot, title: box.querySelector("h2"), kept: new Map(), own: {}, drawn: "" };
  draw(view);
  shown.close = layer(box, { onEscape: () => leave(false) });
}

/** Opens, redraws or closes the modal as the transcript says. */
export function drawModal() {
  const view = topView();
  if (!view) {
    hide();
    return;
  }
  if (shown && shown.id !== view.view_id) hide();
  if (!shown) show(view);
  const spot = spotOf(view);
  const version = JSON.stringify([view.revision, state.busy.get(spot), state.problems.get(spot)]);
  if (shown.drawn === version) return;
  if (shown.revision !== undefined && shown.revision !== view.revision) shown.own = {};
  shown.revision = view.revision;
  shown.drawn = version;
  draw(view);
}
