// Which Slack messages a person sees where, what is unread, and the scrolling list of them.

import { h, keyed } from "./dom.js";
import { message, versionOf } from "./message.js";
import { stickToEnd } from "./sticky.js";
import { state } from "./store.js";

const CLOSE = 5 * 60 * 1000;

const isMessage = (entry) => entry.platform === "slack" && entry.kind === "message";
const isReply = (entry) => Boolean(entry.thread_ts) && entry.thread_ts !== entry.ts;
const isForMe = (entry, me) => !entry.deleted && (!entry.ephemeral_to || entry.ephemeral_to === me);

/** Everything a person may see in one place, in order. */
export function messagesOf(place, me) {
  const found = [];
  for (const entry of state.entries.values()) {
    if (isMessage(entry) && entry.channel === place && isForMe(entry, me)) found.push(entry);
  }
  return found.sort((one, two) => one.seq - two.seq);
}

/** The top messages of a place, each with its replies. */
export function threadsOf(place, me) {
  const all = messagesOf(place, me);
  const replies = new Map();
  for (const entry of all.filter(isReply)) {
    if (!replies.has(entry.thread_ts)) replies.set(entry.thread_ts, []);
    replies.get(entry.thread_ts).push(entry);
  }
  const top = all.filter((entry) => !isReply(entry) || entry.broadcast);
  return { top, repliesTo: (ts) => replies.get(ts) ?? [] };
}

const readKey = (me, place) => `${me}:${place}`;

/** How many messages of others a person has not seen there. */
export function unreadIn(place, me) {
  const seen = state.read[readKey(me, place)] ?? 0;
  let count = 0;
  for (const entry of state.entries.values()) {
    if (entry.seq > seen && isMessage(entry) && entry.channel === place && entry.user !== me && !isReply(entry) && isForMe(entry, me)) count += 1;
  }
  return count;
}

/** Marks all of a place as seen; true if that was news. */
export function markRead(place, me) {
  const last = messagesOf(place, me).at(-1)?.seq ?? 0;
  const key = readKey(me, place);
  if ((state.read[key] ?? 0) >= last) return false;
  state.read[key] = last;
  return true;
}

const continues = (before, entry) => before && before.user === entry.user && Boolean(before.ephemeral_to) === Boolean(entry.ephemeral_to)
  && new Date(entry.at) - new Date(before.at) < CLOSE && !entry.blocks?.length && !before.blocks?.length;

/** A list of messages with day lines that stays at its end unless one scrolls up. */
export function messageList(label, options) {
  const rows = h("div", { class: "rows" });
  const nothing = h("p", { class: "empty", hidden: true }, options.empty);
  const node = h(
    "div",
    {
      class: "message-list", tabindex: "0", role: "log", "aria-label": label, "aria-live": "polite",
      "aria-relevant": "additions"
    },
    nothing, rows
  );
  const edits = new Map();
  let place = null;
  let count = 0;
  const end = stickToEnd(node, rows);

  const draw = (where, entries, repliesTo, openThread) => {
    nothing.hidden = entries.length > 0 || !options.empty;
    const moved = where !== place;
    const own = entries.at(-1)?.user === state.me && entries.length > count;
    const items = [];
    let day = "";
    entries.forEach((entry, index) => {
      const today = state.world.day(entry.at);
      if (today !== day && options.days) items.push({ day: today, seq: `day-${entry.seq}` });
      const newDay = today !== day;
      day = today;
      items.push({
        entry, seq: entry.seq, replies: repliesTo(entry.ts), continued: !newDay && continues(entries[index - 1], entry)
      });
    });
    keyed(rows, items, {
      key: (item) => item.seq,
      version: (item) => (item.day ? item.day : `${state.me}${versionOf(item.entry, item.replies, item.continued)}`),
      draw: (item) => {
        if (item.day) return h("div", { class: "day-line", role: "separator" }, h("span", {}, item.day));
        const node = message(item.entry, { ...item, openThread });
        const before = edits.get(item.seq);
        edits.set(item.seq, item.entry.edits?.length ?? 0);
        node.classList.toggle("just-edited", before !== undefined && before < item.entry.edits?.length);
        return node;
      },
    });
    if (moved || own || end.isAtEnd()) end.toEnd();
    place = where;
    count = entries.length;
  };
  return { node, draw };
}
