// How the counts of a FITS file are shown. The model sees them as they were packed, whatever is
// chosen here.
import { element } from "./elements.js";
import { get } from "./server.js";

export class Display {
  // form: its element. show: called with the address of the image to show; null is as packed.
  constructor(form, show) {
    Object.assign(this, { form, show, row: null, chosen: { scale: "", limits: "percentiles", bands: null } });
    form.onsubmit = (event) => event.preventDefault();
  }

  // Offers the choice for an image, and shows it as was chosen for the one before.
  async of(row, counts) {
    this.row = row;
    this.form.hidden = !counts;
    if (!counts) return;
    if (!this.form.childElementCount || this.chosen.scale) {
      const told = await get(`/api/counts/${row}`);
      if (this.row !== row) return;
      this.draw(told);
    }
    this.change({});
  }

  draw({ bands, low, high }) {
    const { chosen } = this;
    chosen.bands ??= bands >= 3 ? "2,1,0" : "0";
    const one = Array.from({ length: bands }, (_, k) => [String(k), `band ${k}`]);
    const colours = bands >= 3 ? [["2,1,0", "2, 1, 0 as colour"], ["0,1,2", "0, 1, 2 as colour"]] : [];
    const numbers = ["zscale", "percentiles"].includes(chosen.limits) ? "" : chosen.limits;
    const own = element("input", {
      placeholder: `${short(low)}..${short(high)}`, autocomplete: "off",
      onchange: (event) => this.change({ limits: event.target.value.trim() || "percentiles" }),
    });
    own.value = numbers;
    this.form.replaceChildren(
      choice("Display", [["", "as the model sees it"], ["asinh", "asinh"], ["linear", "linear"]],
        chosen.scale, (scale) => this.change({ scale })),
      choice("Limits", [["percentiles", "0.5 to 99.5 %"], ["zscale", "zscale"]],
        numbers ? "percentiles" : chosen.limits, (limits) => { own.value = ""; this.change({ limits }); }),
      element("label", {}, element("span", {}, "or counts"), own),
      ...(bands > 1 ? [choice("Bands", [...colours, ...one], chosen.bands,
        (chosenBands) => this.change({ bands: chosenBands }))] : []));
  }

  change(to) {
    Object.assign(this.chosen, to);
    const { scale, limits, bands } = this.chosen;
    this.show(scale ? `/display/${this.row}?${new URLSearchParams({ scale, limits, bands })}` : null);
  }
}

function choice(title, pairs, value, changed) {
  const select = element("select", {
    "aria-label": title, onchange: (event) => changed(event.target.value),
  }, ...pairs.map(([name, text]) => element("option", { value: name }, text)));
  select.value = value;
  return element("label", {}, element("span", {}, title), select);
}

const short = (number) => (number === null ? "" : String(Number(number.toPrecision(3))));
