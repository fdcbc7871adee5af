// One Slack message: who, when, its words or blocks, files, edits, the way into its thread.

import { blocks } from "./blocks.js";
import { append, h } from "./dom.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { link, ownFile, picture } from "./links.js";
import { mrkdwn } from "./mrkdwn.js";
import { act, dismiss, state } from "./store.js";

export const spotOf = (entry) => `${entry.channel}/${entry.ts}`;

/** A rounded square with a person's initial, or the app's bell. */
export function avatar(name, shown) {
  const isBot = name === "bot";
  return h(
    "span", { class: `avatar ${isBot ? "bot" : `who-${name}`}`, "aria-hidden": "true" },
    isBot ? icon("bell", 20) : shown.charAt(0)
  );
}

function size(bytes) {
  if (!bytes) return "";
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

/** A file: a picture is shown, anything else is a tile to open. */
function fileTile(file) {
  const address = file.url ?? file.url_private ?? file.permalink;
  const title = file.title || file.name || "File";
  if ((file.mimetype ?? "").startsWith("image/")) {
    const shown = picture(address, title, { class: "photo" });
    return h(
      "figure", { class: "picture" }, h("figcaption", { dir: "auto" }, title),
      shown.tagName === "IMG" ? h("a", { href: ownFile(address), target: "_blank", rel: "noopener" }, shown) : shown
    );
  }
  const kind = (file.name ?? "").split(".").pop().toUpperCase().slice(0, 5);
  const tile = link(ownFile(address) ?? address, h("span", { class: "file-kind" }, icon("file", 22)),
    h(
      "span", { class: "file-words" }, h("strong", { dir: "auto" }, title),
      h("small", {}, [kind, size(file.size)].filter(Boolean).join(" · "))
    ));
  tile.classList.add("file-tile");
  return tile;
}

/** Does a press of this message's element. */
function presser(entry) {
  return (element, block, extra) => act(spotOf(entry), "/control/slack/press", {
    user: state.me, channel: entry.channel, ts: entry.ts, action_id: element.action_id, block_id: block.block_id, ...extra,
  }, element.action_id ?? true);
}

export function problemLine(spot) {
  const problem = state.problems.get(spot);
  return problem && h("div", {
    class: "problem", role: "alert", testid: "problem"
  }, icon("alert", 16), h("span", { dir: "auto" }, problem),
    h(
      "button",
      { type: "button", class: "icon-button small", "aria-label": "Dismiss", on: { click: () => dismiss(spot) } },
      icon("close", 14)
    ));
}

function editNote(entry) {
  if (!entry.edits?.length) return null;
  const last = entry.edits[entry.edits.length - 1];
  return h("span", { class: "edited", title: last.at ? `Edited ${state.world.dateTime(last.at)}` : null }, "edited");
}

function threadLink(entry, replies, open) {
  if (!replies.length) return null;
  const last = replies[replies.length - 1];
  const people = [...new Set(replies.map((one) => one.user))].slice(0, 3);
  return h("button", {
    type: "button", class: "thread-link", testid: "thread-open", data: { focus: "thread" },
    on: { click: () => open(entry) }
  },
    people.map((name) => avatar(name, state.world.userName(name))),
    h(
      "strong", {}, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`
    ), h("span", { class: "quiet" }, `last ${state.world.time(last.at)}`));
}

function reactions(entry) {
  const given = Object.entries(entry.reactions ?? {}).filter(([, people]) => people.length);
  return given.length > 0 && h("div", { class: "reactions" }, given.map(([name, people]) =>
    h(
      "span", { class: "reaction", title: people.map((one) => state.world.userName(one)).join(", ") },
      emoji(name) ?? `:${name}:`, ` ${people.length}`
    )));
}

function body(entry) {
  const spot = spotOf(entry);
  const context = { world: state.world, spot, busy: state.busy.get(spot) ?? null, press: presser(entry) };
  const drawn = entry.blocks?.length ? blocks(entry.blocks, context) : [mrkdwn(entry.text, state.world)];
  const attachments = (entry.attachments ?? []).map((one) => h(
    "div", { class: "attachment" },
    one.blocks ? blocks(one.blocks, context) : mrkdwn(one.text ?? one.fallback, state.world)
  ));
  return [
    drawn, attachments, (entry.files ?? []).length > 0 && h("div", { class: "files" }, entry.files.map(fileTile))
  ];
}

/** What must make a message be drawn anew. */
export function versionOf(entry, replies, continued) {
  const spot = spotOf(entry);
  return JSON.stringify([
    entry.revision, replies.length, replies.at(-1)?.revision, continued, state.busy.get(spot), state.problems.get(spot),
    state.world.users.length
  ]);
}

/** One message. `continued`: it follows one of the same person closely, so the name is left out. */
export function message(entry, { replies = [], continued = false, openThread = null } = {}) {
  const { world } = state;
  const name = world.userName(entry.user);
  const isEphemeral = Boolean(entry.ephemeral_to);
  const time = h("time", { datetime: entry.at, title: world.dateTime(entry.at) }, world.time(entry.at));
  const node = h("article", {
    class: `message ${continued ? "continued" : ""} ${isEphemeral ? "ephemeral" : ""}`, testid: "message", data: {
      ts: entry.ts, seq: entry.seq
    },
    "aria-label": `${name}, ${world.time(entry.at)}`,
  });
  const words = h("div", { class: "message-words" },
    isEphemeral && h("div", { class: "only-you" }, icon("eye", 14), "Only visible to you"),
    !continued && h(
      "div", { class: "message-head" }, h("strong", { class: "name" }, name),
      entry.user === "bot" && h("span", { class: "badge" }, "App"), time, editNote(entry)
    ),
    h("div", { class: "message-body" }, body(entry)),
    continued && editNote(entry),
    reactions(entry),
    problemLine(spotOf(entry)),
    threadLink(entry, replies, openThread));
  const tools = openThread && !isEphemeral && h("div", { class: "message-tools" },
    h(
      "button",
      {
        type: "button", class: "icon-button small", title: "Reply in thread",
        "aria-label": `Reply in thread to ${name}`, testid: "thread-reply", data: { focus: "reply" },
        on: { click: () => openThread(entry) }
      },
      icon("reply", 16)
    ));
  return append(node, continued ? h("span", { class: "gutter" }, time) : avatar(entry.user, name), words, tools);
}
