// Slack's data_table (sorted and paged by the reader) and its older table block.
// Wire form: docs.slack.dev/reference/block-kit/blocks/data-table-block, read 2026-11-23.

import { append, h, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { richText } from "./richtext.js";

const NUMBER = /^[-−+]?[€$£]?\s?\d[\d,.\s]*\s?(%|€|\$|£)?$/;
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function wordsOf(cell) {
  if (typeof cell === "string") return cell;
  if (cell.type === "raw_number") return cell.text ?? String(cell.value);
  if (cell.type === "rich_text") {
    const gather = (node) => (node.elements ? node.elements.map(gather).join("") : (node.text ?? node.name ?? ""));
    return gather(cell);
  }
  return cell.text ?? "";
}

function sortKey(cell) {
  if (cell.type === "raw_number" && typeof cell.value === "number") return cell.value;
  const words = wordsOf(cell).trim();
  const number = NUMBER.test(words) ? Number(words.replace("−", "-").replace(/[^\d.-]/g, "")) : Number.NaN;
  return Number.isNaN(number) ? words : number;
}

function compare(one, two) {
  const [left, right] = [sortKey(one), sortKey(two)];
  if (typeof left === "number" && typeof right === "number") return left - right;
  return collator.compare(String(left), String(right));
}

const drawCell = (cell, world) => (cell.type === "rich_text" ? richText(cell, world) : wordsOf(cell));

/** One data_table block: the first row names the columns. */
export function dataTable(block, world) {
  const [head, ...body] = block.rows;
  const size = block.page_size ?? 5;
  const header = block.row_header_column_index ?? 0;
  const isNumber = head.map((_, column) => body.length > 0 && body.every((row) => typeof sortKey(row[column]) === "number"));
  const shown = { page: 0, column: -1, down: false };
  const root = h("div", { class: "data-table" });
  const table = h("table", { class: "grid" });
  const foot = h("div", { class: "table-foot" });

  const sorted = () => {
    if (shown.column < 0) return body;
    const rows = [...body].sort((one, two) => compare(one[shown.column], two[shown.column]));
    return shown.down ? rows.reverse() : rows;
  };
  const sortBy = (column) => {
    if (shown.column === column && shown.down) shown.column = -1;
    else {
      shown.down = shown.column === column;
      shown.column = column;
    }
    shown.page = 0;
    draw();
    table.querySelectorAll("th button")[column]?.focus();
  };
  const turn = (step) => {
    shown.page += step;
    draw();
    const buttons = foot.querySelectorAll("button");
    const target = buttons[step > 0 ? 1 : 0];
    (target?.disabled ? buttons[step > 0 ? 0 : 1] : target)?.focus();
  };
  const headCell = (cell, column) => {
    const order = shown.column === column ? (shown.down ? "descending" : "ascending") : "none";
    return h("th", { scope: "col", class: isNumber[column] ? "number" : "", "aria-sort": order },
      h(
        "button", { type: "button", class: `sort ${order}`, on: { click: () => sortBy(column) } }, wordsOf(cell),
        icon("down", 12)
      ));
  };
  const bodyCell = (cell, column) =>
    h(
      column === header ? "th" : "td",
      {
        scope: column === header ? "row" : null,
        class: `${isNumber[column] ? "number" : ""} ${wordsOf(cell).length < 28 ? "short" : ""}`, dir: "auto"
      },
      drawCell(cell, world)
    );
  const pageButton = (label, name, step, off) =>
    h(
      "button",
      {
        type: "button", class: "icon-button small", "aria-label": label, disabled: off, on: { click: () => turn(step) }
      },
      icon(name, 14)
    );

  function draw() {
    const rows = sorted();
    const pages = Math.max(1, Math.ceil(rows.length / size));
    const first = shown.page * size;
    replaceChildren(table, h(
      "caption", { dir: "auto" }, block.caption
    ), h("thead", {}, h("tr", {}, head.map(headCell))),
      h("tbody", {}, rows.slice(first, first + size).map((row) => h("tr", {}, row.map(bodyCell)))));
    if (pages > 1) {
      replaceChildren(foot, h(
        "span", { "aria-live": "polite" }, `${first + 1}–${Math.min(first + size, rows.length)} of ${rows.length}`
      ),
        pageButton(
          "Rows before", "back", -1, shown.page === 0
        ), pageButton("More rows", "right", 1, shown.page === pages - 1));
    }
  }
  draw();
  return append(
    root, h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": block.caption }, table),
    body.length > size && foot
  );
}

/** One block of the older type "table": plain rows, alignment per column. */
export function plainTable(block, world) {
  const align = (column) => block.column_settings?.[column]?.align ?? "left";
  const line = (tag) => (row) => h("tr", {}, row.map((cell, column) =>
    h(tag, { style: { textAlign: align(column) }, dir: "auto" }, drawCell(cell, world))));
  const [head, ...body] = block.rows;
  return h("div", { class: "table-scroll", tabindex: "0" },
    h("table", { class: "grid" }, h("thead", {}, line("th")(head)), h("tbody", {}, body.map(line("td")))));
}
