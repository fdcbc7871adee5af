// The Slack workspace: sidebar with places and people, the open channel or App Home, the thread beside it.

import { blocks } from "./blocks.js";
import { markRead, messageList, threadsOf, unreadIn } from "./channel.js";
import { composer } from "./composer.js";
import { append, h, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, problemLine } from "./message.js";
import { menu } from "./overlay.js";
import { act, set, state } from "./store.js";

const channelNode = h("section", { class: "channel", "aria-label": "Channel" });
const threadNode = h("aside", { class: "thread", testid: "thread-pane", "aria-label": "Thread", hidden: true });
const sidebar = h("nav", { class: "sidebar", "aria-label": "Slack workspace" });
const head = h("header", { class: "pane-head" });
const homeNode = h("div", { class: "home", testid: "home-view", role: "tabpanel", tabindex: "0" });
const list = messageList(
  "Messages", { days: true, empty: "Nothing here yet. Make something happen in the shop, or ask with /ops help." }
);
const threadList = messageList("Thread", { days: false });
const threadHead = h("header", { class: "pane-head" });

const isDirect = () => state.place.startsWith("D");
/** The private chat may not exist before the first word; Slack makes it then. */
const postingPlace = () => (isDirect() ? "opsbell" : state.place);
const nameOfPlace = () => (isDirect() ? state.world.botName : `#${state.world.channelName(state.place)}`);
const box = composer(() => ({
  channel: postingPlace(), spot: `composer/${state.me}/${state.place}`,
  label: isDirect() ? "Message Opsbell" : `Message ${nameOfPlace()}, or / for commands`,
}), "slack-composer");
const threadBox = composer(() => ({
  channel: postingPlace(), thread_ts: state.thread, spot: `composer/${state.me}/${state.place}/${state.thread}`, label: "Reply",
}), "thread-composer");

function goTo(place) {
  set({ place, home: false, thread: null });
  document.body.classList.remove("menu-open");
}

function goHome() {
  set({ home: true, thread: null });
  document.body.classList.remove("menu-open");
  act(`home/${state.me}`, "/control/slack/home", { user: state.me });
}

function openThread(entry) {
  set({ thread: entry.thread_ts ?? entry.ts });
  setTimeout(threadBox.focus, 20);
}

function closeThread() {
  const { thread } = state;
  set({ thread: null });
  setTimeout(
    () => list.node.querySelector(`[data-ts="${CSS.escape(thread ?? "")}"] [data-focus="thread"]`)?.focus(), 20
  );
}

function placeRow({ id, name, mark, testid, current, unread }) {
  return h("li", {}, h("button", {
    type: "button", class: `place ${current ? "current" : ""} ${unread ? "unread" : ""}`, testid, "aria-current": current ? "page" : null, data: { focus: id },
    on: { click: () => goTo(id) },
  }, mark, h("span", { class: "place-name", dir: "auto" }, name), unread > 0 && h(
    "span", { class: "count", "aria-label": `${unread} unread` }, unread > 99 ? "99+" : unread
  )));
}

function userSwitch() {
  const { world, me } = state;
  const user = world.user(me);
  const node = h("button", {
    type: "button", class: "user-switch", testid: "slack-user", data: { user: me, focus: "user" }, "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-label": `Signed in as ${user?.shown ?? me}. Switch person`,
  }, avatar(me, user?.shown ?? me), h(
    "span", { class: "user-words" }, h("strong", {}, user?.shown ?? me), h("small", {}, user?.role ?? "")
  ), icon("down", 14));
  node.addEventListener("click", () => menu(node, world.users.map((one) => ({
    label: one.shown, note: one.role, icon: avatar(one.name, one.shown), checked: one.name === me, testid: `slack-user-${one.name}`, pick: () => become(one.name),
  })), "Switch person"));
  return node;
}

/** Signs another person in, at a place that person can see. */
export function become(name) {
  const user = state.world.user(name);
  const open = state.world.channel(state.place);
  const canSee = open && sees(user, open);
  set({ me: name, thread: null, home: false, place: canSee ? state.place : (placesOf(user)[0]?.id ?? state.place) });
  sidebarDrawn = "";
}

const sees = (user, one) => !one.members || one.members.includes(user?.id);
const placesOf = (user) => state.world.channels.filter((one) => !one.isArchived && sees(user, one));

let sidebarDrawn = "";
function drawSidebar() {
  const { world, me, place, home } = state;
  const channels = placesOf(world.user(me)).map((one) => ({
    id: one.id, name: one.name, testid: `channel-${one.name}`, mark: icon("hash", 15), current: !home && one.id === place, unread: unreadIn(one.id, me),
  }));
  const direct = [world.directPlace(me)].filter(Boolean).map((id) => ({
    id, name: world.botName, testid: "direct-bot", mark: avatar("bot", "O"), current: !home && id === place, unread: unreadIn(id, me),
  }));
  const version = JSON.stringify([
    me, home, world.users.length, channels.map((one) => [one.id, one.current, one.unread]),
    direct.map((one) => [one.id, one.current, one.unread])
  ]);
  if (version === sidebarDrawn) return;
  sidebarDrawn = version;
  const held = sidebar.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  replaceChildren(sidebar,
    h(
      "div", { class: "workspace" }, h("span", { class: "workspace-mark", "aria-hidden": "true" }, "N"),
      h("span", {}, h("strong", {}, "Nordlicht Shop"), h("small", {}, "Slack workspace"))
    ),
    h(
      "button",
      {
        type: "button", class: `place ${home ? "current" : ""}`, testid: "home-tab",
        "aria-current": home ? "page" : null, data: { focus: "home" }, on: { click: goHome }
      },
      icon("home", 16), h("span", { class: "place-name" }, "Opsbell home")
    ),
    h("h3", {}, "Channels"), h("ul", { class: "places" }, channels.map(placeRow)),
    direct.length > 0 && [h("h3", {}, "Direct messages"), h("ul", { class: "places" }, direct.map(placeRow))],
    h("div", { class: "spring" }), userSwitch());
  if (held) sidebar.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus();
}

function drawHead() {
  const channel = state.world.channel(state.place);
  const members = channel?.members?.length;
  replaceChildren(head,
    h(
      "button",
      {
        type: "button", class: "icon-button menu-button", "aria-label": "Channels and people", testid: "slack-menu",
        on: { click: () => document.body.classList.toggle("menu-open") }
      },
      icon("menu")
    ),
    h("h2", { dir: "auto" }, state.home ? "Opsbell home" : nameOfPlace()),
    !state.home && members && h("span", { class: "quiet member-count" }, `${members} members`),
    h(
      "button",
      {
        type: "button", class: "user-chip",
        "aria-label": `Signed in as ${state.world.userName(state.me)}. Channels and people`,
        on: { click: () => document.body.classList.toggle("menu-open") }
      },
      avatar(state.me, state.world.userName(state.me))
    ));
}

function homeEntry() {
  let last = null;
  for (const entry of state.entries.values()) if (entry.kind === "home" && entry.user === state.me && (!last || entry.seq > last.seq)) last = entry;
  return last;
}

let homeDrawn = "";
function drawHome() {
  const entry = homeEntry();
  const spot = `home/${state.me}`;
  const busy = state.busy.get(spot) ?? null;
  const version = JSON.stringify([state.me, entry?.seq, entry?.revision, busy, state.problems.get(spot)]);
  if (version === homeDrawn) return;
  homeDrawn = version;
  const press = (element, block, extra) => act(
    spot, "/control/slack/press",
    { user: state.me, home: true, action_id: element.action_id, block_id: block.block_id, ...extra }, element.action_id
  );
  const empty = busy ? "Opening…" : "Opsbell has published no home for this person yet.";
  replaceChildren(homeNode, problemLine(spot),
    entry ? blocks(
      entry.blocks, { world: state.world, spot, busy: busy === true ? null : busy, press }
    ) : h("p", { class: "empty" }, empty));
}

function drawThread() {
  const isOpen = Boolean(state.thread) && !state.home;
  threadNode.hidden = !isOpen;
  document.body.classList.toggle("thread-open", isOpen);
  if (!isOpen) return;
  const { top, repliesTo } = threadsOf(state.place, state.me);
  const root = top.find((entry) => entry.ts === state.thread);
  threadList.draw(
    `${state.me}/${state.place}/${state.thread}`, [root, ...repliesTo(state.thread)].filter(Boolean), () => [], null
  );
  threadBox.draw();
}

function draw() {
  if (!state.home && (state.tab === "slack" || window.innerWidth > 760) && markRead(state.place, state.me)) set({});
  drawSidebar();
  drawHead();
  homeNode.hidden = !state.home;
  list.node.hidden = state.home;
  box.node.hidden = state.home;
  if (state.home) drawHome();
  else {
    const { top, repliesTo } = threadsOf(state.place, state.me);
    list.draw(`${state.me}/${state.place}`, top, repliesTo, openThread);
    box.draw();
  }
  drawThread();
}

/** Puts the workspace into `root`; gives its drawing function. */
export function slackPane(root) {
  append(channelNode, head, list.node, homeNode, box.node);
  append(threadHead, h("h2", {}, "Thread"), h("span", { class: "spring" }),
    h(
      "button",
      {
        type: "button", class: "icon-button", "aria-label": "Close thread", testid: "thread-close",
        on: { click: closeThread }
      },
      icon("close")
    ));
  append(threadNode, threadHead, threadList.node, threadBox.node);
  threadNode.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) closeThread();
  });
  sidebar.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.body.classList.remove("menu-open");
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const rows = [...sidebar.querySelectorAll(".place")];
    const at = rows.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    rows[(at + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length].focus();
  });
  const shade = h("div", { class: "sidebar-shade", on: { click: () => document.body.classList.remove("menu-open") } });
  append(root, sidebar, shade, channelNode, threadNode);
  return draw;
}
