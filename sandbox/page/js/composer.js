// The box in which a person writes in Slack: messages, and slash commands with completion.

import { h, newId, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { problemLine } from "./message.js";
import { actInTurn, dismiss, state } from "./store.js";

/** The sub-commands of a command: as listed, or read out of a hint such as "help | stock SKU | order NUMBER". */
function subcommands(command) {
  if (command.subcommands.length) return command.subcommands;
  if (!command.hint.includes("|")) return [];
  return command.hint.replace(/^\[|\]$/g, "").split("|").map((part) => {
    const [name, ...rest] = part.trim().split(/\s+/);
    return { name, hint: rest.join(" "), words: "" };
  }).filter((one) => /^[a-z][\w-]*$/.test(one.name));
}

/** What may be meant by the text before the caret: rows of {insert, label, hint, words}. */
function completions(typed, commands) {
  if (!typed.startsWith("/")) return [];
  const [first, ...rest] = typed.split(" ");
  if (!rest.length) {
    return commands.filter((one) => one.name.startsWith(first.toLowerCase()))
      .map((one) => ({ insert: `${one.name} `, label: one.name, hint: one.hint, words: one.words }));
  }
  const command = commands.find((one) => one.name === first.toLowerCase());
  if (!command || rest.length > 1) return [];
  return subcommands(command).filter((one) => one.name.startsWith(rest[0].toLowerCase()) && one.name !== rest[0].toLowerCase())
    .map((one) => ({
      insert: `${command.name} ${one.name} `, label: `${command.name} ${one.name}`, hint: one.hint, words: one.words
    }));
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

/**
 * A composer. `where()` gives {channel, thread_ts, spot, label}; `testid` names its field.
 * Gives {node, draw, focus}.
 */
export function composer(where, testid) {
  const listId = newId("commands");
  const field = h("textarea", {
    rows: 1, testid, dir: "auto", role: "combobox", "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list", spellcheck: "false",
  });
  const send = h(
    "button", { type: "submit", class: "send", "aria-label": "Send", testid: `${testid}-send` }, icon("send", 17)
  );
  const list = h("ul", { class: "completions", role: "listbox", id: listId, hidden: true, "aria-label": "Commands" });
  const problem = h("div");
  const form = h("form", { class: "composer" }, list, problem, h("div", { class: "composer-box" }, field, send));
  let rows = [];
  let chosen = 0;
  let dropped = false;

  const offer = () => {
    rows = dropped ? [] : completions(field.value, state.world.commands).slice(0, 9);
    chosen = Math.min(chosen, Math.max(0, rows.length - 1));
    list.hidden = !rows.length;
    field.setAttribute("aria-expanded", String(rows.length > 0));
    if (rows.length) field.setAttribute("aria-activedescendant", `${listId}-${chosen}`);
    else field.removeAttribute("aria-activedescendant");
    replaceChildren(list, rows.map((row, index) => h("li", {
      id: `${listId}-${index}`, role: "option", "aria-selected": String(index === chosen),
      on: { mousedown: (event) => { event.preventDefault(); take(index); } },
    }, h("strong", {}, row.label), row.hint && h("code", {}, row.hint), row.words && h(
      "span", { class: "quiet" }, row.words
    ))));
  };
  const take = (index) => {
    field.value = rows[index].insert;
    chosen = 0;
    field.focus();
    offer();
    grow(field);
  };
  const submit = async () => {
    const text = field.value.trim();
    const { channel, thread_ts: thread, spot } = where();
    if (!text) return;
    dropped = true;
    offer();
    const isCommand = text.startsWith("/");
    if (isCommand && thread) {
      state.problems.set(spot, `${text.split(" ")[0]} is not supported in threads. Sorry!`);
      draw();
      return;
    }
    const body = { user: state.me, channel, text, ...(thread ? { thread_ts: thread } : {}) };
    field.value = "";
    grow(field);
    const answer = await actInTurn(spot, isCommand ? "/control/slack/command" : "/control/slack/message", body);
    if (answer.error && !field.value) {
      field.value = text;
      grow(field);
    }
  };
  const onKey = (event) => {
    if (event.isComposing) return;
    if (rows.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length;
      offer();
    } else if (rows.length && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      take(chosen);
    } else if (rows.length && event.key === "Escape") {
      event.preventDefault();
      dropped = true;
      offer();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      const row = rows[chosen];
      if (row && !field.value.startsWith(row.insert.trim())) take(chosen);
      else submit();
    }
  };
  field.addEventListener("input", () => {
    dropped = false;
    grow(field);
    offer();
    if (state.problems.has(where().spot)) dismiss(where().spot);
  });
  field.addEventListener("keydown", onKey);
  field.addEventListener("blur", () => { dropped = true; offer(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });

  let drawn = "";
  function draw() {
    const { spot, label } = where();
    const version = JSON.stringify([spot, label, state.busy.get(spot), state.problems.get(spot)]);
    if (version === drawn) return;
    drawn = version;
    field.placeholder = label;
    field.setAttribute("aria-label", label);
    const busy = state.busy.has(spot);
    form.setAttribute("aria-busy", String(busy));
    form.classList.toggle("busy", busy);
    replaceChildren(problem, problemLine(spot));
  }
  return { node: form, draw, focus: () => field.focus() };
}
