// The page of all queues, and of what a second run corrects and breaks.
import { element } from "./elements.js";
import { rater } from "./rater.js";
import { get, tell } from "./server.js";

const number = (count) => count.toLocaleString("en");
const address = (page, name) => `${page}?${new URLSearchParams({ queue: name })}`;

// Options of commands are not broken after their hyphens.
const words = (text) => text.split(/(--[\w-]+)/).map((part, k) =>
  (k % 2 ? element("span", { class: "whole" }, part) : part));

function drawQueue(queue) {
  const title = element("h3", {}, queue.title, queue.tells && !queue.missing
    ? element("span", { role: "img", "aria-label": "tells of the prediction" }, " ◐") : "");
  if (queue.missing) {
    return element("li", { class: "missing" }, title, element("p", { class: "note" }, ...words(`Needs ${queue.missing}.`)));
  }
  const links = queue.images
    ? [element("a", { href: address("/label", queue.name), "aria-label": `Label: ${queue.title}` }, "Label"), " ",
      element("a", { href: address("/", queue.name), "aria-label": `Look at: ${queue.title}` }, "Look at them")] : [];
  return element("li", {}, title,
    element("p", {}, ...words(queue.text)),
    element("p", { class: "note" },
      queue.images ? `${number(queue.images)} images, ${number(queue.left)} to label. ` : "No image yet.", ...links));
}

function drawRuns(section, runs) {
  const [first, second] = runs.names;
  const row = (text, count, queue) => element("tr", {}, element("th", { scope: "row" }, text),
    element("td", {}, queue && count
      ? element("a", { href: address("/", queue), "aria-label": `${number(count)}: ${text}` }, number(count))
      : number(count)));
  section.replaceChildren(
    element("h2", { id: "two-runs" }, "Two runs"),
    element("p", { class: "note" },
      `${first}, then ${second}, on the ${number(runs.images)} test images that they have in common.`),
    element("table", {}, element("tbody", {},
      row("Both are right", runs.both),
      row("Corrected: only the second is right", runs.only_second, "corrected"),
      row("Broken: only the first is right", runs.only_first, "broken"),
      row("Neither is right", runs.neither))),
    element("p", { class: "note" },
      `McNemar’s exact test: p = ${runs.p_value < 1e-4 ? "< 0.0001" : Number(runs.p_value.toPrecision(2))}, `
      + "the probability of numbers that differ at least as much, for two runs that are equally good."));
  section.hidden = false;
}

try {
  const about = await get("/api/about");
  const { queues, runs } = await get("/api/queues", { rater: rater(about) });
  const there = [...queues.filter((each) => !each.missing), ...queues.filter((each) => each.missing)];
  document.getElementById("queues").replaceChildren(...there.map(drawQueue));
  if (runs) drawRuns(document.getElementById("runs"), runs);
} catch (error) {
  tell(error);
}
