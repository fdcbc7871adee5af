// One Telegram message as a bubble: words, photo, document, contact, inline keyboard, edit mark.

import { append, h } from "./dom.js";
import { telegramText } from "./entities.js";
import { icon } from "./icons.js";
import { link, ownFile, picture } from "./links.js";
import { problemLine } from "./message.js";
import { act, state } from "./store.js";

export const spotOf = (entry) => `chat/${entry.user}/${entry.message_id}`;

/** Who acts in a chat, for the verbs: the person whose phone it is, in a group one of its people. */
export function speaking(name) {
  const chat = state.world.chat(name);
  return chat?.isGroup ? { user: chat.speaker, chat: name } : { user: name };
}

const START = /^(?:https?:\/\/)?(?:t|telegram)\.me\/[A-Za-z0-9_]+\?start=([\w-]{1,64})$|^tg:\/\/resolve\?.*start=([\w-]{1,64})/;

/** The payload of a deep link to a bot, or null. */
function startPayload(address) {
  const match = START.exec(address ?? "");
  return match ? (match[1] ?? match[2]) : null;
}

const addressOf = (file) => (typeof file === "string" ? file : (file?.url ?? file?.file_url ?? null));

function photo(entry) {
  const address = addressOf(entry.photo);
  if (!entry.photo) return null;
  const shown = picture(address, entry.caption || "Photo", { class: "photo" });
  return h(
    "div", { class: "bubble-photo" },
    shown.tagName === "IMG" ? h("a", { href: ownFile(address), target: "_blank", rel: "noopener" }, shown) : shown
  );
}

function file(entry) {
  if (!entry.document) return null;
  const name = entry.document.file_name ?? entry.document.name ?? "File";
  const address = addressOf(entry.document);
  const tile = link(
    ownFile(address) ?? address, h("span", { class: "file-kind" }, icon("file", 20)),
    h(
      "span", { class: "file-words" }, h("strong", { dir: "auto" }, name),
      h("small", {}, entry.document.mime_type ?? "Document")
    )
  );
  tile.classList.add("file-tile");
  return tile;
}

function contact(entry) {
  if (!entry.contact) return null;
  const { first_name: first, last_name: last, phone_number: number } = entry.contact;
  const name = [first, last].filter(Boolean).join(" ");
  return h(
    "div", { class: "contact" }, h("span", { class: "contact-mark" }, icon("person", 20)),
    h("span", {}, h("strong", { dir: "auto" }, name || "Contact"), h("small", {}, number))
  );
}

/** Rows of buttons, in the order they came. */
export function inRows(buttons) {
  const rows = new Map();
  buttons.forEach((button, index) => {
    const row = button.row ?? index;
    if (!rows.has(row)) rows.set(row, []);
    rows.get(row).push(button);
  });
  return [...rows.values()];
}

function copyButton(button) {
  const node = h("button", { type: "button", class: "inline-button" }, button.label);
  node.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(button.copy_text).catch(() => undefined);
    node.textContent = "Copied";
    setTimeout(() => { node.textContent = button.label; }, 1500);
  });
  return node;
}

/** The words a message answers to, above it. */
function quoted(entry) {
  if (!entry.reply_to) return null;
  const meant = [...state.entries.values()].find((one) => one.chat_id === entry.chat_id && one.message_id === entry.reply_to);
  return meant && h(
    "div", { class: "reply-to", dir: "auto" }, (meant.text ?? meant.caption ?? "A picture").split("\n")[0].slice(0, 80)
  );
}

function inlineButton(entry, button, send) {
  const spot = spotOf(entry);
  const busy = state.busy.get(spot) === button.label;
  if (button.url) {
    const payload = startPayload(button.url);
    if (payload !== null) return h(
      "button", { type: "button", class: "inline-button", on: { click: () => send({ start: payload }) } }, button.label
    );
    const outside = link(button.url, button.label);
    outside.classList.add("inline-button", "outside");
    return outside;
  }
  if (button.copy_text) return copyButton(button);
  const press = () => act(
    spot, "/control/telegram/press", { ...speaking(entry.user), message_id: entry.message_id, label: button.label },
    button.label
  );
  return h("button", {
    type: "button", class: `inline-button ${button.style ?? ""} ${busy ? "busy" : ""}`, "aria-busy": busy ? "true" : null, disabled: state.busy.has(spot), data: { focus: button.label }, on: { click: press },
  }, busy && h("span", { class: "spinner", "aria-hidden": "true" }), h("span", { dir: "auto" }, button.label));
}

export const bubbleVersion = (entry) => JSON.stringify([entry.revision, state.busy.get(spotOf(entry)), state.problems.get(spotOf(entry))]);

/** `send(what)` sends something as the chat's person ({text} or {start}). */
export function bubble(entry, send) {
  const chat = state.world.chat(entry.user);
  const mine = entry.from !== "bot" && (!chat?.isGroup || entry.from === chat.speaker);
  const sender = chat?.isGroup && !mine && h(
    "strong", { class: "sender" },
    entry.from === "bot" ? state.world.phoneBot : (state.world.chat(entry.from)?.short ?? entry.from)
  );
  const words = entry.text ?? entry.caption ?? "";
  const entities = entry.text ? entry.entities : (entry.caption_entities ?? (entry.caption ? entry.entities : []));
  const text = words && telegramText(words, entities, (command) => send({ text: command }));
  if (text) {
    for (const anchor of text.querySelectorAll("a")) {
      const payload = startPayload(anchor.href);
      if (payload !== null) anchor.addEventListener(
        "click", (event) => { event.preventDefault(); send({ start: payload }); }
      );
    }
  }
  const edited = entry.edits?.length > 0 && "edited ";
  const body = h("div", { class: `bubble ${mine ? "mine" : "theirs"} ${entry.photo ? "with-photo" : ""}` },
    sender, quoted(entry), photo(entry), file(entry), contact(entry), text,
    h(
      "span", { class: "bubble-time" }, edited, h("time", { datetime: entry.at }, state.world.time(entry.at)),
      mine && icon("check", 13)
    ));
  const keyboard = entry.buttons?.length > 0 && h("div", { class: "inline-keyboard" },
    inRows(entry.buttons).map((row) => h(
      "div", { class: "button-row" }, row.map((button) => inlineButton(entry, button, send))
    )));
  const node = h(
    "article",
    {
      class: `bubble-line ${mine ? "mine" : "theirs"}`, testid: "bubble",
      data: { message: entry.message_id, seq: entry.seq },
      "aria-label": `${mine ? "Sent" : state.world.phoneBot}, ${state.world.time(entry.at)}`
    }
  );
  return append(node, body, keyboard, problemLine(spotOf(entry)));
}
