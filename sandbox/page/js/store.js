// What the page knows, and the one place where it changes. Panes subscribe and draw themselves anew.

import { get, listen, post } from "./api.js";
import { World } from "./world.js";

const REMEMBERED = "opsbell-sandbox-page";
const TYPING_MS = 5000;
const listeners = new Set();
let drawing = false;
let fetching = null;
let fetchAgain = false;

export const state = {
  world: new World(),
  entries: new Map(),
  clock: { now: new Date(), skew: 0, epoch: null, version: 0 },
  live: false,
  ready: false,
  me: "ada",
  place: "C0STOCK",
  home: false,
  thread: null,
  chat: "maria",
  tab: "slack",
  read: {},
  busy: new Map(),
  problems: new Map(),
  news: [],
  chatStates: new Map(),
  events: [],
  revision: 0,
};

/** Draws after every change; several changes in one go are drawn once. */
export function subscribe(draw) {
  listeners.add(draw);
}

export function changed() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    for (const draw of listeners) draw(state);
  }, 0);
}

export function set(changes) {
  Object.assign(state, changes);
  remember();
  changed();
}

function remember() {
  const { me, place, chat, tab, read } = state;
  const kept = { me, place, chat, tab, read, epoch: state.clock.epoch };
  try {
    sessionStorage.setItem(REMEMBERED, JSON.stringify(kept));
  } catch {
    // Storage can be shut off; then a reload starts at the first channel.
  }
}

function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}");
    for (const name of ["me", "place", "chat", "tab"]) if (kept[name]) state[name] = kept[name];
    if (kept.epoch === state.clock.epoch && kept.read) state.read = kept.read;
  } catch {
    // The same as no memory.
  }
}

function keepClock(clock) {
  if (!clock?.now) return;
  const now = new Date(clock.now);
  const restarted = state.clock.epoch !== null && clock.epoch !== undefined && clock.epoch !== state.clock.epoch;
  state.clock = { now, skew: now - Date.now(), epoch: clock.epoch ?? state.clock.epoch, version: clock.version ?? 0 };
  if (restarted) forget();
}

function forget() {
  state.entries.clear();
  state.problems.clear();
  Object.assign(state, { thread: null, home: false, read: {}, news: [] });
}

/** The sandbox's time at this moment. */
export const now = () => new Date(Date.now() + state.clock.skew);

function keepEntry(entry, isNews) {
  const held = state.entries.get(entry.seq);
  state.revision += 1;
  state.entries.set(entry.seq, { ...entry, revision: state.revision });
  if (!isNews || held) return;
  state.news.push(entry.seq);
  const chat = state.chatStates.get(entry.chat_id);
  if (chat?.action && entry.from === "bot") state.chatStates.set(entry.chat_id, { ...chat, action: null });
}

/** A chat's state; "typing" lasts five seconds or until the next message, as Telegram shows it. */
function keepChat(chat) {
  state.chatStates.set(chat.chat_id, chat);
  if (!chat.action) return;
  setTimeout(() => {
    if (state.chatStates.get(chat.chat_id) === chat) state.chatStates.set(chat.chat_id, { ...chat, action: null });
    changed();
  }, TYPING_MS);
}

function sameEntry(entry) {
  const held = state.entries.get(entry.seq);
  if (!held) return false;
  const { revision, ...bare } = held;
  return revision > 0 && JSON.stringify(bare) === JSON.stringify(entry);
}

/** A sandbox started anew counts from 1 again; then what was read before says nothing. */
function unreadLater(last) {
  for (const [key, seq] of Object.entries(state.read)) if (seq > last) delete state.read[key];
}

/** Brings the whole transcript up to date; a call while one runs makes exactly one more. */
export async function refresh() {
  if (fetching) {
    fetchAgain = true;
    return fetching;
  }
  fetching = (async () => {
    do {
      fetchAgain = false;
      const answer = await get("/control/transcript");
      if (answer.error) break;
      keepClock(answer.clock);
      const seen = new Set(answer.entries.map((entry) => entry.seq));
      unreadLater(Math.max(0, ...seen));
      for (const seq of state.entries.keys()) if (!seen.has(seq)) state.entries.delete(seq);
      for (const entry of answer.entries) if (!sameEntry(entry)) keepEntry(entry, state.ready);
    } while (fetchAgain);
    fetching = null;
    changed();
  })();
  return fetching;
}

/** One line of the stream: an entry is kept as it is, a clock too, anything else asks for the whole. */
function heard(line) {
  const payload = line.payload ?? line.entry ?? line;
  const entry = payload.entry ?? payload;
  const kind = line.kind ?? "";
  if (kind === "call" || kind === "calls") {
    window.dispatchEvent(new Event("sandbox-call"));
    return;
  }
  if (entry.seq !== undefined && entry.platform) keepEntry(entry, true);
  else if (kind === "clock" && payload.now) keepClock(payload);
  else if (kind === "telegram_chat") keepChat(payload);
  else refresh();
  if (kind === "reset" || kind === "channel") loadWorld();
  changed();
}

async function loadWorld() {
  const [world, events, clock] = await Promise.all(
    ["/control/world", "/control/shop/events", "/control/clock"].map(get)
  );
  if (!world.error) state.world = new World(world);
  for (const one of world.telegram?.chats ?? []) state.chatStates.set(one.chat_id, { ...one, action: null });
  if (!events.error) state.events = Array.isArray(events) ? events : (events.events ?? []);
  keepClock(clock);
  changed();
}

function tidy() {
  const { world } = state;
  if (!world.user(state.me)) state.me = world.users[0]?.name ?? state.me;
  if (!world.chat(state.chat)) state.chat = world.chats[0]?.name ?? state.chat;
  if (!world.channel(state.place) && !world.directOwner(state.place)) state.place = world.channels[0]?.id ?? state.place;
}

/** Loads everything and follows the stream from then on. */
export async function start() {
  await loadWorld();
  recall();
  tidy();
  await refresh();
  state.ready = true;
  listen({
    opened: () => {
      if (!state.live) {
        loadWorld();
        refresh();
      }
      set({ live: true });
    },
    changed: heard,
    lost: () => set({ live: false }),
  });
}

const queues = new Map();

/** Like act(), but waits for its turn at the spot, so that one can write on while an answer is awaited. */
export function actInTurn(spot, path, body) {
  const turn = (queues.get(spot) ?? Promise.resolve()).then(() => act(spot, path, body));
  queues.set(spot, turn);
  return turn;
}

/** Clears a shown problem. */
export function dismiss(spot) {
  state.problems.delete(spot);
  changed();
}

/**
 * Does a verb for a spot of the page ("C0STOCK/1700.1", "composer", "event/parcel_stuck"): while it runs the spot is
 * busy (with `what`, such as an action_id), afterwards an error is shown there. Gives the answer.
 */
export async function act(spot, path, body, what = true) {
  if (state.busy.has(spot)) return { error: "busy" };
  state.busy.set(spot, what);
  state.problems.delete(spot);
  changed();
  const answer = await post(path, body);
  state.busy.delete(spot);
  if (answer.error) state.problems.set(spot, answer.error);
  keepClock(answer.clock ?? answer);
  for (const entry of answer.saw ?? []) {
    if (entry?.seq !== undefined && entry.platform && !sameEntry(entry)) keepEntry(entry, true);
  }
  changed();
  if (!state.live) refresh();
  return answer;
}
