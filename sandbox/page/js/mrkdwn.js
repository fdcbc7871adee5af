// Slack's mrkdwn and plain_text, as DOM nodes.
// Rules: docs.slack.dev/messaging/formatting-message-text, read 2026-11-23.

import { append, h } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { link } from "./links.js";
import { slackDate } from "./slackdate.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

function unescape(text) {
  return text.replace(/&(amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

const isWord = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character);

/** Where the style that opens at `start` closes, or -1: same line, no blank just inside, no word just outside. */
function closing(text, start) {
  const mark = text[start];
  if (isWord(text[start - 1]) || /\s/.test(text[start + 1] ?? " ") || text[start + 1] === mark) return -1;
  for (let at = start + 1; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] === "<") {
      const end = text.indexOf(">", at);
      if (end > 0) at = end;
    } else if (text[at] === "`" && text.indexOf("`", at + 1) > 0) at = text.indexOf("`", at + 1);
    else if (text[at] === mark && !/\s/.test(text[at - 1]) && !isWord(text[at + 1])) return at;
  }
  return -1;
}

function special(body, world) {
  const [command, label] = body.split("|");
  if (command.startsWith("!date^")) return slackDate(command.slice(1), unescape(label ?? ""), world);
  const name = command.slice(1).split("^")[0];
  return h("span", { class: "mention broadcast" }, `@${label ? unescape(label).replace(/^@/, "") : name}`);
}

function angle(body, world) {
  const bar = body.indexOf("|");
  const address = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : unescape(body.slice(bar + 1));
  if (address.startsWith("@")) return h("span", { class: "mention" }, `@${label ?? world.userName(address.slice(1))}`);
  if (address.startsWith("#")) return h(
    "span", { class: "mention" }, `#${label ?? world.channelName(address.slice(1))}`
  );
  if (address.startsWith("!")) return special(body, world);
  const target = unescape(address);
  if (!/^[a-z][a-z+.-]*:/i.test(target)) return `<${unescape(body)}>`;
  return link(target, label ?? target.replace(/^mailto:/, ""));
}

/** Inline mrkdwn of one or more lines. */
export function inline(text, world) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(unescape(plain));
    plain = "";
  };
  const put = (node, next) => {
    flush();
    nodes.push(node);
    return next;
  };
  for (let at = 0; at < text.length; ) {
    const character = text[at];
    const tick = character === "`" ? text.indexOf("`", at + 1) : -1;
    const end = character === "<" ? text.indexOf(">", at) : STYLES[character] ? closing(text, at) : -1;
    const code = character === ":" ? /^:([a-z0-9_+-]+):/.exec(text.slice(at, at + 40)) : null;
    if (tick > at + 1) at = put(h("code", {}, unescape(text.slice(at + 1, tick))), tick + 1);
    else if (character === "<" && end > 0) at = put(angle(text.slice(at + 1, end), world), end + 1);
    else if (end > 0) at = put(h(STYLES[character], {}, inline(text.slice(at + 1, end), world)), end + 1);
    else if (code && emoji(code[1])) at = put(emoji(code[1]), at + code[0].length);
    else if (character === "\n") at = put(h("br"), at + 1);
    else {
      plain += character;
      at += 1;
    }
  }
  flush();
  return nodes;
}

function lines(text, world) {
  const nodes = [];
  let group = [];
  let quoted = false;
  const flush = () => {
    if (!group.length) return;
    const body = inline(group.join("\n"), world);
    nodes.push(quoted ? h("blockquote", {}, body) : h("span", {}, body));
    group = [];
  };
  for (const line of text.split("\n")) {
    const isQuote = /^(&gt;|>)/.test(line);
    if (isQuote !== quoted) {
      flush();
      quoted = isQuote;
    }
    group.push(isQuote ? line.replace(/^(&gt;|>) ?/, "") : line);
  }
  flush();
  return nodes;
}

/** A whole mrkdwn text: code fences, quotes, then inline styles. */
export function mrkdwn(text, world) {
  const root = h("div", { class: "mrkdwn", dir: "auto" });
  const parts = String(text ?? "").split("```");
  parts.forEach((part, index) => {
    const fenced = index % 2 === 1 && index < parts.length - 1;
    if (fenced) append(root, h("pre", {}, h("code", {}, unescape(part.replace(/^\n|\n$/g, "")))));
    else if (index % 2 === 1) append(root, lines(`\`\`\`${part}`, world));
    else if (part.trim()) append(root, lines(part.replace(index ? /^\n/ : /$^/, ""), world));
  });
  return root;
}

/** A text object of either type; plain_text keeps every character but the :codes:. */
export function text(object, world) {
  if (!object) return null;
  if (typeof object === "string") return mrkdwn(object, world);
  if (object.type === "mrkdwn") return mrkdwn(object.text, world);
  return h("div", { class: "plain", dir: "auto" }, plain(object));
}

/** The characters of a plain_text object (for labels and attributes). */
export function plain(object) {
  if (!object) return "";
  const words = typeof object === "string" ? object : String(object.text ?? "");
  return object.emoji === false ? words : withEmoji(words);
}
