// The page of how far raters agree, with one another and with the labels of the images.
import { element, percent } from "./elements.js";
import { get, tell } from "./server.js";

const MEASURES = [
  ["observed_agreement", "Agreement"], ["cohen_kappa", "Cohen’s κ"], ["fleiss_kappa", "Fleiss’ κ"],
  ["krippendorff_alpha", "Krippendorff’s α"], ["gwet_ac1", "Gwet’s AC1"],
];

const cell = (name, value) => {
  if (value === null) return "–";
  return name === "observed_agreement" ? percent(value) : value.toFixed(3);
};

const grouped = (rows, key) => Map.groupBy(rows, key);

// A title, and below it a table that scrolls by itself where the window is narrow.
function table(title, titles, rows) {
  return [element("h3", {}, title),
    element("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": title }, element("table", {},
      element("thead", {}, element("tr", {},
        ...titles.map((each) => element("th", { scope: "col" }, each)))),
      element("tbody", {}, ...rows.map(([name, ...values]) => element("tr", {},
        element("th", { scope: "row" }, name), ...values.map((each) => element("td", {}, each)))))))];
}

function drawAgreement(place, rows) {
  const tables = [...grouped(rows, (each) => each.question)].flatMap(([question, own]) => {
    const measures = MEASURES.filter(([name]) => own.some((each) => each[name] !== null));
    return table(question, ["Raters", "Images", ...measures.map(([, title]) => title)],
      own.map((each) => [each.raters, String(each.images),
        ...measures.map(([name]) => cell(name, each[name]))]));
  });
  place.replaceChildren(...(tables.length
    ? [...tables, element("p", { class: "note" },
      element("a", { href: "/?queue=raters-differ" }, "Images on which raters differ"), " · ",
      element("a", { href: "/agreement.csv", download: true }, "All as CSV"))]
    : [element("p", {}, "No image has answers of two raters yet.")]));
}

function drawAgainst(place, rows, beside) {
  const [title, meaning] = beside === "Volunteers"
    ? ["Beside the volunteers", "the volunteers’ mean fraction of each answer, of those who were asked"]
    : ["Beside the labels", "the fraction with each label"];
  const tables = [...grouped(rows, (each) => `${each.rater}: ${each.question}`)].flatMap(([name, own]) => {
    const others = [...new Set(own.map((each) => each.other))];
    const answers = [...grouped(own, (each) => each.answer)].map(([answer, each]) =>
      [answer, String(each[0].images), ...each.map(({ fraction }) => percent(fraction))]);
    return table(name, ["Answer of the rater", "Images", ...others], answers);
  });
  place.replaceChildren(...(tables.length
    ? [element("h2", { id: "beside" }, title),
      element("p", { class: "note" }, `Of the images to which a rater gave an answer, ${meaning}. `,
      element("a", { href: "/?queue=labels-differ" }, "Images on which they differ")),
      ...tables] : []));
}

try {
  const { agreement, against, beside } = await get("/api/raters");
  drawAgreement(document.getElementById("agreement"), agreement);
  drawAgainst(document.getElementById("against"), against, beside);
} catch (error) {
  tell(error);
}
