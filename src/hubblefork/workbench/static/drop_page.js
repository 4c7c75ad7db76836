// Files that are dropped or chosen, sent one after another without their names.
import { element, percent } from "./elements.js";
import { rater } from "./rater.js";
import { answer, get, post } from "./server.js";
import { drawTold, drawWhy } from "./told.js";

const at = (id) => document.getElementById(id);
// Files may come before the answer: they wait for it.
const asked = get("/api/about");
const waiting = [];
let running = false;
let done = 0;

function add(files) {
  waiting.push(...files);
  run();
}

async function run() {
  if (running) return;
  running = true;
  const about = await asked;
  while (waiting.length) {
    const file = waiting.shift();
    at("count").textContent = `${done} predicted, ${waiting.length + 1} to go`;
    const item = element("li", { class: "card" }, element("h3", {}, file.name), element("p", { class: "note" }, "…"));
    at("results").prepend(item);
    try {
      const told = await answer(await fetch(`/api/uploads?${new URLSearchParams({ rater: rater(about) })}`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream", "X-Hubblefork": "1" },
        body: file,
      }));
      draw(item, file.name, told, about);
    } catch (error) {
      item.lastChild.replaceWith(element("p", { class: "care" }, error.message));
    }
    done += 1;
  }
  at("count").textContent = `${done} done`;
  running = false;
}

function draw(item, name, told, about) {
  const why = element("div", { "aria-live": "polite" });
  const button = element("button", { type: "button", onclick: () => explain(told.number, button, why, about) },
    "Why it says so");
  item.replaceChildren(
    element("h3", {}, name),
    element("div", { class: "one" },
      element("img", { src: `/upload/${told.number}`, alt: `${name} as the model sees it` }),
      element("div", {}, element("p", {}, element("b", {}, told.prediction), `, ${percent(told.probability)}`),
        ...(told.typicality !== null && told.typicality <= 0.01
          ? [element("p", { class: "care" }, "Unlike the training images: do not rely on it.")] : []),
        button)),
    element("details", {}, element("summary", {}, "All fractions"), ...drawTold(told)),
    why);
}

async function explain(number, button, why, about) {
  button.disabled = true;
  why.replaceChildren(element("p", { class: "note" }, "Looking for the reasons …"));
  try {
    const found = await post(`/api/uploads/${number}`, {});
    why.replaceChildren(...drawWhy(found, `upload-${number}`, about, (row) => `/look?at=${row}`));
  } catch (error) {
    why.replaceChildren(element("p", { class: "care" }, error.message));
    button.disabled = false;
  }
}

at("files").onchange = (event) => {
  add(event.target.files);
  event.target.value = "";
};
// Also beside the zone: a file that misses it would be opened instead of this page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  at("zone").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) at("zone").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  at("zone").classList.remove("over");
  add(event.dataTransfer.files);
});
if (!(await asked).model) {
  at("files").disabled = true;
  at("count").textContent = "There is no model: serve a run.";
}
