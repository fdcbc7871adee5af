// What arrives where one is not looking: a short notice with the words a locked phone would show.

import { append, h } from "./dom.js";
import { avatar } from "./message.js";
import { set, state } from "./store.js";

const MOST = 2;
const SHOWN_MS = 7000;
const area = document.getElementById("toasts");

function notice(mark, title, words, go) {
  const line = h(
    "button", { type: "button", class: "toast", testid: "notice" }, mark,
    h("span", { class: "toast-words" }, h("strong", {}, title), h("span", { dir: "auto" }, words))
  );
  line.addEventListener("click", () => {
    line.remove();
    go();
  });
  append(area, line);
  while (area.children.length > MOST) area.firstChild.remove();
  setTimeout(() => line.classList.add("going"), SHOWN_MS);
  setTimeout(() => line.remove(), SHOWN_MS + 400);
}

const plainWords = (text) => String(text ?? "").replace(/<([^|>]*)\|([^>]*)>/g, "$2").replace(/(^|[\s(])([*_~`])(\S[^\n]*?)\2(?=[\s).,:!?]|$)/g, "$1$3").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&").split("\n")[0];

const isNarrow = () => window.innerWidth <= 760;

function slackNews(entry) {
  const { world, me } = state;
  const place = world.channel(entry.channel);
  const mine = entry.channel.startsWith("D") ? world.directOwner(entry.channel)?.name === me : place?.members?.includes(world.user(me)?.id) ?? true;
  const isSeen = !state.home && state.place === entry.channel && !(isNarrow() && state.tab !== "slack");
  if (!mine || isSeen || entry.user === me || entry.deleted || (entry.ephemeral_to && entry.ephemeral_to !== me)) return;
  const thread = entry.thread_ts && entry.thread_ts !== entry.ts ? entry.thread_ts : null;
  const where = entry.channel.startsWith("D") ? world.botName : `#${world.channelName(entry.channel)}`;
  notice(avatar(entry.user, world.userName(entry.user)), thread ? `Thread in ${where}` : where, plainWords(entry.text),
    () => set({ tab: "slack", place: entry.channel, home: false, thread }));
}

function phoneNews(entry) {
  const chat = state.world.chat(entry.user);
  const isSeen = state.chat === entry.user && !(isNarrow() && state.tab !== "telegram");
  if (isSeen || entry.from !== "bot" || entry.deleted || !chat) return;
  notice(h(
    "span", { class: `face who-${chat.name}`, "aria-hidden": "true" }, chat.shown.charAt(0)
  ), `${chat.shown}'s phone`,
    (entry.text ?? entry.caption ?? "A picture").split("\n")[0], () => set({ tab: "telegram", chat: chat.name }));
}

/** Shows notices for the entries that came since the last call. `answered` gets the answers to presses. */
export function tellNews(answered) {
  const entries = state.news.map((seq) => state.entries.get(seq)).filter(Boolean);
  state.news = [];
  for (const entry of entries.filter((one) => one.kind === "callback_answer" && one.text)) answered(entry);
  for (const entry of entries.filter((one) => one.kind === "message").slice(-MOST)) {
    if (entry.platform === "slack") slackNews(entry);
    else phoneNews(entry);
  }
}
