// The sandbox's page: a Slack workspace and a phone with Telegram side by side, the shop's clock and its events.
//
// Hooks for browser tests are data-testid attributes:
//   channel-<name>          a channel in the sidebar; direct-bot: the private chat with Opsbell; home-tab: App Home
//   slack-user              who is signed in (data-user); opens a menu with slack-user-<name>
//   slack-composer          the message field; slack-composer-send; thread-composer, thread-composer-send
//   message                 a Slack message (data-ts, data-seq; its buttons carry data-action, its blocks data-block)
//   thread-open, thread-reply, thread-pane, thread-close, home-view
//   modal, modal-submit, modal-close, field-error; confirm, confirm-yes, confirm-no
//   phone-chat-<user>       whose phone is shown; phone-input, phone-send, phone-start
//   bubble                  a Telegram message (data-message, data-seq)
//   phone-menu              the bot's commands and phone-block
//   phone-photo             opens a menu with photo-mug, photo-parcel, photo-own
//   phone-contact           the key that shares the number; then contact-yes; phone-alert: an alert to be confirmed
//   clock-now, clock-plus-hour, clock-plus-six, clock-plus-day, clock-next-morning
//   event-<event>           something that can happen to the shop; reset, then confirm-yes
//   tab-slack, tab-telegram, tab-shop, theme, calls-toggle, calls-drawer, slack-menu, problem (an error in place), notice (news from elsewhere)
// While a verb is under way its button has aria-busy="true"; document.body.dataset.ready is "true" once all is loaded.

import { unreadIn } from "./channel.js";
import { callsDrawer } from "./calls.js";
import { h, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { drawModal } from "./modal.js";
import { tellNews } from "./news.js";
import { phonePane, showAnswer } from "./phone.js";
import { shopPane, tick } from "./shop.js";
import { slackPane } from "./slack.js";
import { set, start, state, subscribe } from "./store.js";
import { themeSwitch } from "./theme.js";

const TABS = [["slack", "Slack", "hash"], ["telegram", "Telegram", "phone"], ["shop", "Shop", "shop"]];
const tabBar = document.getElementById("tabs");

function newsOn(tab) {
  if (tab === "slack") return state.world.channels.reduce((sum, one) => sum + unreadIn(one.id, state.me), 0);
  if (tab !== "telegram") return 0;
  const seen = (name) => state.read[`phone:${name}`] ?? 0;
  return [...state.entries.values()].filter((entry) => entry.platform === "telegram" && entry.kind === "message" && entry.from === "bot" && entry.seq > seen(entry.user)).length;
}

let tabsDrawn = "";
function drawTabs() {
  document.body.dataset.tab = state.tab;
  const counts = TABS.map(([tab]) => newsOn(tab));
  const version = JSON.stringify([state.tab, counts]);
  if (version === tabsDrawn) return;
  tabsDrawn = version;
  const news = counts[0] + counts[1];
  document.title = news ? `(${news}) Opsbell sandbox` : "Opsbell sandbox";
  const held = tabBar.contains(document.activeElement);
  replaceChildren(tabBar, TABS.map(([tab, words, mark], index) => h("button", {
    type: "button", role: "tab", class: "tab", testid: `tab-${tab}`, "aria-selected": String(tab === state.tab), "aria-controls": tab, tabindex: tab === state.tab ? "0" : "-1",
    on: { click: () => set({ tab }) },
  }, icon(mark, 20), words, counts[index] > 0 && tab !== state.tab && h("span", { class: "count" }, counts[index]))));
  if (held) tabBar.querySelector('[aria-selected="true"]').focus();
}

tabBar.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = TABS.findIndex(([tab]) => tab === state.tab);
  set({ tab: TABS[(at + step + TABS.length) % TABS.length][0] });
});

function drawLive() {
  const node = document.getElementById("live");
  const words = !state.ready ? "Loading" : state.live ? "Live" : "Not connected";
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  node.className = `live ${state.live ? "on" : ""}`;
  replaceChildren(
    node, h("span", { class: "live-dot", "aria-hidden": "true" }), h("span", { class: "live-words" }, words)
  );
}

const panes = [
  slackPane(document.getElementById("slack")), phonePane(document.getElementById("telegram")), shopPane(document.getElementById("shop")),
  drawModal, drawTabs, drawLive, () => tellNews(showAnswer),
];
for (const draw of panes) subscribe(draw);

replaceChildren(document.getElementById("brand-mark"), icon("bell", 18));
themeSwitch(document.getElementById("theme"));
const callsButton = document.getElementById("calls-toggle");
replaceChildren(callsButton, icon("panel"));
callsDrawer(document.body, callsButton);
setInterval(tick, 1000);

await start();
document.body.dataset.ready = "true";
set({});
