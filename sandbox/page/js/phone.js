// The phone: whose it is, the chat with the shop's bot, and what the person can send.

import { bubble, bubbleVersion, inRows, speaking } from "./bubble.js";
import { get } from "./api.js";
import { append, h, keyed, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { problemLine } from "./message.js";
import { frame, layer, menu } from "./overlay.js";
import { ownPhoto, samplePhoto } from "./photos.js";
import { stickToEnd } from "./sticky.js";
import { act, actInTurn, now, set, state } from "./store.js";

const people = h("div", { class: "people", role: "tablist", "aria-label": "Whose phone" });
const head = h("header", { class: "phone-head" });
const rows = h("div", { class: "bubbles" });
const scroll = h(
  "div",
  {
    class: "bubble-list", tabindex: "0", role: "log", "aria-label": "Telegram messages", "aria-live": "polite",
    "aria-relevant": "additions"
  }
);
const typing = h("div", { class: "typing", "aria-live": "polite" });
const notice = h("div", { class: "phone-notice", "aria-live": "polite" });
const keyboard = h(
  "div", { class: "reply-keyboard", hidden: true, role: "group", "aria-label": "Answers to choose from" }
);
const problem = h("div", { class: "phone-problem" });
const screen = h("div", { class: "screen", role: "tabpanel", id: "phone-screen" });
const upload = h("input", { type: "file", accept: "image/*", class: "sr-only", tabindex: "-1", "aria-hidden": "true" });
const end = stickToEnd(scroll, rows);

const spotOf = (name) => `phone/${name}`;
const isChat = (entry, name) => entry.platform === "telegram" && entry.kind === "message" && entry.user === name && !entry.deleted;

function messagesOf(name) {
  return [...state.entries.values()].filter((entry) => isChat(entry, name)).sort((one, two) => one.seq - two.seq);
}

async function send(what) {
  const name = state.chat;
  end.toEnd();
  const answer = await actInTurn(spotOf(name), "/control/telegram/send", { ...speaking(name), ...what });
  if (answer.note && state.chat === name && !state.world.chat(name)?.isGroup) tell(answer.note);
  return answer;
}

function unread(name) {
  const seen = state.read[`phone:${name}`] ?? 0;
  return [...state.entries.values()].filter((entry) => isChat(entry, name) && entry.from === "bot" && entry.seq > seen).length;
}

let peopleDrawn = "";
function drawPeople() {
  const rowsNow = state.world.chats.map((one) => ({
    ...one, unread: unread(one.name), current: one.name === state.chat
  }));
  const version = JSON.stringify(rowsNow);
  if (version === peopleDrawn) return;
  peopleDrawn = version;
  const held = people.contains(document.activeElement);
  replaceChildren(people, rowsNow.map((one) => h("button", {
    type: "button", role: "tab", class: `person ${one.current ? "current" : ""} ${one.isStaff ? "staff" : ""}`, testid: `phone-chat-${one.name}`,
    "aria-selected": String(one.current), "aria-controls": "phone-screen", tabindex: one.current ? "0" : "-1", title: `${one.shown}${one.isStaff ? ", staff" : ""}`,
    on: { click: () => set({ chat: one.name }) },
  }, h(
    "span", { class: `face who-${one.name}`, "aria-hidden": "true" },
    one.isGroup ? icon("people", 18) : one.shown.charAt(0)
  ), h("span", { class: "person-name" }, one.short),
  one.unread > 0 && h("span", { class: "count", "aria-label": `${one.unread} new` }, one.unread))));
  if (held) people.querySelector('[aria-selected="true"]')?.focus();
}

function turnPeople(event) {
  const names = state.world.chats.map((one) => one.name);
  const at = names.indexOf(state.chat);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  set({ chat: names[(next + names.length) % names.length] });
}

function drawHead() {
  const person = state.world.chat(state.chat);
  const isTyping = state.busy.has(spotOf(state.chat)) || Boolean(chatState()?.action);
  const title = person?.isGroup ? person.shown : state.world.phoneBot;
  replaceChildren(head, h("span", { class: "avatar bot", "aria-hidden": "true" }, icon("bell", 18)),
    h(
      "span", { class: "phone-title" }, h("strong", { dir: "auto" }, title),
      h("small", {}, isTyping ? "typing…" : person?.isGroup ? "group" : "bot")
    ),
    h("span", { class: "spring" }), person?.isStaff && h(
      "span", { class: "badge" }, "Staff"
    ), h("time", { class: "phone-clock" }, state.world.time(now())),
    !person?.isGroup && h(
      "button",
      {
        type: "button", class: "icon-button small", "aria-label": "Bot menu", "aria-haspopup": "menu",
        "aria-expanded": "false", testid: "phone-menu", on: { click: botMenu }
      },
      icon("more")
    ));
}

const chatState = () => state.chatStates.get(state.world.chat(state.chat)?.id);

/** The commands the bot registered, and what a person can do to it. */
async function botMenu(event) {
  const anchor = event.currentTarget;
  const { commands = [] } = await get("/control/telegram");
  const isBlocked = Boolean(chatState()?.blocked);
  const spot = spotOf(state.chat);
  const verb = isBlocked ? "unblock" : "block";
  menu(anchor.isConnected ? anchor : head.querySelector("button"), [
    ...commands.map((one) => ({
      label: `/${one.command}`, note: one.description, pick: () => send({ text: `/${one.command}` })
    })),
    {
      label: isBlocked ? "Unblock the bot" : "Block the bot", testid: "phone-block",
      pick: () => act(spot, `/control/telegram/${verb}`, { user: state.chat })
    },
  ], "Bot menu");
}

/** A line over the chat for a few seconds. */
function tell(words) {
  const line = h("div", { class: "phone-toast", dir: "auto" }, words);
  replaceChildren(notice, line);
  setTimeout(() => line.remove(), 4500);
}

/** The reply keyboard now shown: the newest one the bot sent, unless it was taken away or used up. */
function openKeyboard(messages) {
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const entry = messages[at];
    if (entry.from !== "bot") continue;
    if (entry.keyboard_removed) return null;
    if (entry.keyboard?.length) {
      const used = entry.keyboard_one_time && messages.slice(at + 1).some((one) => one.from !== "bot");
      return used ? null : entry;
    }
  }
  return null;
}

let keyboardDrawn = "";
function drawKeyboard(messages) {
  const open = openKeyboard(messages);
  const busy = state.busy.has(spotOf(state.chat));
  const version = JSON.stringify([state.chat, open?.revision, busy]);
  if (version === keyboardDrawn) return;
  keyboardDrawn = version;
  keyboard.hidden = !open;
  field.placeholder = open?.keyboard_placeholder || "Message";
  if (!open) return;
  const key = (button) => {
    const pick = button.request_contact ? () => shareContact(button) : () => send({ text: button.label });
    return h("button", {
      type: "button", class: "reply-key", disabled: busy, testid: button.request_contact ? "phone-contact" : null,
      on: { click: pick }
    },
      button.request_contact && icon("phone", 16), h("span", { dir: "auto" }, button.label));
  };
  replaceChildren(keyboard, inRows(open.keyboard).map((row) => h("div", { class: "button-row" }, row.map(key))));
}

function shareContact(button) {
  const person = state.world.chat(state.chat);
  const done = (yes) => {
    close();
    if (yes) send({ contact: true });
  };
  const box = frame({
    title: "Share your phone number?", role: "alertdialog", testid: "contact-confirm", onClose: () => done(false),
    body: h(
      "div", { class: "dialog-body" },
      `${state.world.phoneBot} will know ${person?.phone || "your number"}. Asked by “${button.label}”.`
    ),
    foot: [h("button", { type: "button", class: "button", on: { click: () => done(false) } }, "Not now"),
      h(
        "button",
        {
          type: "button", class: "button primary solid", testid: "contact-yes", autofocus: true,
          on: { click: () => done(true) }
        },
        "Share"
      )],
  });
  box.classList.add("small");
  const close = layer(box, { onEscape: () => done(false), inside: screen, className: "within" });
}

function photoMenu(event) {
  menu(event.currentTarget, [
    {
      label: "A broken mug", note: "Sample photo", icon: icon("image"), testid: "photo-mug",
      pick: () => send({ photo: samplePhoto("mug"), caption: "" })
    },
    {
      label: "A torn parcel", note: "Sample photo", icon: icon("image"), testid: "photo-parcel",
      pick: () => send({ photo: samplePhoto("parcel"), caption: "" })
    },
    { label: "From this device…", icon: icon("camera"), testid: "photo-own", pick: () => upload.click() },
  ], "Send a photo");
}

const field = h(
  "textarea",
  {
    rows: 1, testid: "phone-input", placeholder: "Message", "aria-label": "Telegram message", dir: "auto",
    maxlength: 4096
  }
);
const sendButton = h(
  "button", { type: "submit", class: "send", testid: "phone-send", "aria-label": "Send" }, icon("send", 17)
);
const photoButton = h(
  "button",
  {
    type: "button", class: "icon-button", testid: "phone-photo", "aria-label": "Send a photo", "aria-haspopup": "menu",
    "aria-expanded": "false", on: { click: photoMenu }
  },
  icon("clip")
);
const form = h("form", { class: "phone-composer" }, photoButton, field, sendButton);
const nothing = h(
  "p", { class: "phone-empty" }, "What can this bot do? Press Start, as a customer would on opening it from the shop."
);
const startButton = h(
  "button", { type: "button", class: "start-button", testid: "phone-start", on: { click: () => send({ start: "" }) } },
  "Start"
);

async function submit(event) {
  event?.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  field.style.height = "auto";
  const answer = await send({ text });
  if (answer.error && !field.value) field.value = text;
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 110)}px`;
}

/** An answer to a press shows for a moment, or must be confirmed when it is an alert. */
export function showAnswer(entry) {
  const name = state.world.chat(entry.chat_id)?.name ?? entry.user;
  if (name !== state.chat) return;
  if (entry.alert) showAlert(entry.text);
  else tell(entry.text);
}

function showAlert(words) {
  const box = frame({
    title: state.world.phoneBot, role: "alertdialog", testid: "phone-alert", onClose: () => close(), body: h(
      "div", { class: "dialog-body", dir: "auto" }, words
    ),
    foot: h(
      "button", { type: "button", class: "button primary solid", autofocus: true, on: { click: () => close() } }, "OK"
    ),
  });
  box.classList.add("small");
  const close = layer(box, { onEscape: () => close(), inside: screen, className: "within" });
}

let shown = "";
function draw() {
  const name = state.chat;
  const messages = messagesOf(name);
  const last = messages.at(-1)?.seq ?? 0;
  if ((state.tab === "telegram" || window.innerWidth > 760) && (state.read[`phone:${name}`] ?? 0) < last) {
    state.read[`phone:${name}`] = last;
    set({});
  }
  drawPeople();
  drawHead();
  const items = [];
  let day = "";
  for (const entry of messages) {
    const today = state.world.format(entry.at, { day: "numeric", month: "long" });
    if (today !== day) items.push({ day: today, seq: `${name}-day-${entry.seq}` });
    day = today;
    items.push({ entry, seq: entry.seq });
  }
  keyed(rows, items, {
    key: (item) => item.seq, version: (item) => item.day ?? bubbleVersion(item.entry),
    draw: (item) => (item.day ? h("div", { class: "day-pill" }, item.day) : bubble(item.entry, send)),
  });
  const busy = state.busy.has(spotOf(name));
  const awaited = busy || Boolean(chatState()?.action);
  if (awaited && !typing.firstChild) append(
    typing, h("span", { class: "dots", "aria-label": "typing" }, h("i"), h("i"), h("i"))
  );
  else if (!awaited) typing.replaceChildren();
  drawKeyboard(messages);
  const begun = messages.length > 0 || Boolean(state.world.chat(name)?.isGroup) || Boolean(chatState()?.started);
  const isBlocked = Boolean(chatState()?.blocked);
  startButton.hidden = begun && !isBlocked;
  startButton.textContent = isBlocked ? "Unblock and start" : "Start";
  nothing.hidden = begun;
  form.hidden = !begun || isBlocked;
  replaceChildren(problem, problemLine(spotOf(name)));
  if (shown !== name || end.isAtEnd()) end.toEnd();
  shown = name;
}

/** Puts the phone into `root`; gives its drawing function. */
export function phonePane(root) {
  people.addEventListener("keydown", turnPeople);
  form.addEventListener("submit", submit);
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  upload.addEventListener("change", async () => {
    if (upload.files[0]) send({ photo: await ownPhoto(upload.files[0]), caption: "" });
    upload.value = "";
  });
  append(scroll, nothing, rows, typing);
  append(screen, head, notice, scroll, problem, startButton, form, keyboard, upload);
  append(root, people, h("div", { class: "device" }, screen));
  return draw;
}
