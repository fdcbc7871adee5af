// Slack's blocks, as DOM nodes. `context`: {world, spot, busy, press(element, block, extra), input?(block)}.

import { chartBlock } from "./chart.js";
import { h } from "./dom.js";
import { element } from "./elements.js";
import { picture } from "./links.js";
import { markdown } from "./markdown.js";
import { plain, text } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { dataTable, plainTable } from "./table.js";

/** A picture of the web, or a file of the workspace named by its id. */
function imageAddress(one) {
  const { id, url } = one.slack_file ?? {};
  return one.image_url ?? url ?? (id ? `/slack/files/${encodeURIComponent(id)}/picture` : null);
}

function section(block, context) {
  const accessory = block.accessory && (block.accessory.type === "image"
    ? picture(imageAddress(block.accessory), block.accessory.alt_text, { class: "thumb" })
    : element(block.accessory, block, context));
  return h("div", { class: "section" },
    h("div", { class: "section-words" },
      block.text && text(block.text, context.world),
      block.fields && h(
        "div", { class: "fields" }, block.fields.map((field) => h("div", {}, text(field, context.world)))
      )),
    accessory && h("div", { class: "accessory" }, accessory));
}

function contextLine(block, context) {
  return h("div", { class: "context" }, block.elements.map((one) =>
    one.type === "image" ? picture(imageAddress(one), one.alt_text, { class: "tiny" }) : text(one, context.world)));
}

function image(block) {
  return h("figure", { class: "picture" },
    block.title && h("figcaption", { dir: "auto" }, plain(block.title)),
    picture(imageAddress(block), block.alt_text, { class: "photo" }));
}

function alertLine(block, context) {
  return h("div", { class: `alert-block ${block.level ?? "info"}`, role: "note" }, text(block.text, context.world));
}

function card(block, context) {
  return h("div", { class: "card-block" },
    block.hero_image && picture(imageAddress(block.hero_image), block.hero_image.alt_text, { class: "photo" }),
    block.title && h("strong", {}, text(block.title, context.world)),
    block.subtitle && h("div", { class: "quiet" }, text(block.subtitle, context.world)),
    block.body && text(block.body, context.world),
    block.actions && h("div", { class: "actions" }, block.actions.map((one) => element(one, block, context))));
}

function container(block, context) {
  const inner = blocks(block.child_blocks ?? block.blocks ?? [], context);
  const title = block.title && plain(block.title);
  if (!block.is_collapsible) return h("div", { class: "container-block" }, title && h("strong", {}, title), inner);
  return h(
    "details", { class: "container-block", open: !block.default_collapsed }, h("summary", {}, title || "Details"), inner
  );
}

const DRAW = {
  section,
  header: (block) => h("h3", { class: "header-block", dir: "auto" }, plain(block.text)),
  context: contextLine,
  divider: () => h("hr"),
  actions: (block, context) => h(
    "div", { class: "actions" }, block.elements.map((one) => element(one, block, context))
  ),
  context_actions: (block, context) => h(
    "div", { class: "actions" }, block.elements.map((one) => element(one, block, context))
  ),
  image,
  rich_text: (block, context) => richText(block, context.world),
  markdown: (block) => markdown(block.text),
  data_table: (block, context) => dataTable(block, context.world),
  table: (block, context) => plainTable(block, context.world),
  data_visualization: chartBlock,
  alert: alertLine,
  card,
  carousel: (block, context) => h(
    "div", { class: "carousel", tabindex: "0" }, (block.elements ?? []).map((one) => card(one, context))
  ),
  container,
  input: (block, context) => context.input?.(block) ?? null,
};

/** The blocks one after another; a kind this page does not know is named instead of hidden. */
export function blocks(list, context) {
  return list.map((block) => {
    const draw = DRAW[block.type];
    const node = draw ? draw(block, context) : h("div", { class: "quiet" }, `A block of type ${block.type}`);
    if (node instanceof Element && block.block_id) node.dataset.block = block.block_id;
    return node;
  });
}
