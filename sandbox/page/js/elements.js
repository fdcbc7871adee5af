// The interactive elements of a message, a modal's actions or App Home: buttons, overflow menus, selects, pickers.
// Every press goes through `context.press(element, block, extra)`; a confirm object is asked first.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { link } from "./links.js";
import { plain, text } from "./mrkdwn.js";
import { ask, menu } from "./overlay.js";

async function confirmed(confirm, context) {
  if (!confirm) return true;
  return ask({
    title: plain(confirm.title), words: text(confirm.text, context.world), yes: plain(confirm.confirm) || "Yes",
    no: plain(confirm.deny) || "Cancel", danger: confirm.style === "danger",
  });
}

async function press(element, block, extra, context) {
  if (await confirmed(element.confirm, context)) context.press(element, block, extra);
}

const focusName = (element, block) => `${block.block_id ?? ""}:${element.action_id ?? plain(element.text)}`;
const isBusy = (element, context) => context.busy === element.action_id;

function spinner() {
  return h("span", { class: "spinner", "aria-hidden": "true" });
}

function button(element, block, context) {
  const busy = isBusy(element, context);
  const label = plain(element.text);
  const properties = {
    type: "button", class: `button ${element.style ?? ""} ${busy ? "busy" : ""}`, "aria-label": element.accessibility_label,
    "aria-busy": busy ? "true" : null, disabled: Boolean(context.busy), data: {
      focus: focusName(element, block), action: element.action_id ?? ""
    },
    on: { click: () => press(element, block, { label, value: element.value }, context) },
  };
  if (element.url) {
    const outside = link(element.url, label, h("span", { class: "sr-only" }, " (opens elsewhere)"));
    outside.classList.add("button", ...(element.style ? [element.style] : []));
    outside.addEventListener("click", () => context.press(element, block, { label, value: element.value }));
    return outside;
  }
  return h("button", properties, busy && spinner(), h("span", { dir: "auto" }, label));
}

function overflow(element, block, context) {
  const busy = isBusy(element, context);
  const node = h("button", {
    type: "button", class: `button overflow ${busy ? "busy" : ""}`, "aria-label": "More", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-busy": busy ? "true" : null, disabled: Boolean(context.busy), data: {
      focus: focusName(element, block), action: element.action_id ?? ""
    },
  }, busy ? spinner() : icon("more"));
  node.addEventListener("click", () => menu(node, element.options.map((option) => ({
    label: plain(option.text), note: plain(option.description),
    pick: () => press(
      element, block, { label: plain(option.text), option: option.value, value: option.value }, context
    ),
  })), "More"));
  return node;
}

const isPeople = (element) => element.type.includes("users");
const isPlaces = (element) => element.type.includes("channels") || element.type.includes("conversations");

/** The choices of any select: its own options, or the people or channels of the workspace. */
export function choices(element, world) {
  if (isPeople(element)) return [{
    words: "", options: world.users.map((one) => ({ words: one.shown, value: one.id }))
  }];
  if (isPlaces(element)) return [{
    words: "", options: world.channels.map((one) => ({ words: `#${one.name}`, value: one.id }))
  }];
  const drawn = (option) => ({ words: plain(option.text), note: plain(option.description), value: option.value });
  if (element.option_groups) return element.option_groups.map((group) => ({
    words: plain(group.label), options: group.options.map(drawn)
  }));
  return [{ words: "", options: (element.options ?? []).map(drawn) }];
}

function select(element, block, context) {
  const busy = isBusy(element, context);
  const options = choices(element, context.world).flatMap((group) => group.options);
  const first = element.initial_option?.value ?? element.initial_user ?? element.initial_channel ?? element.initial_conversation;
  const chosen = options.find((option) => option.value === first);
  const shown = chosen?.words ?? (plain(element.placeholder) || "Choose");
  const node = h("button", {
    type: "button", class: `button select ${busy ? "busy" : ""}`, "aria-haspopup": "menu", "aria-expanded": "false", "aria-busy": busy ? "true" : null,
    disabled: Boolean(context.busy), data: { focus: focusName(element, block), action: element.action_id ?? "" },
  }, busy && spinner(), h("span", { dir: "auto" }, shown), icon("down", 14));
  node.addEventListener("click", () => menu(node, options.map((option) => ({
    label: option.words, note: option.note,
    pick: () => press(element, block, { label: option.words, option: option.value, value: option.value }, context),
  })), shown));
  return node;
}

function picker(element, block, context) {
  const type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[element.type];
  const node = h("input", {
    type, class: "field inline", "aria-label": plain(element.placeholder) || "Date", disabled: Boolean(context.busy),
    value: element.initial_date ?? element.initial_time ?? "", data: {
      focus: focusName(element, block), action: element.action_id ?? ""
    },
  });
  node.addEventListener(
    "change",
    () => node.value && press(element, block, { label: node.value, option: node.value, value: node.value }, context)
  );
  return node;
}

function choiceGroup(element, block, context) {
  const many = element.type === "checkboxes";
  const initial = many ? (element.initial_options ?? []) : element.initial_option ? [element.initial_option] : [];
  const name = `${context.spot}:${element.action_id}`;
  const boxes = element.options.map((option) => {
    const input = h("input", {
      type: many ? "checkbox" : "radio", name, value: option.value, disabled: Boolean(context.busy),
      checked: initial.some((one) => one.value === option.value), data: { focus: `${focusName(element, block)}:${option.value}` },
    });
    input.addEventListener("change", () => {
      const chosen = [...node.querySelectorAll("input:checked")].map((one) => one.value);
      press(
        element, block,
        { label: plain(option.text), option: many ? chosen : option.value, value: many ? chosen : option.value },
        context
      );
    });
    return h(
      "label", { class: "choice" }, input,
      h(
        "span", {}, text(option.text, context.world),
        option.description && h("small", {}, text(option.description, context.world))
      )
    );
  });
  const node = h("div", { class: "choices", role: "group" }, boxes);
  return node;
}

/** Any interactive element outside an input block. */
export function element(one, block, context) {
  if (one.type === "button" || one.type === "icon_button" || one.type === "workflow_button") return button(one, block, context);
  if (one.type === "overflow") return overflow(one, block, context);
  if (one.type.endsWith("picker")) return picker(one, block, context);
  if (one.type === "checkboxes" || one.type === "radio_buttons") return choiceGroup(one, block, context);
  if (one.type.includes("select")) return select(one, block, context);
  if (one.type === "feedback_buttons") {
    return [
      one.positive_button, one.negative_button
    ].filter(Boolean).map((side) => button({ ...side, action_id: one.action_id }, block, context));
  }
  return h("span", { class: "quiet" }, one.type);
}
