// The input blocks of a modal: label, field, hint and the error that came back for it.
// What was typed is kept in `kept` (a Map by block), so that a redrawn modal does not lose it.

import { append, h, newId } from "./dom.js";
import { choices } from "./elements.js";
import { plain, text } from "./mrkdwn.js";
import { localOf, secondsOf } from "./wallclock.js";

const HTML_TYPES = {
  number_input: "number", email_text_input: "email", url_text_input: "url", datepicker: "date", timepicker: "time",
  datetimepicker: "datetime-local"
};

export const keyOf = (block) => block.block_id ?? block.element.action_id;

function initial(element, timeZone) {
  if (element.type === "datetimepicker" && element.initial_date_time) return localOf(
    element.initial_date_time, timeZone
  );
  const one = element.initial_value ?? element.initial_date ?? element.initial_time ?? element.initial_option?.value
    ?? element.initial_user ?? element.initial_channel ?? element.initial_conversation;
  if (one !== undefined) return one;
  const many = element.initial_options?.map((option) => option.value) ?? element.initial_users ?? element.initial_channels;
  return many ?? (isMany(element) ? [] : "");
}

const isMany = (element) => element.type === "checkboxes" || element.type.startsWith("multi_");
const isGroup = (element) => element.type === "checkboxes" || element.type === "radio_buttons";

function textField(element, properties) {
  const shared = {
    ...properties, placeholder: plain(element.placeholder) || null, maxlength: element.max_length, dir: "auto"
  };
  if (element.type === "plain_text_input" && element.multiline) return h("textarea", { ...shared, rows: 4 });
  const isNumber = element.type === "number_input";
  return h("input", {
    ...shared, type: HTML_TYPES[element.type] ?? "text", autocomplete: "off",
    min: isNumber ? element.min_value : null, max: isNumber ? element.max_value : null,
    step: isNumber ? (element.is_decimal_allowed ? "any" : "1") : null, inputmode: isNumber ? (element.is_decimal_allowed ? "decimal" : "numeric") : null,
  });
}

function selectField(element, properties, world, value) {
  const drawn = (option) => h("option", { value: option.value, selected: option.value === value }, option.words);
  const groups = choices(element, world).map((group) => (group.words ? h(
    "optgroup", { label: group.words }, group.options.map(drawn)
  ) : group.options.map(drawn)));
  return h(
    "div", { class: "select-field" },
    h("select", properties, h("option", { value: "" }, plain(element.placeholder) || "Choose"), groups)
  );
}

function groupField(element, world, value, name, described, keep) {
  const many = isMany(element);
  const options = choices(element, world).flatMap((group) => group.options);
  const source = element.options ?? [];
  const box = h("div", { class: "choices", role: many ? "group" : "radiogroup", "aria-describedby": described });
  const drawn = (option, index) => {
    const note = source[index]?.description;
    const input = h("input", {
      type: many ? "checkbox" : "radio", name, value: option.value,
      checked: many ? value.includes(option.value) : value === option.value, data: { focus: `${name}:${option.value}` },
    });
    input.addEventListener("change", () => {
      const chosen = [...box.querySelectorAll("input:checked")].map((one) => one.value);
      keep(many ? chosen : (chosen[0] ?? ""));
    });
    const words = source[index]?.text ? text(source[index].text, world) : option.words;
    return h("label", { class: "choice" }, input, h("span", {}, words, note && h("small", {}, text(note, world))));
  };
  return append(box, options.map(drawn));
}

/** One input block. `kept`: Map of what was typed; `error`: words from the app, or undefined. */
export function inputBlock(block, { world, kept, error, prefix, typed }) {
  const { element } = block;
  const key = keyOf(block);
  const id = newId("field");
  if (!kept.has(key)) kept.set(key, initial(element, world.timeZone));
  const keep = (value) => {
    kept.set(key, value);
    typed?.(block, value);
  };
  const notes = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || null;
  const properties = {
    id, class: "field", "aria-describedby": notes, "aria-invalid": error ? "true" : null, "aria-required": block.optional ? null : "true",
    data: { focus: key, block: key },
  };
  const value = kept.get(key);
  const grouped = isGroup(element) || element.type.startsWith("multi_");
  let field;
  if (grouped) field = groupField(element, world, value, `${prefix}-${key}`, notes, keep);
  else if (element.type.includes("select")) field = selectField(element, properties, world, value);
  else field = textField(element, properties);
  if (!grouped) {
    const control = field.matches("input, textarea, select") ? field : field.querySelector("select");
    control.value = value;
    control.addEventListener(control.tagName === "SELECT" ? "change" : "input", () => keep(control.value));
  }
  const label = [plain(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  return h(grouped ? "fieldset" : "div", { class: `input-block ${error ? "wrong" : ""}` },
    grouped ? h("legend", { dir: "auto" }, label) : h("label", { for: id, dir: "auto" }, label),
    field,
    error && h(
      "p", { class: "field-error", id: `${id}-error`, role: "alert", testid: "field-error", dir: "auto" }, error
    ),
    block.hint && h("p", { class: "hint", id: `${id}-hint`, dir: "auto" }, plain(block.hint)));
}

/** What the form now holds, by block; an empty one too, so that it can be emptied. Names what is missing. */
export function collect(list, kept, world) {
  const values = {};
  const errors = {};
  for (const block of list.filter((one) => one.type === "input")) {
    const key = keyOf(block);
    const value = kept.get(key) ?? initial(block.element, world.timeZone);
    const empty = Array.isArray(value) ? value.length === 0 : String(value).trim() === "";
    if (empty && !block.optional) errors[key] = "Please complete this required field.";
    else values[key] = !empty && block.element.type === "datetimepicker" ? secondsOf(value, world.timeZone) : value;
  }
  return { values, errors };
}
