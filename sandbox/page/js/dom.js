// DOM building. Every text becomes a text node here; nothing on this page ever parses markup from a string.

const SVG = "http://www.w3.org/2000/svg";

function setProperty(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
  } else if (name === "style") {
    for (const [key, one] of Object.entries(value)) {
      if (key.startsWith("--")) node.style.setProperty(key, one);
      else node.style[key] = one;
    }
  } else if (name === "testid") node.dataset.testid = value;
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Appends children; strings and numbers become text nodes, empty values vanish. */
export function append(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === true) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

/** An HTML element: h("p", {class: "x", on: {click}}, "text", otherNode). */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) setProperty(node, name, value);
  return append(node, ...children);
}

/** An SVG element, built like h(). */
export function s(tag, properties = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) setProperty(node, name, value);
  return append(node, ...children);
}

export function replaceChildren(node, ...children) {
  node.replaceChildren();
  return append(node, ...children);
}

/**
 * Makes `container` show `items` in order, touching only what changed.
 * `key(item)` names an item, `version(item)` says when its node must be drawn anew, `draw(item)` draws it.
 */
export function keyed(container, items, { key, version, draw }) {
  const known = container.keyedNodes ?? (container.keyedNodes = new Map());
  const wanted = new Set();
  let place = container.firstChild;
  for (const item of items) {
    const name = key(item);
    wanted.add(name);
    const now = version(item);
    let held = known.get(name);
    if (!held || held.version !== now) {
      const node = draw(item);
      const focused = held ? focusPath(held.node) : null;
      if (held) {
        if (place === held.node) place = node;
        held.node.replaceWith(node);
      }
      held = { node, version: now };
      known.set(name, held);
      if (focused) refocus(node, focused);
    }
    if (held.node === place) place = place.nextSibling;
    else container.insertBefore(held.node, place);
  }
  for (const [name, held] of known) {
    if (!wanted.has(name)) {
      held.node.remove();
      known.delete(name);
    }
  }
}

function focusPath(node) {
  const active = document.activeElement;
  if (!active || !node.contains(active)) return null;
  return active === node ? "" : active.dataset.focus ?? null;
}

function refocus(node, path) {
  const target = path ? node.querySelector(`[data-focus="${CSS.escape(path)}"]`) : node;
  (target ?? node).focus({ preventScroll: true });
}

export function focusables(root) {
  const all = root.querySelectorAll(
    'a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), select:not([disabled]), [tabindex="0"]',
  );
  return [...all].filter((node) => node.getClientRects().length > 0 && !node.closest("[inert]"));
}

let nextId = 0;
/** A document-unique id for aria references. */
export function newId(prefix) {
  nextId += 1;
  return `${prefix}-${nextId}`;
}
