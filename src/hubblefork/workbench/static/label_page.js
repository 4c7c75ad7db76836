// The page for labelling: one key answers, and the next image is there already.
import { drawCompared } from "./compared.js";
import { element } from "./elements.js";
import { query } from "./filters.js";
import { offer } from "./offer.js";
import { rater, setRater } from "./rater.js";
import { Saver } from "./saver.js";
import { get, imageAddress, tell } from "./server.js";
import { Walk } from "./walk.js";

// z, s and the arrow are taken; a question of more answers than keys has its buttons.
const KEYS = "1234567890qwertyuiopadfghjklxcvbnm";
const AHEAD = 3;

const at = (id) => document.getElementById(id);
const about = await get("/api/about");
const saver = new Saver((waiting) => {
  at("saved").textContent = waiting ? `${waiting} not stored yet` : "all stored";
});

let [rows, tells] = [[], false];
let offered = null;
let place = 0;
let walk = new Walk(about.questions);
let undoing = false;
let images = new Map();

function prepare() {
  const near = rows.slice(place, place + AHEAD + 1);
  images = new Map(near.map((row) => [row, images.get(row) || load(row)]));
}

function load(row) {
  // Nothing that names the image: an id may tell what the question asks.
  const image = element("img", { src: imageAddress(about, row), alt: `Image ${row}` });
  image.decode().catch(() => tell(`image ${row} cannot be shown`));
  return image;
}

function draw() {
  prepare();
  const row = rows[place];
  const question = row === undefined || !about.questions.length ? null : walk.question;
  at("image").replaceChildren(...(row === undefined ? [] : [images.get(row)]));
  at("image").dataset.row = row ?? "";
  if (tells && row !== undefined && row !== offered) {
    // Also where it is skipped here, and answered elsewhere.
    offered = row;
    offer(about, [row]).catch(tell);
  }
  at("place").textContent = row === undefined
    ? "No image is left to label here. "
    : `${(rows.length - place).toLocaleString("en")} to label`;
  if (row === undefined && query().has("batch")) {
    const link = element("a", { href: "/loop" }, "To the next batch");
    at("place").append(link);
    link.focus();
  }
  at("trail").textContent = walk.trail.join(" › ");
  at("question").textContent = question ? question.text : "Nothing to ask";
  at("choices").replaceChildren(...(question ? question.choices.map((choice, k) =>
    element("li", {}, element("button", { type: "button", onclick: () => choose(k) },
      element("kbd", {}, KEYS[k] || "·"), ` ${choice.text}`))) : []));
  at("back").disabled = !walk.steps.length;
}

function choose(k) {
  const row = rows[place];
  if (undoing || row === undefined || !walk.question?.choices[k]) return;
  walk.choose(k);
  if (walk.question) {
    draw();
    return;
  }
  const given = {
    rater: rater(about), row, answer: walk.answer, queue: offeredBy(row),
    key: crypto.getRandomValues(new Uint32Array(4)).join("-"),
  };
  next();
  saver.send("/api/answers", given)
    .then(({ compared }) => drawCompared(at("before"), about, compared));
}

// The queue and the filters, and of a queue whether the image was clicked, not given in its turn.
function offeredBy(row) {
  const words = query();
  const clicked = new URLSearchParams(location.search).get("at");
  if (words.has("queue") && clicked === String(row)) words.set("at", clicked);
  return words.toString();
}

function next() {
  place += 1;
  walk = new Walk(about.questions);
  draw();
}

async function undo() {
  if (undoing) return;
  undoing = true;
  const { row } = await saver.send("/api/undo", { rater: rater(about) });
  undoing = false;
  at("before").hidden = true;
  if (row === null) {
    at("saved").textContent = "nothing to undo";
    return;
  }
  if (rows[place - 1] === row) place -= 1;
  else rows.splice(place, 0, row);
  walk = new Walk(about.questions);
  draw();
}

async function start() {
  try {
    ({ rows, tells } = await get("/api/rows", { ...Object.fromEntries(query()), unanswered: rater(about) }));
    offered = null;
    tell(null);
  } catch (error) {
    rows = [];
    tell(error);
  }
  place = 0;
  const wanted = new URLSearchParams(location.search).get("at");
  if (wanted !== null) {
    // The image that was clicked comes first, even where it has been answered.
    const row = Number(wanted);
    const turn = rows.indexOf(row);
    rows = [row, ...rows.slice(turn + 1), ...rows.slice(0, Math.max(turn, 0))];
  }
  walk = new Walk(about.questions);
  draw();
}

const actions = {
  z: undo,
  s: () => rows[place] !== undefined && !undoing && next(),
  ArrowLeft: () => walk.back() && draw(),
  Backspace: () => walk.back() && draw(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) return;
  const action = actions[event.key];
  const k = event.key.length === 1 ? KEYS.indexOf(event.key) : -1;
  if (!action && k < 0) return;
  event.preventDefault();
  if (event.repeat) return;
  if (action) action();
  else choose(k);
});

at("undo").onclick = actions.z;
at("skip").onclick = actions.s;
at("back").onclick = actions.ArrowLeft;
at("back").hidden = about.questions.length < 2;
at("rater").value = rater(about);
at("rater").onchange = (event) => {
  setRater(event.target.value);
  event.target.value = rater(about);
  start();
};
await start();
