// Slack's data_visualization block, drawn as SVG: bar, line, area and pie.
// Wire form: docs.slack.dev/reference/block-kit/blocks/data-visualization-block, read 2026-11-23.

import { h, s } from "./dom.js";

const WIDTH = 420;
const HEIGHT = 206;
const TOP = 14;
const BOTTOM = 34;
const RIGHT = 10;

const short = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });
const colour = (index) => `var(--series-${(index % 6) + 1})`;

/** Round steps of 1, 2, 2.5 or 5 times a power of ten: about four lines from `low` to `high`. */
function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => span / one <= 5);
  const lines = [];
  for (let at = Math.floor(low / step) * step; at < high + step * 0.999; at += step) lines.push(Number(at.toPrecision(12)));
  return lines;
}

function scaleOf(values, fromZero) {
  const low = Math.min(...values, fromZero ? 0 : Infinity);
  const high = Math.max(...values, fromZero ? 0 : -Infinity);
  const nearZero = low >= 0 && low < high * 0.6;
  const lines = ticks(fromZero || nearZero ? Math.min(0, low) : low, high);
  const [first, last] = [lines[0], lines[lines.length - 1]];
  const room = HEIGHT - TOP - BOTTOM;
  return { lines, y: (value) => TOP + room - ((value - first) / (last - first || 1)) * room };
}

function grid(scale, left) {
  return scale.lines.map((value) => [
    s(
      "line",
      { x1: left, x2: WIDTH - RIGHT, y1: scale.y(value), y2: scale.y(value), class: value === 0 ? "axis" : "gridline" }
    ),
    s("text", { x: left - 8, y: scale.y(value) + 4, class: "tick end" }, short.format(value)),
  ]);
}

function categoryLabels(labels, x, room) {
  const longest = Math.max(...labels.map((label) => label.length));
  const every = Math.max(1, Math.ceil((longest * 6.4 + 10) / room));
  return labels.map((label, index) =>
    (labels.length - 1 - index) % every === 0 && s(
      "text", { x: x(index), y: HEIGHT - BOTTOM + 18, class: "tick middle" }, label
    ));
}

function bars(series, labels, scale, x, room) {
  const group = Math.min(room * 0.72, 64);
  const width = group / series.length;
  const gap = Math.min(2, width * 0.12);
  const zero = scale.y(Math.max(0, scale.lines[0]));
  return series.flatMap((one, which) => labels.map((label, index) => {
    const value = one.values[index];
    if (value === null) return null;
    const y = scale.y(value);
    const bar = {
      x: x(index) - group / 2 + which * width + gap / 2, y: Math.min(y, zero), width: Math.max(1, width - gap),
      height: Math.max(1, Math.abs(zero - y)), rx: Math.min(3, width / 4), fill: colour(which), class: "mark",
    };
    return s("rect", bar, s("title", {}, `${one.name}, ${label}: ${exact.format(value)}`));
  }));
}

function path(points) {
  let pen = "M";
  return points.map((point) => {
    if (!point) {
      pen = "M";
      return "";
    }
    const part = `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

function curves(series, labels, scale, x, filled) {
  const floor = scale.y(Math.max(0, scale.lines[0]));
  return series.flatMap((one, which) => {
    const points = one.values.map((value, index) => (value === null ? null : [x(index), scale.y(value)]));
    const known = points.filter(Boolean);
    if (!known.length) return [];
    const dot = labels.length > 31 ? 1.6 : 3;
    return [
      filled && s(
        "path",
        { d: `${path(known)}L${known.at(-1)[0]} ${floor}L${known[0][0]} ${floor}Z`, fill: colour(which), class: "area" }
      ),
      s("path", { d: path(points), stroke: colour(which), class: "curve" }),
      points.map((point, index) => point && s("circle", {
        cx: point[0], cy: point[1], r: dot, fill: colour(which), class: "dot"
      },
        s("title", {}, `${one.name}, ${labels[index]}: ${exact.format(one.values[index])}`))),
    ];
  });
}

function plot(chart) {
  const labels = chart.axis_config?.categories ?? chart.series[0]?.data.map((point) => point.label) ?? [];
  const series = chart.series.map((one) => {
    const byLabel = new Map(one.data.map((point) => [point.label, point.value]));
    return {
      name: one.name, values: labels.map((label, index) => byLabel.get(label) ?? one.data[index]?.value ?? null)
    };
  });
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  if (!values.length) return h("p", { class: "quiet" }, "No figures yet");
  const isBar = chart.type === "bar";
  const scale = scaleOf(values, isBar || chart.type === "area");
  const left = 16 + Math.max(...scale.lines.map((line) => short.format(line).length)) * 7;
  const room = (WIDTH - RIGHT - left) / labels.length;
  const x = (index) => left + room * (index + 0.5);
  const marks = isBar ? bars(series, labels, scale, x, room) : curves(series, labels, scale, x, chart.type === "area");
  const words = series.map((one) => `${one.name}: ${labels.map((label, index) => `${label} ${one.values[index] ?? "none"}`).join(", ")}`);
  const svg = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": words.join(". ") };
  return s("svg", svg, grid(scale, left), categoryLabels(labels, x, room), marks);
}

function slice(from, to) {
  const at = (turn) => [100 + 84 * Math.sin(turn * 2 * Math.PI), 100 - 84 * Math.cos(turn * 2 * Math.PI)];
  const [[x1, y1], [x2, y2]] = [at(from), at(Math.min(to, from + 0.99999))];
  return `M100 100L${x1} ${y1}A84 84 0 ${to - from > 0.5 ? 1 : 0} 1 ${x2} ${y2}Z`;
}

function pie(chart) {
  const total = chart.segments.reduce((sum, one) => sum + one.value, 0) || 1;
  let turn = 0;
  const slices = chart.segments.map((one, index) => {
    const from = turn;
    turn += one.value / total;
    return s(
      "path", { d: slice(from, turn), fill: colour(index), class: "slice" },
      s("title", {}, `${one.label}: ${exact.format(one.value)}`)
    );
  });
  const words = chart.segments.map((one) => `${one.label} ${one.value}`).join(", ");
  return s("svg", { viewBox: "0 0 200 200", class: "plot pie", role: "img", "aria-label": words }, slices);
}

function legend(names) {
  return h("ul", { class: "legend" }, names.map((name, index) =>
    h("li", {}, h("span", { class: "swatch", style: { background: colour(index) } }), name)));
}

/** One data_visualization block. */
export function chartBlock(block) {
  const { chart } = block;
  const isPie = chart.type === "pie";
  const names = isPie
    ? chart.segments.map((one) => `${one.label} · ${exact.format(one.value)}`)
    : chart.series.map((one) => one.name);
  const axes = chart.axis_config ?? {};
  return h("figure", { class: "chart" },
    h(
      "figcaption", {}, h("strong", { dir: "auto" }, block.title),
      axes.y_label && h("span", { class: "quiet" }, axes.y_label)
    ),
    isPie ? pie(chart) : plot(chart),
    axes.x_label && h("div", { class: "x-label quiet" }, axes.x_label),
    (isPie || names.length > 1) && legend(names));
}
