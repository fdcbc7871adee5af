// Slack's rich_text block, as DOM nodes.

import { append, h } from "./dom.js";
import { emoji } from "./emoji.js";
import { link } from "./links.js";

const TAGS = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };

function styled(node, style) {
  let result = node;
  for (const [name, tag] of Object.entries(TAGS)) if (style?.[name]) result = h(tag, {}, result);
  return result;
}

function words(text) {
  return text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

function unicode(element) {
  try {
    return String.fromCodePoint(...element.unicode.split("-").map((part) => Number.parseInt(part, 16)));
  } catch {
    return `:${element.name}:`;
  }
}

function leaf(element, world) {
  switch (element.type) {
    case "text":
      return styled(h("span", {}, words(String(element.text ?? ""))), element.style);
    case "link":
      return styled(link(element.url, element.text || element.url), element.style);
    case "emoji":
      return emoji(element.name) ?? (element.unicode ? unicode(element) : `:${element.name}:`);
    case "user":
      return h("span", { class: "mention" }, `@${world.userName(element.user_id)}`);
    case "channel":
      return h("span", { class: "mention" }, `#${world.channelName(element.channel_id)}`);
    case "broadcast":
      return h("span", { class: "mention broadcast" }, `@${element.range}`);
    case "date":
      return h("time", {}, element.fallback || world.dateTime(element.timestamp * 1000));
    case "color":
      return h("code", {}, element.value);
    default:
      return element.text ? String(element.text) : null;
  }
}

function part(element, world) {
  const inner = (element.elements ?? []).map((one) =>
    one.type.startsWith("rich_text_") ? part(one, world) : leaf(one, world));
  switch (element.type) {
    case "rich_text_list": {
      const style = { marginInlineStart: `${(element.indent ?? 0) * 22}px` };
      const start = element.offset ? { start: element.offset + 1 } : {};
      return h(element.style === "ordered" ? "ol" : "ul", { style, ...start }, inner.map((one) => h("li", {}, one)));
    }
    case "rich_text_quote":
      return h("blockquote", {}, inner);
    case "rich_text_preformatted":
      return h("pre", {}, h("code", {}, inner));
    default:
      return h("div", {}, inner);
  }
}

/** One rich_text block. */
export function richText(block, world) {
  const root = h("div", { class: "rich-text", dir: "auto" });
  return append(root, (block.elements ?? []).map((element) => part(element, world)));
}
