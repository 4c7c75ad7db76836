// The page of all images.
import { drawFilters, query, shown } from "./filters.js";
import { Grid } from "./grid.js";
import { offer } from "./offer.js";
import { rater } from "./rater.js";
import { get, tell } from "./server.js";

const about = await get("/api/about");
const grid = new Grid(document.getElementById("grid"), {
  about,
  rater: () => rater(about),
  showModel: shown,
  offer: (rows) => offer(about, rows),
  address: (row) => {
    const words = query();
    words.set("at", row);
    if (shown()) words.set("show", "model");
    return `/look?${words}`;
  },
});

let asked = null;

async function load() {
  const words = query().toString();
  if (words === asked) {
    grid.forget();
    grid.draw();
    return;
  }
  asked = words;
  try {
    const { rows, tells } = await get("/api/rows", query());
    if (asked !== words) return;
    const of = rows.length === about.images ? "" : ` of ${about.images.toLocaleString("en")}`;
    document.getElementById("count").textContent = `${rows.length.toLocaleString("en")}${of} images`;
    document.querySelector('nav a[href^="/label"]').href = words ? `/label?${words}` : "/label";
    grid.show(rows, tells);
    tell(null);
  } catch (error) {
    asked = null;
    tell(error);
  }
}

const form = document.getElementById("filters");
addEventListener("popstate", () => {
  drawFilters(form, about, load);
  load();
});
drawFilters(form, about, load);
await load();
