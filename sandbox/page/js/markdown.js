// The standard Markdown of Slack's "markdown" block, as DOM nodes: headings, lists, quotes, fences, tables, inline styles.

import { append, h } from "./dom.js";
import { emoji } from "./emoji.js";
import { link } from "./links.js";

const INLINE = [
  [/^`([^`\n]+)`/, (match) => h("code", {}, match[1])],
  [/^!\[([^\]\n]*)\]\(([^)\s]+)\)/, (match) => link(match[2], match[1] || match[2])],
  [/^\[([^\]\n]+)\]\(([^)\s]+)\)/, (match) => link(match[2], spans(match[1]))],
  [/^\*\*\*(\S(?:[^\n]*?\S)?)\*\*\*/, (match) => h("strong", {}, h("em", {}, spans(match[1])))],
  [/^\*\*(\S(?:[^\n]*?\S)?)\*\*/, (match) => h("strong", {}, spans(match[1]))],
  [/^~~(\S(?:[^\n]*?\S)?)~~/, (match) => h("s", {}, spans(match[1]))],
  [/^\*(\S(?:[^*\n]*?\S)?)\*/, (match) => h("em", {}, spans(match[1]))],
  [/^_(\S(?:[^_\n]*?\S)?)_(?![\p{L}\p{N}])/u, (match) => h("em", {}, spans(match[1]))],
  [/^(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/, (match) => link(match[1], match[1])],
  [/^:([a-z0-9_+-]+):/, (match) => emoji(match[1])],
  [/^\\([\\`*_{}[\]()#+.!~|-])/, (match) => match[1]],
];

/** Inline Markdown of one paragraph. */
function spans(text) {
  const nodes = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const inWord = /[\p{L}\p{N}]$/u.test(plain) && /^[_h]/.test(rest);
    const found = inWord ? null : firstMatch(rest);
    if (found) {
      if (plain) nodes.push(plain);
      plain = "";
      nodes.push(found.node);
      at += found.length;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function firstMatch(rest) {
  if (!/^[`![*~_h:\\]/.test(rest)) return null;
  for (const [pattern, draw] of INLINE) {
    const match = pattern.exec(rest);
    const node = match && draw(match);
    if (node) return { node, length: match[0].length };
  }
  return null;
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function table(rows) {
  const [head, , ...body] = rows.map(cells);
  const align = cells(rows[1]).map((rule) => (/^:-+:$/.test(rule) ? "center" : /-:$/.test(rule) ? "right" : "left"));
  const line = (tag) => (row) =>
    h("tr", {}, row.map((cell, index) => h(tag, { style: { textAlign: align[index] ?? "left" } }, spans(cell))));
  return h("div", { class: "table-scroll", tabindex: "0" },
    h("table", { class: "grid" }, h("thead", {}, line("th")(head)), h("tbody", {}, body.map(line("td")))));
}

function list(rows) {
  const ordered = /^\s*\d+[.)]\s/.test(rows[0]);
  const indent = /^\s*/.exec(rows[0])[0].length;
  const root = h(ordered ? "ol" : "ul");
  let inner = [];
  const flush = () => {
    if (inner.length && root.lastChild) append(root.lastChild, list(inner));
    inner = [];
  };
  for (const row of rows) {
    if (/^\s*/.exec(row)[0].length > indent) inner.push(row);
    else {
      flush();
      append(root, h("li", {}, spans(row.replace(/^\s*([-*+]|\d+[.)])\s+/, ""))));
    }
  }
  flush();
  return root;
}

const KINDS = [
  ["blank", /^\s*$/],
  ["rule", /^\s*(-{3,}|\*{3,}|_{3,})\s*$/],
  ["heading", /^#{1,6}\s/],
  ["quote", /^\s*>/],
  ["list", /^\s*([-*+]|\d+[.)])\s+/],
  ["table", /^\s*\|.*\|\s*$/],
];

const kindOf = (line) => KINDS.find(([, pattern]) => pattern.test(line))?.[0] ?? "words";

function block(kind, rows) {
  if (kind === "rule") return rows.map(() => h("hr"));
  if (kind === "heading") {
    return rows.map((row) => {
      const depth = Math.min(6, /^#+/.exec(row)[0].length + 2);
      return h(`h${depth}`, { class: "md-heading" }, spans(row.replace(/^#+\s+/, "")));
    });
  }
  if (kind === "quote") return h("blockquote", {}, markdown(rows.map((row) => row.replace(/^\s*> ?/, "")).join("\n")));
  if (kind === "list") return list(rows);
  if (kind === "table" && rows.length > 1 && /^[\s|:-]+$/.test(rows[1])) return table(rows);
  return h("p", {}, rows.flatMap((row, index) => (index ? [h("br"), ...spans(row)] : spans(row))));
}

/** A whole Markdown text. */
export function markdown(text) {
  const root = h("div", { class: "markdown", dir: "auto" });
  const parts = String(text ?? "").split(/^```[^\n]*\n?/m);
  parts.forEach((part, index) => {
    if (index % 2 === 1) {
      append(root, h("pre", {}, h("code", {}, part.replace(/\n$/, ""))));
      return;
    }
    let group = [];
    let kind = "blank";
    for (const line of [...part.split("\n"), ""]) {
      const next = kindOf(line);
      if (next !== kind) {
        if (kind !== "blank" && group.length) append(root, block(kind, group));
        group = [];
        kind = next;
      }
      group.push(line);
    }
  });
  return root;
}
