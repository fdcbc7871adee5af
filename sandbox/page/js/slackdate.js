// Slack's <!date^unix^format^link|fallback>, shown on the shop's clocks.
// Tokens: docs.slack.dev/messaging/formatting-message-text#date-formatting, read 2026-11-24.

import { h } from "./dom.js";
import { link } from "./links.js";
import { now } from "./store.js";

const LONG = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
const PLAIN = { day: "numeric", month: "long", year: "numeric" };
const SHORT = { day: "numeric", month: "short", year: "numeric" };

function pretty(instant, world, options) {
  const day = (at) => world.format(at, { day: "numeric", month: "numeric", year: "numeric" });
  const offset = (days) => new Date(now().getTime() + days * 86_400_000);
  for (const [days, word] of [
    [0, "today"], [-1, "yesterday"], [1, "tomorrow"]
  ]) if (day(offset(days)) === day(instant)) return word;
  return world.format(instant, options);
}

function ago(instant, world) {
  const seconds = (instant - now()) / 1000;
  const [unit, size] = [
    ["day", 86_400], ["hour", 3600], ["minute", 60]
  ].find(([, one]) => Math.abs(seconds) >= one) ?? ["second", 1];
  return world.relative(Math.round(seconds / size), unit);
}

const TOKENS = {
  date_num: (at, world) => world.format(at, { year: "numeric", month: "2-digit", day: "2-digit" }),
  date: (at, world) => world.format(at, PLAIN),
  date_short: (at, world) => world.format(at, SHORT),
  date_long: (at, world) => world.format(at, LONG),
  date_pretty: (at, world) => pretty(at, world, PLAIN),
  date_short_pretty: (at, world) => pretty(at, world, SHORT),
  date_long_pretty: (at, world) => pretty(at, world, LONG),
  day_divider_pretty: (at, world) => pretty(at, world, { weekday: "long", day: "numeric", month: "long" }),
  time: (at, world) => world.time(at),
  time_secs: (at, world) => world.format(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  ago,
};

/** The body between the angle brackets, without them; `fallback` shows when it cannot be read. */
export function slackDate(command, fallback, world) {
  const [, unix, format, address] = command.split("^");
  const instant = new Date(Number(unix) * 1000);
  if (!format || Number.isNaN(instant.getTime())) return h("time", {}, fallback);
  const words = format.replace(/\{(\w+)\}/g, (whole, token) => (Object.hasOwn(TOKENS, token) ? TOKENS[token](instant, world) : whole));
  const time = h("time", { datetime: instant.toISOString(), title: world.dateTime(instant) }, words);
  return address ? link(address, time) : time;
}
