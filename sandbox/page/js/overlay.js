// What lies over the page: modal dialogs (focus kept inside, Esc closes, focus returns) and menus (arrow keys).

import { append, focusables, h, newId } from "./dom.js";
import { icon } from "./icons.js";

const open = [];

function keepFocus(event, box) {
  const all = focusables(box);
  if (!all.length) return;
  const first = all[0];
  const last = all[all.length - 1];
  const inside = box.contains(document.activeElement);
  if (event.shiftKey && (!inside || document.activeElement === first)) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && (!inside || document.activeElement === last)) {
    event.preventDefault();
    first.focus();
  }
}

document.addEventListener("keydown", (event) => {
  const top = open[open.length - 1];
  if (!top) return;
  if (event.key === "Escape" && !event.defaultPrevented) {
    event.preventDefault();
    event.stopImmediatePropagation();
    top.onEscape();
  } else if (event.key === "Tab" && top.trap) keepFocus(event, top.box);
});

/**
 * Shows `box` over the page. `onEscape` is also called for a press outside it. Gives a function that takes it away
 * and puts the focus back where it was.
 */
export function layer(box, { onEscape, trap = true, inside = document.body, className = "" }) {
  const before = document.activeElement;
  const cover = h("div", { class: `cover ${className}` }, box);
  cover.addEventListener("mousedown", (event) => {
    if (event.target === cover) onEscape();
  });
  const held = { box, trap, onEscape };
  open.push(held);
  inside.append(cover);
  const target = box.querySelector("[autofocus]") ?? box.querySelector("input, textarea, select") ?? focusables(box)[0];
  (target ?? box).focus({ preventScroll: true });
  return () => {
    const at = open.indexOf(held);
    if (at < 0) return;
    open.splice(at, 1);
    cover.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  };
}

/** The frame of a dialog: title with a close button, body, foot. */
export function frame({ title, body, foot, onClose, testid, closeLabel = "Close", role = "dialog" }) {
  const id = newId("dialog");
  return h("div", { class: "dialog", role, "aria-modal": "true", "aria-labelledby": id, testid, tabindex: "-1" },
    h("header", { class: "dialog-head" },
      h("h2", { id, dir: "auto" }, title),
      h(
        "button", { type: "button", class: "icon-button", "aria-label": closeLabel, on: { click: onClose } },
        icon("close")
      )),
    body,
    foot && h("footer", { class: "dialog-foot" }, foot));
}

/** Asks before something counts; resolves to true or false. */
export function ask({ title, words, yes, no, danger = false, testid = "confirm" }) {
  return new Promise((resolve) => {
    const done = (answer) => {
      close();
      resolve(answer);
    };
    const box = frame({
      title, testid, role: "alertdialog", onClose: () => done(false),
      body: h("div", { class: "dialog-body" }, words),
      foot: [
        h("button", { type: "button", class: "button", testid: "confirm-no", on: { click: () => done(false) } }, no),
        h(
          "button",
          {
            type: "button", class: `button ${danger ? "danger solid" : "primary"}`, testid: "confirm-yes",
            autofocus: true, on: { click: () => done(true) }
          },
          yes
        ),
      ],
    });
    box.classList.add("small");
    const close = layer(box, { onEscape: () => done(false) });
  });
}

function place(menu, anchor) {
  const from = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const room = { x: window.innerWidth - 8, y: window.innerHeight - 8 };
  const below = from.bottom + 4 + height <= room.y;
  const top = below ? from.bottom + 4 : Math.max(8, from.top - 4 - height);
  const start = from.left + width <= room.x ? from.left : from.right - width;
  menu.style.left = `${Math.max(8, Math.min(start, room.x - width))}px`;
  menu.style.top = `${top}px`;
}

function moveIn(menu, event) {
  const items = [...menu.querySelectorAll('[role^="menuitem"]')];
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key in steps) {
    event.preventDefault();
    items[(steps[event.key] + items.length) % items.length].focus();
  } else if (event.key.length === 1 && event.key !== " ") {
    const letter = event.key.toLowerCase();
    const next = [
      ...items.slice(at + 1), ...items.slice(0, at + 1)
    ].find((one) => one.textContent.trim().toLowerCase().startsWith(letter));
    next?.focus();
  }
}

/** A menu at a control. Items: {label, note?, icon?, url?, checked?, testid?, pick}. */
export function menu(anchor, items, label) {
  const close = () => {
    anchor.setAttribute("aria-expanded", "false");
    take();
  };
  const item = (one) => {
    const pick = () => {
      close();
      one.pick();
    };
    const role = one.checked === undefined ? "menuitem" : "menuitemradio";
    return h("button", {
      type: "button", class: "menu-item", role, tabindex: "-1", testid: one.testid,
      "aria-checked": one.checked === undefined ? null : String(one.checked), on: { click: pick }
    },
      one.icon, h(
        "span", { class: "menu-words" }, h("span", { dir: "auto" }, one.label),
        one.note && h("small", { dir: "auto" }, one.note)
      ),
      one.checked && h("span", { class: "menu-check" }, icon("check", 16)));
  };
  const box = append(h("div", { class: "menu", role: "menu", "aria-label": label }), items.map(item));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Tab") close();
    else moveIn(box, event);
  });
  anchor.setAttribute("aria-expanded", "true");
  const take = layer(box, { onEscape: close, trap: false, className: "clear" });
  place(box, anchor);
  (box.querySelector('[aria-checked="true"]') ?? box.querySelector('[role^="menuitem"]'))?.focus();
}
