// Addresses that came in with messages: only harmless schemes become links or pictures.

import { h } from "./dom.js";

const LINKABLE = new Set(["http:", "https:", "mailto:", "tel:", "tg:"]);
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

function parsed(address) {
  try {
    return new URL(address, window.location.origin);
  } catch {
    return null;
  }
}

/** A link that opens elsewhere; with an unsafe address only its words remain. */
export function link(address, ...words) {
  const url = parsed(String(address ?? ""));
  if (!url || !LINKABLE.has(url.protocol)) return h("span", { class: "dead-link" }, ...words);
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...words);
}

/**
 * The address of a picture or file of this sandbox as this page must ask for it, or null.
 * The servers name themselves 127.0.0.1 while the page may be open as localhost, so loopback hosts lose theirs.
 */
export function ownFile(address) {
  const url = parsed(String(address ?? ""));
  if (!url) return null;
  if (url.protocol === "data:" || url.protocol === "blob:") return url.href;
  if (url.origin === window.location.origin) return url.href;
  if (url.protocol === "http:" && LOOPBACK.has(url.hostname) && url.port === window.location.port)
    return url.pathname + url.search;
  return null;
}

/** A picture, or its words in a quiet box when it lies outside the sandbox (the page loads nothing from elsewhere). */
export function picture(address, words, properties = {}) {
  const source = ownFile(address);
  if (!source) return h("span", { class: "no-picture", title: String(address ?? "") }, words || "picture");
  const image = h("img", { alt: words ?? "", loading: "lazy", decoding: "async", ...properties, src: source });
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "no-picture" }, words || "picture")));
  return image;
}
