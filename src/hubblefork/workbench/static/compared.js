// The answer to the image before, beside those of the model and of others.
import { element, percent } from "./elements.js";
import { imageAddress } from "./server.js";

export function drawCompared(section, about, told) {
  const facts = [];
  if (told.prediction !== undefined) facts.push(`Model: ${told.prediction}, ${percent(told.probability)}`);
  if (typeof told.typicality === "number") facts.push(`typicality ${told.typicality.toFixed(2)}`);
  if (typeof told.set_size === "number") facts.push(`${told.set_size} in the prediction set`);
  const head = element("tr", {}, element("th", { scope: "col" }, "Answer"),
    ...told.columns.map((name) => element("th", { scope: "col" }, name)));
  const tables = told.groups.map((group) => element("div", {
    class: "wide-table", tabindex: "0", role: "region", "aria-label": group.question,
  }, element("table", {},
    element("caption", {}, group.question),
    element("thead", {}, head.cloneNode(true)),
    element("tbody", {}, ...group.answers.map((each) => element("tr", {},
      element("th", { scope: "row" }, each.text),
      ...each.values.map((value) => element("td", {}, percent(value)))))))));
  section.replaceChildren(
    element("h2", {}, "The image before"),
    element("div", { class: "then" },
      element("img", { src: imageAddress(about, told.row), alt: `Image ${told.id}` }),
      element("p", {}, element("a", { href: `/look?at=${told.row}&show=model` }, told.id), element("br"), facts.join(" · "))),
    ...(tables.length > 1
      ? [element("p", { class: "note" }, "Fractions are of all, not only of those who were asked.")]
      : []),
    ...tables);
  section.hidden = false;
}
