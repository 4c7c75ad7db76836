// The filters as a form, and as the query of the page's address, which is their only state.
import { element } from "./elements.js";

// These have a control from the start; one for any other column is added from a list.
const ALWAYS = ["label", "prediction", "probability", "typicality", "set_size"];

// The query of the address, without what is no filter.
export function query() {
  const words = new URLSearchParams(location.search);
  for (const name of ["show", "at"]) words.delete(name);
  return words;
}

export const shown = () => new URLSearchParams(location.search).get("show") === "model";

// Draws the form; `changed` is called after the address has changed.
export function drawFilters(form, about, changed) {
  const words = new URLSearchParams(location.search);
  const columns = new Map(about.filters.map((each) => [each.name, each]));
  const drawn = [...columns.keys()].filter((name) => ALWAYS.includes(name) || words.has(name));
  const set = (name, value) => {
    const next = new URLSearchParams(location.search);
    if (value) next.set(name, value);
    else next.delete(name);
    if (!next.has("area")) next.delete("colour");  // of a choice in the map that holds no more
    history.pushState(null, "", next.size ? `?${next}` : location.pathname);
    changed();
  };
  const more = [...columns.values()].filter((each) => !drawn.includes(each.name));
  form.replaceChildren(
    choice("Queue", [["", "all images"], ...about.queues.map(({ name, title }) => [name, title])],
      words.get("queue") || "", (value) => set("queue", value)),
    ...drawn.map((name) => control(columns.get(name), words.get(name), set)));
  if (more.length) {
    form.append(choice("Another column", [["", "choose …"], ...named(more)], "", (name) => {
      const added = control(columns.get(name), null, set);
      form.querySelector(".more").before(added);
      added.querySelector("input, select").focus();
    }, "more"));
  }
  const down = [...columns.values()].map((each) => [`-${each.name}`, `${each.title}, largest first`]);
  form.append(choice("Order", [["", words.has("queue") ? "the queue’s" : "as they come"], ...named([...columns.values()]), ...down],
    words.get("order") || "", (value) => set("order", value)));
  if (words.has("area")) {
    const box = element("input", { type: "checkbox", onchange: () => set("area", "") });
    box.checked = true;
    form.append(element("label", { class: "check" }, box, " Only the area of the map"));
  }
  if (about.model) {
    const box = element("input", {
      type: "checkbox", onchange: (event) => set("show", event.target.checked ? "model" : ""),
    });
    box.checked = shown();
    form.append(element("label", { class: "check" }, box, " Show the model’s predictions"));
  }
  form.onsubmit = (event) => event.preventDefault();
}

const named = (columns) => columns.map((each) => [each.name, each.title]);

function control(column, value, set) {
  // What a catalogue calls its columns is shown as it is.
  const kind = column.name.startsWith("column.") ? "column" : "";
  if (column.kind === "choice") {
    const values = column.values.map((each) => [each, each || "(empty)"]);
    return choice(column.title, [["", "all"], ...values], value || "", (to) => set(column.name, to), kind);
  }
  const hint = column.kind === "number"
    ? `${short(column.low)}..${short(column.high)}` : "part of the text";
  const input = element("input", {
    "aria-label": column.title, placeholder: hint, autocomplete: "off", spellcheck: "false",
    onchange: (event) => set(column.name, event.target.value.trim()),
  });
  input.value = value || "";
  return element("label", { class: kind }, element("span", {}, column.title), input);
}

function choice(title, pairs, value, changed, kind = "") {
  const select = element("select", {
    "aria-label": title, onchange: (event) => changed(event.target.value),
  });
  // The options are made when they are wanted: a page of many columns has few nodes.
  const fill = () => {
    if (select.options.length >= pairs.length) return;
    select.replaceChildren(...pairs.map(([name, text]) => element("option", { value: name }, text)));
    select.value = value;
  };
  const now = pairs.find(([name]) => name === value) || pairs[0];
  select.append(element("option", { value: now[0] }, now[1]));
  for (const event of ["pointerdown", "focus", "keydown"]) select.addEventListener(event, fill);
  return element("label", { class: kind }, element("span", {}, title), select);
}

const short = (number) => (number === null ? "" : String(Number(number.toPrecision(3))));
