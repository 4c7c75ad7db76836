// The page of the map. The address holds the column that gives the colours, the area and the group
// that are chosen; the page of all images takes the same address for its filters.
import { element, percent } from "./elements.js";
import { ImageMap, inside } from "./map.js";
import { colours } from "./map_colours.js";
import { offer } from "./offer.js";
import { rater } from "./rater.js";
import { answer, get, imageAddress, post, tell } from "./server.js";

const at = (id) => document.getElementById(id);
const words = () => new URLSearchParams(location.search);
const about = await get("/api/about");
const map = new ImageMap(at("map"), { under: showImage, chosen: (corners) => set("area", text(corners)), opened: open });
const columns = about.filters.filter((each) => each.kind !== "text");
const ofTheModel = new Set(about.of_the_model);

let groups = [];
let codes = null;
let places = null;

const column = () => words().get("colour") ?? (columns.some((each) => each.name === "label") ? "label" : "");
const corners = () => (words().get("area") ?? "").split("-").filter(Boolean).map((each) => each.split(".").map(Number));
const text = (area) => area.map((each) => each.join(".")).join("-");

function set(name, value) {
  const next = words();
  if (value) next.set(name, value);
  else next.delete(name);
  if (column()) next.set("colour", column());
  history.replaceState(null, "", next.size ? `?${next}` : location.pathname);
  draw();
}

// The group that is looked at alone: it is a filter of the address.
const only = () => {
  const found = groups.findIndex((each) => each.value !== null && each.value === words().get(column()));
  return found < 0 ? null : found;
};

async function recolour() {
  const name = column();
  // Of images that were pointed at before, the colour of their place tells.
  const before = ofTheModel.has(name) ? [...pointed] : [];
  for (let k = 0; k < before.length; k += 1000) await offer(about, before.slice(k, k + 1000), words());
  [groups, codes] = [[], null];
  if (name) {
    const told = await get("/api/map/groups", { column: name });
    const bytes = await binary(`/api/map/codes?${new URLSearchParams({ column: name })}`);
    if (column() !== name) return;
    [groups, codes] = [told.groups, new Uint8Array(bytes)];
  }
  draw();
}

function draw() {
  const chosen = only();
  const kind = columns.find((each) => each.name === column())?.kind;
  const own = colours(groups, kind === "number");
  map.area = corners();
  map.colour(codes, own, chosen);
  at("legend").replaceChildren(...groups.map((each, k) => {
    const swatch = element("i", {});
    swatch.style.background = `rgb(${own[k].join()})`;
    return element("li", {}, element("button", {
      type: "button", "aria-pressed": String(k === chosen), disabled: each.value === null,
      onclick: () => set(column(), k === chosen ? "" : each.value),
    }, swatch, element("span", {}, each.text), element("b", {}, each.count.toLocaleString("en"))));
  }));
  drawChosen(chosen);
}

function drawChosen(group) {
  const area = map.area;
  const some = area.length > 2 || group !== null;
  at("chosen").hidden = !some;
  const all = places.length / 2;
  at("count").textContent = `${all.toLocaleString("en")} images`;
  if (!some) return;
  let number = 0;
  for (let row = 0; row < all; row += 1) {
    if (group !== null && codes[row] !== group) continue;
    if (area.length < 3 || inside(places[2 * row], places[2 * row + 1], area)) number += 1;
  }
  at("open").href = `/${location.search}`;
  at("open").textContent = number === 1 ? "Open this image" : `Open these ${number.toLocaleString("en")} images`;
}

let asked = 0;
const facts = new Map();
const pointed = new Set();

async function showImage(row) {
  asked += 1;
  const now = asked;
  if (row === null) return;
  const picture = element("img", { alt: `Image ${row}` });
  if (!ofTheModel.has(column())) {
    picture.src = imageAddress(about, row);
    pointed.add(row);
  }
  const line = element("p", {}, "…");
  at("shown").replaceChildren(picture, line);
  // A pointer that passes over many images asks for the names of those it rests at.
  await new Promise((done) => setTimeout(done, 80));
  if (asked !== now) return;
  try {
    const told = await factsOf(row);
    if (asked !== now) return;
    picture.src = imageAddress(about, row);
    picture.alt = `Image ${told.id}`;
    const model = told.prediction === undefined ? [] : [element("br"), `Model: ${told.prediction}, ${percent(told.probability)}`];
    line.replaceChildren(element("a", { href: address(row) }, told.id), element("br"), told.label, ...model);
  } catch (error) {
    tell(error);
  }
}

// What the model says is asked for, and noted, only where its answers are the colours.
async function factsOf(row) {
  const model = ofTheModel.has(column());
  const key = `${row} ${model}`;
  if (!facts.has(key)) {
    const { tiles: [tile] } = await get("/api/tiles", { rows: row });
    const { tiles: [said] } = model ? await post("/api/shown", { rater: rater(about), rows: [row] }) : { tiles: [{}] };
    facts.set(key, { ...tile, ...said });
  }
  return facts.get(key);
}

function address(row) {
  const next = words();
  next.set("at", row);
  return `/look?${next}`;
}

function open(row) {
  location.href = address(row);
}

async function binary(path) {
  const response = await fetch(path);
  return response.ok ? response.arrayBuffer() : answer(response);
}

function clear() {
  const next = new URLSearchParams(column() ? { colour: column() } : {});
  Object.assign(map, { drawing: null, lasso: false });
  history.replaceState(null, "", next.size ? `?${next}` : location.pathname);
  drawLasso();
  draw();
}

function drawLasso() {
  at("lasso").setAttribute("aria-pressed", String(map.lasso));
  at("map").classList.toggle("area", map.lasso);
}

const actions = {
  "+": () => map.zoom(1.5, map.at ?? undefined),
  "-": () => map.zoom(1 / 1.5, map.at ?? undefined),
  0: () => map.whole(),
  a: () => map.areaByKeys(),
  Escape: clear,
};
actions["="] = actions["+"];

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
  if (event.target.matches("input, select, textarea") || !places) return;
  event.preventDefault();
  actions[event.key]();
});
at("closer").onclick = actions["+"];
at("further").onclick = actions["-"];
at("whole").onclick = actions[0];
at("clear").onclick = clear;
at("lasso").onclick = () => {
  map.lasso = !map.lasso;
  drawLasso();
};
at("colour").append(element("option", { value: "" }, "none"),
  ...columns.map((each) => element("option", { value: each.name }, each.title)));
at("colour").value = column();
at("colour").onchange = (event) => {
  const area = words().get("area");
  const next = new URLSearchParams({ colour: event.target.value, ...(area ? { area } : {}) });
  history.replaceState(null, "", `?${next}`);
  recolour().catch(tell);
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => places && draw());

try {
  at("count").textContent = "Looking for a place for each image; the first time this takes up to half a minute …";
  await post("/api/map", {});
  places = new Uint16Array(await binary("/api/map/places"));
  map.show(places);
  await recolour();
} catch (error) {
  at("count").textContent = "There is no map.";
  tell(error);
}
