// Who and what the sandbox is made of: people, channels, chats, commands. Read once from GET /control/world.

const ROLES = {
  stranger: "From another company", guest: "Guest, not on staff", owner: "Owner", support: "Support",
  finance: "Finance", ops: "Warehouse", viewer: "Viewer"
};

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1);
const listOf = (value) => (Array.isArray(value) ? value : value ? Object.values(value) : []);

function slackUser(raw) {
  const name = raw.name ?? raw.id;
  const role = raw.role ?? "";
  return {
    id: raw.id, name, shown: raw.real_name ?? raw.display_name ?? titled(name),
    team: raw.team ?? null, role: ROLES[role] ?? titled(String(role)), isBot: Boolean(raw.is_bot), isGuest: Boolean(raw.is_restricted),
  };
}

function channel(raw) {
  return {
    id: raw.id, name: raw.name ?? raw.id, topic: raw.topic?.value ?? raw.topic ?? raw.purpose ?? "",
    members: raw.members ?? null, isArchived: Boolean(raw.is_archived),
  };
}

function chat(raw) {
  const shown = [raw.first_name, raw.last_name].filter(Boolean).join(" ");
  return {
    id: raw.chat_id ?? raw.id, name: raw.name, shown: shown || titled(raw.name), short: raw.first_name ?? titled(raw.name), phone: raw.phone ?? "",
    isStaff: raw.is_staff ?? raw.role === "staff", isGroup: false, speaker: raw.name,
  };
}

/** A group of the staff is seen on the phone of the first of them. */
function group(raw, people) {
  return {
    id: raw.chat_id, name: raw.name, shown: raw.title ?? `Staff: ${raw.name}`, short: "Group", phone: "", isStaff: true, isGroup: true,
    speaker: people.find((one) => one.isStaff)?.name ?? "dan",
  };
}

function command(raw) {
  const name = raw.command ?? raw.name;
  return {
    name: name.startsWith("/") ? name : `/${name}`, hint: raw.usage_hint ?? raw.hint ?? raw.usage ?? "",
    words: raw.description ?? raw.help ?? "",
    subcommands: listOf(raw.subcommands ?? raw.sub_commands).map((one) =>
      typeof one === "string" ? { name: one, words: "", hint: "" }
        : {
          name: one.name ?? one.command, words: one.description ?? one.help ?? "",
          hint: one.usage_hint ?? one.usage ?? one.hint ?? ""
        }),
  };
}

export class World {
  /** `raw`: the answer of GET /control/world. */
  constructor(raw = {}) {
    const slack = raw.slack ?? raw;
    const telegram = raw.telegram ?? raw;
    this.shop = raw.shop?.name ?? raw.shop ?? slack.team?.name ?? "Nordlicht Shop";
    this.timeZone = raw.timezone ?? raw.time_zone ?? raw.shop?.timezone ?? "Europe/Berlin";
    this.users = listOf(slack.users ?? slack.people).map(slackUser).filter((one) => !one.isBot);
    this.channels = listOf(slack.channels).map(channel);
    const isGroup = (one) => Boolean(one.type) && one.type !== "private";
    const people = listOf(telegram.chats).filter((one) => !isGroup(one)).map(chat);
    this.chats = [...people, ...listOf(telegram.chats).filter(isGroup).map((one) => group(one, people))];
    this.commands = listOf(slack.commands ?? raw.commands).map(command);
    this.team = slack.team?.id ?? null;
    this.botId = slack.app?.bot_user ?? slack.bot_user_id ?? "U0OPSBELL";
    this.botName = slack.app?.name ?? "Opsbell";
    this.phoneBot = telegram.bot?.first_name ?? this.shop;
    this.formats = new Map();
  }

  user(nameOrId) {
    return this.users.find((one) => one.name === nameOrId || one.id === nameOrId) ?? null;
  }

  userName(nameOrId) {
    if (nameOrId === "bot" || nameOrId === this.botId) return titled(this.botName);
    return this.user(nameOrId)?.shown ?? nameOrId;
  }

  channel(nameOrId) {
    return this.channels.find((one) => one.id === nameOrId || one.name === nameOrId) ?? null;
  }

  /** Slack names the private chat of U0ADA with the app D0ADA; null for strangers of other teams. */
  directPlace(name) {
    const user = this.user(name);
    if (!user || (this.team && user.team && user.team !== this.team)) return null;
    return `D${user.id.slice(1)}`;
  }

  directOwner(place) {
    return place.startsWith("D") ? this.user(`U${place.slice(1)}`) : null;
  }

  channelName(nameOrId) {
    return this.channel(nameOrId)?.name ?? nameOrId;
  }

  chat(nameOrId) {
    return this.chats.find((one) => one.name === nameOrId || one.id === nameOrId) ?? null;
  }

  /** The shop's wall clock, whatever the browser's zone is. */
  format(instant, options) {
    const key = JSON.stringify(options);
    if (!this.formats.has(key)) {
      this.formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: this.timeZone, ...options }));
    }
    return this.formats.get(key).format(instant instanceof Date ? instant : new Date(instant));
  }

  relative(count, unit) {
    this.relatively ??= new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
    return this.relatively.format(count, unit);
  }

  time(instant) {
    return this.format(instant, { hour: "2-digit", minute: "2-digit" });
  }

  day(instant) {
    return this.format(instant, { weekday: "long", day: "numeric", month: "long" });
  }

  dateTime(instant) {
    return this.format(
      instant, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }
    );
  }
}
