// Line icons of one 20-unit grid, drawn for this page.

import { s } from "./dom.js";

const PATHS = {
  hash: "M7.5 3 6 17M14 3l-1.5 14M3.5 7.5h14M2.5 12.5h14",
  home: "M3 9.5 10 3l7 6.5M5 8v9h10V8M8.2 17v-4.6h3.6V17",
  chat: "M3 4.5h14v9.5H9l-4 3.2V14H3z",
  phone: "M6 2.5h8a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1zM9 15h2",
  shop: "M3 8.5 4.2 3.5h11.6L17 8.5M4 8.5V17h12V8.5M3 8.5c0 3 4.6 3 4.6 0 0 3 4.8 3 4.8 0 0 3 4.6 3 4.6 0M8 17v-4h4v4",
  close: "m5 5 10 10M15 5 5 15",
  back: "M12 4 6 10l6 6",
  down: "m5 8 5 5 5-5",
  right: "m8 5 5 5-5 5",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  send: "M3 10 17 3.5 12.5 17l-3-5.5zM9.5 11.5 17 3.5",
  clip: "m15.5 9.5-5.7 5.8a3.6 3.6 0 0 1-5.1-5.1l6-6.1a2.4 2.4 0 0 1 3.4 3.4l-6 6a1.2 1.2 0 0 1-1.7-1.7l5.3-5.3",
  reply: "M8 5 3.5 9.5 8 14M4 9.5h7.5a5 5 0 0 1 5 5V16",
  eye: "M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  sun: "M10 13.6a3.6 3.6 0 1 0 0-7.2 3.6 3.6 0 0 0 0 7.2zM10 1.8v1.6M10 16.6v1.6M1.8 10h1.6M16.6 10h1.6M4.2 4.2l1.1 1.1M14.7 14.7l1.1 1.1M15.8 4.2l-1.1 1.1M5.3 14.7l-1.1 1.1",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  auto: "M10 17a7 7 0 1 0 0-14zM10 3v14",
  reset: "M4 10a6 6 0 1 1 1.8 4.3M4 15.5v-4h4",
  check: "m4 10.5 4 4 8-9",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.8 1.8",
  file: "M5 2.5h6.5L15 6v11.5H5zM11.5 2.5V6H15",
  image: "M3 4h14v12H3zM3 13.5l4-4 3.5 3.5 2.5-2.5 4 4M12.8 7.4h.01",
  person: "M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5",
  people: "M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2 16.5c.5-3 2.6-4.4 5.5-4.4s5 1.4 5.5 4.4M13 4.2a2.6 2.6 0 0 1 0 5M15 12.4c1.7.6 2.7 1.9 3 4.1",
  camera: "M3 6h3.2L7.6 4h4.8l1.4 2H17v10H3zM10 13.6a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8z",
  alert: "M10 3 2.5 16.5h15zM10 8v4M10 14.3h.01",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9.2v4.2M10 6.6h.01",
  bell: "M10 2.8a4.9 4.9 0 0 1 4.9 4.9c0 4.4 1.6 5.8 1.6 5.8h-13s1.6-1.4 1.6-5.8A4.9 4.9 0 0 1 10 2.8zM8.4 16.2a1.7 1.7 0 0 0 3.2 0",
  panel: "M3 4h14v12H3zM8 4v12",
  sliders: "M3 6h8M15 6h2M13 4v4M3 14h2M9 14h8M7 12v4",
};

/** A decorative icon (hidden from readers); the label belongs to the control around it. */
export function icon(name, size = 18) {
  return s(
    "svg",
    { viewBox: "0 0 20 20", width: size, height: size, class: "icon", "aria-hidden": "true", focusable: "false" },
    s("path", { d: PATHS[name] ?? PATHS.info }),
  );
}
