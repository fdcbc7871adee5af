// Slack's :shortcodes: that shop messages use, as Unicode. An unknown code stays as it was typed.

const CODES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", alarm_clock: "⏰", airplane: "✈️", ambulance: "🚑",
  arrow_down: "⬇️", arrow_forward: "▶️", arrow_left: "⬅️", arrow_right: "➡️", arrow_up: "⬆️",
  arrows_counterclockwise: "🔄", ballot_box_with_check: "☑️", bank: "🏦", bar_chart: "📊", bell: "🔔", bulb: "💡",
  calendar: "📆", camera: "📷", cake: "🍰", card_index: "📇", chart_with_downwards_trend: "📉",
  chart_with_upwards_trend: "📈", clipboard: "📋", clock: "🕐", coffee: "☕", credit_card: "💳", date: "📅", eyes: "👀",
  euro: "💶", dollar: "💵", exclamation: "❗", factory: "🏭", file_folder: "📁", fire: "🔥", flag: "🚩", gear: "⚙️", gift: "🎁",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", house: "🏠", inbox_tray: "📥", information_source: "ℹ️", key: "🔑",
  label: "🏷️", large_blue_circle: "🔵", blue_circle: "🔵", large_green_circle: "🟢", large_orange_circle: "🟠",
  orange_circle: "🟠", large_yellow_circle: "🟡", yellow_circle: "🟡", red_circle: "🔴", white_circle: "⚪",
  black_circle: "⚫", large_purple_circle: "🟣", leftwards_arrow_with_hook: "↩️", link: "🔗", lock: "🔒", mag: "🔍",
  mailbox: "📫", memo: "📝", money_with_wings: "💸", moneybag: "💰", muscle: "💪", mute: "🔇", no_bell: "🔕",
  no_entry: "⛔", no_entry_sign: "🚫", ok_hand: "👌", outbox_tray: "📤", package: "📦", page_facing_up: "📄", paperclip: "📎",
  pencil: "✏️", phone: "☎️", pray: "🙏", pushpin: "📌", question: "❓", receipt: "🧾", recycle: "♻️", repeat: "🔁",
  rocket: "🚀", rotating_light: "🚨", scales: "⚖️", scroll: "📜", ship: "🚢", shopping_bags: "🛍️", shopping_cart: "🛒",
  shopping_trolley: "🛒", shield: "🛡️", sleeping: "😴", slightly_smiling_face: "🙂", smile: "😄", smiley: "😃", snowflake: "❄️",
  sos: "🆘", sparkles: "✨", speech_balloon: "💬", star: "⭐", stopwatch: "⏱️", sunny: "☀️", sunrise: "🌅", tada: "🎉",
  telephone_receiver: "📞", thinking_face: "🤔", timer_clock: "⏲️", truck: "🚚", articulated_lorry: "🚛", warning: "⚠️",
  wave: "👋", wastebasket: "🗑️", white_check_mark: "✅", heavy_check_mark: "✔️", white_large_square: "⬜", wrench: "🔧",
  x: "❌", zap: "⚡", zzz: "💤", heart: "❤️", herb: "🌿", christmas_tree: "🎄", hammer_and_wrench: "🛠️", customs: "🛃",
};

/** The character for a shortcode without its colons, or null. */
export function emoji(code) {
  return Object.hasOwn(CODES, code) ? CODES[code] : null;
}

/** Replaces the :codes: in plain_text, as Slack does when its "emoji" flag is on. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, code) => emoji(code) ?? whole);
}
