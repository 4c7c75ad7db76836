// The page of the loop: what the labels so far have taught, and the next images to label.
import { drawCurve } from "./curve.js";
import { element, percent } from "./elements.js";
import { rater } from "./rater.js";
import { get, post, tell } from "./server.js";

const at = (id) => document.getElementById(id);
const about = await get("/api/about");
const next = at("next");

async function load() {
  try {
    draw(await get("/api/loop", { rater: rater(about) }));
    next.disabled = false;
    (at("go").hidden ? next : at("go")).focus();
  } catch (error) {
    tell(error);
  }
}

function draw(told) {
  const { batch } = told;
  at("go").hidden = !batch?.left;
  if (batch?.left) {
    at("go").href = `/label?batch=${batch.number}`;
    at("go").textContent = `Go on with batch ${batch.number} (${batch.left} left)`;
  }
  const last = told.curve.at(-1);
  at("numbers").replaceChildren(
    card("Labels", told.labels.toLocaleString("en"), `of ${told.images.toLocaleString("en")} images`),
    card("Accuracy", last ? percent(last.accuracy) : "–", last
      ? `${percent(last.low)} to ${percent(last.high)} (95 % interval), of ${last.n} random images`
      : "known once random images of a second batch are labelled"),
    card("Temperature", told.random ? told.temperature.toFixed(2) : "–", told.random
      ? `of the calibration, from ${told.random} random images: their mean confidence of ` +
        `${percent(told.confidence)} becomes ${percent(told.calibrated)}`
      : "of the calibration, from random images"),
  );
  drawCurve(at("curve"), told.curve);
}

function card(title, value, meaning) {
  return element("div", { class: "card" }, element("dt", {}, title),
    element("dd", { class: "value" }, value), element("dd", { class: "meaning" }, meaning));
}

next.onclick = async () => {
  next.disabled = true;
  at("state").textContent = "Choosing images …";
  try {
    const { batch } = await post("/api/batch", { rater: rater(about) });
    location.href = `/label?batch=${batch}`;
  } catch (error) {
    tell(error);
    at("state").textContent = "";
    next.disabled = false;
  }
};

await load();
