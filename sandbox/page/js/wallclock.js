// Wall-clock arithmetic in the shop's zone.

function wall(instant, timeZone) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(instant);
  const at = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
}

/** Seconds from `instant` (a Date) to the next time the zone's clocks show hour:minute; always more than 0. */
export function secondsUntil(instant, timeZone, hour, minute) {
  const here = wall(instant, timeZone);
  const target = new Date(here);
  target.setUTCHours(hour, minute, 0, 0);
  if (target.getTime() <= here) target.setUTCDate(target.getUTCDate() + 1);
  // The zone's offset may change on the way, so the guess is put right once.
  const guess = new Date(instant.getTime() + (target.getTime() - here));
  const correction = target.getTime() - wall(guess, timeZone);
  return Math.round((guess.getTime() + correction - instant.getTime()) / 1000);
}

/** Seconds since 1970 of a "2026-11-24T09:30" read on the zone's clocks. */
export function secondsOf(local, timeZone) {
  const meant = Date.parse(`${local}Z`);
  const guess = meant - (wall(new Date(meant), timeZone) - meant);
  return Math.round((guess + meant - wall(new Date(guess), timeZone)) / 1000);
}

/** The zone's clocks at some seconds since 1970, as "2026-11-24T09:30". */
export function localOf(seconds, timeZone) {
  return new Date(wall(new Date(seconds * 1000), timeZone)).toISOString().slice(0, 16);
}
