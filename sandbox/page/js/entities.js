// Telegram's message entities, as DOM nodes. Offsets and lengths count UTF-16 units, as JavaScript strings do.
// Kinds: core.telegram.org/bots/api#messageentity, read 2026-11-23.

import { append, h } from "./dom.js";
import { link } from "./links.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };

function spoiler(children) {
  const cover = h("button", { class: "spoiler", type: "button", "aria-label": "Show hidden text" }, children);
  cover.addEventListener("click", () => cover.replaceWith(...cover.childNodes));
  return cover;
}

function wrap(entity, raw, children, send) {
  if (TAGS[entity.type]) return h(TAGS[entity.type], {}, children);
  switch (entity.type) {
    case "pre":
      return h("pre", {}, h("code", {}, children));
    case "blockquote":
    case "expandable_blockquote":
      return h("blockquote", {}, children);
    case "spoiler":
      return spoiler(children);
    case "text_link":
      return link(entity.url, children);
    case "url":
      return link(/^[a-z]+:/i.test(raw) ? raw : `https://${raw}`, children);
    case "email":
      return link(`mailto:${raw}`, children);
    case "phone_number":
      return link(`tel:${raw.replace(/[^+\d]/g, "")}`, children);
    case "bot_command":
      return h("button", { class: "text-command", type: "button", on: { click: () => send(raw) } }, children);
    case "mention":
    case "hashtag":
    case "cashtag":
    case "text_mention":
      return h("span", { class: "mention" }, children);
    default:
      return h("span", {}, children);
  }
}

/** Nests the entities inside [from, to); an outer entity comes before its inner ones. */
function range(text, entities, from, to, send) {
  const nodes = [];
  let at = from;
  let index = 0;
  while (index < entities.length) {
    const entity = entities[index];
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    index += 1;
    if (start >= end) continue;
    const inner = [];
    while (index < entities.length && entities[index].offset < end) {
      inner.push(entities[index]);
      index += 1;
    }
    if (start > at) nodes.push(text.slice(at, start));
    nodes.push(wrap(entity, text.slice(start, end), range(text, inner, start, end, send), send));
    at = end;
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

/** A Telegram text with its entities; `send(text)` is called when a /command in it is pressed. */
export function telegramText(text, entities, send) {
  const sorted = [...(entities ?? [])].sort((one, two) => one.offset - two.offset || two.length - one.length);
  return append(h("div", { class: "tg-text", dir: "auto" }), range(text, sorted, 0, text.length, send));
}
