// What the model says of an image, and why, as elements.
import { element, percent } from "./elements.js";
import { imageAddress } from "./server.js";

// told: as the server tells it. lookAt(row): the address of the page of an image.
export function drawTold(told) {
  const facts = [["Predicted", `${told.prediction}, ${percent(told.probability)}`]];
  if (told.set) facts.push([`Prediction set, ${percent(told.coverage).replace(".0", "")}`, told.set.join(" · ")]);
  if (typeof told.typicality === "number") facts.push(["Typicality", String(Number(told.typicality.toPrecision(3)))]);
  return [
    element("dl", { class: "known" }, ...facts.flatMap(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, value)])),
    ...told.groups.map((group) => table(group, told.columns)),
  ];
}

function table(group, columns) {
  return element("table", { class: "fractions" },
    element("caption", {}, group.question),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Answer"),
      ...columns.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...group.answers.map((each) => element("tr", {},
      element("th", { scope: "row" }, each.text),
      ...each.values.map((value) => element("td", {}, percent(value),
        element("meter", { min: 0, max: 1, value: value ?? 0, "aria-hidden": "true" })))))));
}

// key: that of the maps. lookAt(row): the address of the page of an image.
export function drawWhy(why, key, about, lookAt) {
  const maps = why.maps.map((map, k) => figure(`/map/${key}/${k}`,
    `Map of the evidence for ${map.name}`, map.empty ? `no evidence for ${map.name}` : `for ${map.text}`));
  const near = why.neighbours.map((each) => {
    const known = each.row !== null;
    const address = known ? imageAddress(about, each.row) : `/training/${each.place}`;
    const shown = figure(address, `Training image ${each.id}`, each.label,
      `similarity ${each.similarity.toFixed(3)}`);
    return known ? element("a", { href: lookAt(each.row) }, shown) : shown;
  });
  return [
    element("h3", {}, "Where the evidence is"),
    element("p", {}, why.sentences.join(" ")),
    element("div", { class: "tiles" }, ...maps),
    element("p", { class: "note" }, `By ${why.row.method}; area under the deletion curve ` +
      `${why.row.deletion_area.toFixed(3)}, in random order ${why.row.random_area.toFixed(3)}. ${why.why_method}`),
    ...(near.length ? [element("h3", {}, "Nearest training images"),
      element("div", { class: "tiles near" }, ...near)] : []),
  ];
}

function figure(address, alt, ...lines) {
  return element("figure", {}, element("img", { src: address, alt }),
    element("figcaption", {}, ...lines.flatMap((line, k) => (k ? [element("br"), line] : [line]))));
}
