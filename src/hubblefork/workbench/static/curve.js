// The learning curve: accuracy against labels, with intervals, as SVG and as a table.
import { element, percent } from "./elements.js";

const MARGIN = { left: 56, right: 16, top: 14, bottom: 46 };

export function drawCurve(figure, curve) {
  figure.hidden = !curve.length;
  if (!curve.length) return;
  // As wide as the figure, so that letters have their size.
  const WIDTH = Math.max(260, Math.min(figure.clientWidth - 34, 860));
  const HEIGHT = Math.max(220, 0.42 * WIDTH);
  const most = Math.max(...curve.map((each) => each.labels)) * 1.05;
  const x = (labels) => MARGIN.left + (labels / most) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) => HEIGHT - MARGIN.bottom - value * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const last = curve.at(-1);
  const svg = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img",
    "aria-label": `Learning curve: accuracy of ${percent(last.accuracy)} ` +
      `(${percent(last.low)} to ${percent(last.high)}) with ${Math.round(last.labels)} labels`,
  });
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(
      shape("line", { class: "axis", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(value), y2: y(value) }),
      text(MARGIN.left - 8, y(value) + 4, "end", `${100 * value} %`));
  }
  for (const labels of ticks(most)) {
    svg.append(text(x(labels), HEIGHT - MARGIN.bottom + 20, "middle", labels.toLocaleString("en")));
  }
  svg.append(text((WIDTH + MARGIN.left) / 2, HEIGHT - 6, "middle", "labels"));
  svg.append(shape("polyline", {
    class: "line", points: curve.map((each) => `${x(each.labels)},${y(each.accuracy)}`).join(" "),
  }));
  for (const each of curve) {
    svg.append(
      shape("line", { class: "range", x1: x(each.labels), x2: x(each.labels), y1: y(each.low), y2: y(each.high) }),
      shape("circle", { cx: x(each.labels), cy: y(each.accuracy), r: 4 }));
  }
  figure.replaceChildren(svg,
    element("figcaption", {}, "Accuracy on images drawn at random, predicted before they were " +
      "labelled, with 95 % intervals; each point is of 20 images or more, the first one perhaps of fewer."),
    element("details", {}, element("summary", {}, "The same as a table"), table(curve)));
}

function table(curve) {
  const head = ["Labels", "Random images", "Accuracy", "95 % interval"];
  return element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...curve.map((each) => element("tr", {},
      element("td", {}, String(Math.round(each.labels))), element("td", {}, String(each.n)),
      element("td", {}, percent(each.accuracy)),
      element("td", {}, `${percent(each.low)} to ${percent(each.high)}`)))));
}

// About five round numbers from 0 on.
function ticks(most) {
  const step = [1, 2, 5].flatMap((each) => [1, 10, 100, 1000, 1e4, 1e5].map((ten) => each * ten))
    .sort((a, b) => a - b).find((each) => most / each <= 5.5);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, k) => k * step);
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(x, y, anchor, words) {
  const made = shape("text", { x, y, "text-anchor": anchor });
  made.append(words);
  return made;
}
