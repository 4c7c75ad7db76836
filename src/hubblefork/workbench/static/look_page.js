// The page of one image: large, with what is known of it, and if that is asked for, what the
// model says and why. The address says which image, among which, and what is asked for.
import { Display } from "./display.js";
import { element } from "./elements.js";
import { query } from "./filters.js";
import { offer } from "./offer.js";
import { rater } from "./rater.js";
import { get, imageAddress, post, tell } from "./server.js";
import { drawTold, drawWhy } from "./told.js";

const at = (id) => document.getElementById(id);
const about = await get("/api/about");
const display = new Display(at("display"), showAs);

let [rows, tells] = [[], false];
let picture = null;

const words = () => new URLSearchParams(location.search);
const row = () => Number(words().get("at") ?? rows[0]);

function address(path, changes) {
  const next = words();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return next.size ? `${path}?${next}` : path;
}

const lookAt = (other) => address("/look", { at: other });

function go(other) {
  if (other === undefined) return;
  history.replaceState(null, "", lookAt(other));
  draw();
}

function ask(what) {
  if (!about.model) return;
  const now = words().get("show");
  const less = what === "why" ? "model" : null;
  const on = now === what || (what === "model" && now === "why");
  history.replaceState(null, "", address("/look", { show: on ? less : what }));
  draw();
}

// Shows the image from another address, or as it was packed.
function showAs(other) {
  tell(null);
  picture.src = other ?? imageAddress(about, row());
  // An image that fails does not say why.
  picture.onerror = () => get(picture.src).catch(tell);
}

async function draw() {
  const now = row();
  if (!Number.isInteger(now)) {
    at("place").textContent = "No image is left here.";
    return;
  }
  const place = rows.indexOf(now);
  const near = [rows[place - 1], rows[place + 1]];
  if (tells) await offer(about, [now]).catch(tell);
  if (row() !== now) return;
  picture = element("img", { src: imageAddress(about, now), alt: `Image ${now}` });
  at("image").replaceChildren(picture);
  at("image").dataset.row = now;
  at("place").textContent = place < 0 ? "" : `${(place + 1).toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  at("previous").disabled = near[0] === undefined;
  at("next").disabled = near[1] === undefined;
  for (const each of near) if (each !== undefined) new Image().src = imageAddress(about, each);
  try {
    const known = await get(`/api/image/${now}`).catch((error) => {
      at("image").replaceChildren();
      at("name").textContent = "No such image";
      throw error;
    });
    if (row() !== now) return;
    drawKnown(known);
    await display.of(now, known.counts);
    tell(null);
    await drawModel(now);
  } catch (error) {
    tell(error);
  }
}

function drawKnown(known) {
  picture.alt = `Image ${known.id}`;
  at("name").textContent = known.id;
  at("label").textContent = known.label;
  const facts = Object.entries(known.facts);
  const links = Object.entries(known.links);
  at("known").hidden = !facts.length && !links.length;
  at("facts").replaceChildren(...facts.flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, typeof value === "number" ? String(Number(value.toPrecision(9))) : value)]));
  at("links").hidden = !links.length;
  at("links").replaceChildren("In the sky: ", ...links.map(([name, href]) =>
    element("a", { href, target: "_blank", rel: "noreferrer noopener" }, name)));
}

async function drawModel(now) {
  const show = words().get("show");
  at("model").hidden = !about.model;
  at("show").setAttribute("aria-pressed", String(show === "model" || show === "why"));
  at("explain").setAttribute("aria-pressed", String(show === "why"));
  at("told").replaceChildren();
  at("why").replaceChildren();
  if (!about.model || !["model", "why"].includes(show)) return;
  const asked = { rater: rater(about), row: now };
  const current = () => row() === now && words().get("show") === show;
  const told = await post("/api/look", asked);
  if (!current()) return;
  at("told").replaceChildren(...drawTold(told));
  if (show !== "why") return;
  at("why").replaceChildren(element("p", { class: "note" }, "Looking for the reasons …"));
  const why = await post("/api/why", asked).catch((error) => {
    at("why").replaceChildren();
    throw error;
  });
  if (current()) at("why").replaceChildren(...drawWhy(why, `row-${now}`, about, lookAt));
}

const step = (by) => go(rows[rows.indexOf(row()) + by]);
const actions = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  m: () => ask("model"),
  w: () => ask("why"),
  l: () => { location.href = address("/label", { at: row(), show: null }); },
  Escape: () => {
    const show = words().get("show") ? "model" : null;
    location.href = address("/", { at: null, show });
  },
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
  if (event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  actions[event.key]();
});

at("previous").onclick = actions.ArrowLeft;
at("next").onclick = actions.ArrowRight;
at("show").onclick = actions.m;
at("explain").onclick = actions.w;
at("ask").onclick = actions.l;
at("back").onclick = actions.Escape;
try {
  ({ rows, tells } = await get("/api/rows", query()));
} catch (error) {
  tell(error);
}
await draw();
