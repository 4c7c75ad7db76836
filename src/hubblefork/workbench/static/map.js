// A million points as pixels of one image: no WebGL is needed. Places are whole numbers below
// SIDE, x to the right and y downwards, as the server has them.
export const SIDE = 65536;
const MOST_CORNERS = 48;
// Pixels of the page within which a point is under the pointer.
const NEAR = 9;

export class ImageMap {
  // changed: called when the view has changed. under: with the row under the pointer or the cross,
  // or null. chosen: with the corners of an area. opened: with a row.
  constructor(canvas, { under, chosen, opened }) {
    Object.assign(this, { canvas, under, chosen, opened });
    // Pixels come from the processor each time: a canvas of the graphics card would be slower.
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this, { places: new Uint16Array(0), drawn: new Uint16Array(0), codes: null, colours: [], only: null });
    this.view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 };
    Object.assign(this, { at: null, area: [], drawing: null, lasso: false, row: null, pointer: null });
    new ResizeObserver(() => this.measure()).observe(canvas);
    this.listen();
  }

  show(places) {
    this.places = places;
    // Points of a source come class by class: in this order, none covers all of another. They are
    // laid out in it once, since reading a million here and there takes long.
    const number = places.length / 2;
    let stride = Math.max(1, Math.round(0.618 * number));
    while (divisor(stride, number) > 1) stride += 1;
    this.order = Uint32Array.from({ length: number }, (_, k) => (k * stride) % number);
    this.drawn = new Uint16Array(2 * number);
    this.order.forEach((row, k) => {
      this.drawn[2 * k] = places[2 * row];
      this.drawn[2 * k + 1] = places[2 * row + 1];
    });
    this.paint();
  }

  // codes: the group of each image, or null. colours: [r, g, b] of each group, then of no group,
  // and of those that are not in the one that is looked at, `only`.
  colour(codes, colours, only) {
    Object.assign(this, { colours, only });
    this.codes = codes && Uint8Array.from(this.order, (row) => codes[row]);
    this.paint();
  }

  measure() {
    const ratio = devicePixelRatio || 1;
    this.ratio = ratio;
    this.width = this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.height = this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    this.image = this.context.createImageData(this.width, this.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.who = new Uint32Array(this.width * this.height);
    this.paint();
  }

  // Pixels of the canvas for one unit of the map.
  get scale() {
    return (this.view.zoom * 0.97 * Math.min(this.width, this.height)) / SIDE;
  }

  // Paints at most once a frame.
  paint() {
    if (this.painting || !this.pixels || !this.colours.length) return;
    this.painting = requestAnimationFrame(() => {
      this.painting = null;
      this.paintNow();
    });
  }

  paintNow() {
    const { pixels, who } = this;
    const start = performance.now();
    pixels.fill(0);
    who.fill(0);
    const packed = this.colours.map(([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0);
    if (this.only === null) this.dots(packed, null, false);
    else {
      this.dots(packed.map(() => packed.at(-1)), this.only, false);
      this.dots(packed, this.only, true);
    }
    // Another image may lie under a pointer that rests.
    if (this.pointer) this.look(this.placeOf(...this.pointer), NEAR);
    else this.mark();
    performance.clearMeasures();
    performance.measure("map painted", { start });
  }

  // Dots of all images, or of those that are or are not of a group.
  dots(packed, only, those) {
    const { drawn, codes, pixels, who, width, height, scale } = this;
    const number = drawn.length / 2;
    const size = this.dot(number);
    const left = width / 2 - this.view.x * scale - size / 2;
    const top = height / 2 - this.view.y * scale - size / 2;
    const none = packed.at(-2);
    for (let k = 0; k < number; k += 1) {
      if (only !== null && (codes[k] === only) !== those) continue;
      const x = (drawn[2 * k] * scale + left) | 0;
      const y = (drawn[2 * k + 1] * scale + top) | 0;
      if (x < 0 || y < 0 || x + size > width || y + size > height) continue;
      const colour = codes ? packed[codes[k]] : none;
      for (let row = 0; row < size; row += 1) {
        const from = (y + row) * width + x;
        for (let pixel = from; pixel < from + size; pixel += 1) {
          pixels[pixel] = colour;
          who[pixel] = k + 1;
        }
      }
    }
  }

  // Pixels of the side of a dot: more where there are few, or where they are looked at closely.
  dot(number) {
    const room = Math.sqrt((0.12 * this.width * this.height) / Math.max(1, number));
    return Math.max(1, Math.min(6 * this.ratio, Math.round(room * this.view.zoom ** 0.6)));
  }

  // The dots as they were painted, and over them the area, the cross and the image that is shown.
  mark() {
    const { context, ratio } = this;
    if (!this.image) return;
    context.putImageData(this.image, 0, 0);
    const ink = getComputedStyle(this.canvas).color;
    Object.assign(context, { strokeStyle: ink, fillStyle: ink, lineWidth: 1.5 * ratio });
    const corners = this.drawing ?? this.area;
    if (corners.length) {
      context.beginPath();
      corners.forEach(([x, y], k) => context[k ? "lineTo" : "moveTo"](...this.pixelOf(x, y)));
      context.closePath();
      context.globalAlpha = 0.12;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
    if (this.row !== null) {
      context.beginPath();
      const place = this.pixelOf(this.places[2 * this.row], this.places[2 * this.row + 1]);
      context.arc(...place, this.dot(this.places.length / 2) / 2 + 4 * ratio, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.at && document.activeElement === this.canvas) {
      const [x, y] = this.pixelOf(...this.at);
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 5 * ratio * dx, y + 5 * ratio * dy);
        context.lineTo(x + 14 * ratio * dx, y + 14 * ratio * dy);
      }
      context.stroke();
    }
  }

  pixelOf(x, y) {
    return [(x - this.view.x) * this.scale + this.width / 2, (y - this.view.y) * this.scale + this.height / 2];
  }

  // The place at a point of the page, in the canvas.
  placeOf(x, y) {
    return [
      (x * this.ratio - this.width / 2) / this.scale + this.view.x,
      (y * this.ratio - this.height / 2) / this.scale + this.view.y,
    ];
  }

  // The image of the nearest dot, among those not further than some pixels of the page.
  rowAt(place, near) {
    const [cx, cy] = this.pixelOf(...place).map(Math.round);
    const reach = Math.round(near * this.ratio);
    let best = Infinity;
    let row = null;
    for (let y = Math.max(0, cy - reach); y <= Math.min(this.height - 1, cy + reach); y += 1) {
      for (let x = Math.max(0, cx - reach); x <= Math.min(this.width - 1, cx + reach); x += 1) {
        const distance = (x - cx) ** 2 + (y - cy) ** 2;
        const found = this.who[y * this.width + x];
        if (found && distance < best) [best, row] = [distance, this.order[found - 1]];
      }
    }
    return row;
  }

  look(place, near) {
    const row = this.rowAt(place, near);
    const changed = row !== this.row;
    this.row = row;
    this.mark();
    if (changed) this.under(row);
  }

  // Zooms so that a place stays where it is.
  zoom(by, [x, y] = [this.view.x, this.view.y]) {
    const zoom = Math.max(1, Math.min(200, this.view.zoom * by));
    const less = 1 - this.view.zoom / zoom;
    this.view = { x: this.view.x + (x - this.view.x) * less, y: this.view.y + (y - this.view.y) * less, zoom };
    this.paint();
  }

  whole() {
    this.view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 };
    this.paint();
  }

  finish() {
    const corners = thinned(this.drawing ?? []);
    this.drawing = null;
    if (corners.length > 2) this.chosen(corners);
    this.mark();
  }

  listen() {
    const { canvas } = this;
    let from = null;
    const inCanvas = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
    };
    const place = (event) => this.placeOf(...inCanvas(event));
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, moved: false };
      this.at = this.pointer = null;
      if (this.lasso || event.shiftKey) this.drawing = [place(event).map(onMap)];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) {
        this.pointer = inCanvas(event);
        this.look(place(event), NEAR);
        return;
      }
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(dx, dy) < 4) return;
      Object.assign(from, { x: event.clientX, y: event.clientY, moved: true });
      if (this.drawing) {
        this.drawing.push(place(event).map(onMap));
        this.mark();
      } else {
        this.view.x -= (dx * this.ratio) / this.scale;
        this.view.y -= (dy * this.ratio) / this.scale;
        this.paint();
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!from) return;
      const { moved } = from;
      from = null;
      if (this.drawing) this.finish();
      else if (!moved) {
        this.look(place(event), NEAR);
        // A finger has no place to rest: its first touch shows the image.
        if (this.row !== null && event.pointerType === "mouse") this.opened(this.row);
      }
    });
    canvas.addEventListener("pointercancel", () => {
      from = this.drawing = null;
      this.mark();
    });
    canvas.addEventListener("pointerleave", () => {
      this.row = this.pointer = null;
      this.mark();
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), place(event));
    }, { passive: false });
    canvas.addEventListener("blur", () => this.mark());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (steps[event.key]) {
      this.pointer = null;
      const step = ((event.shiftKey ? 60 : 10) * this.ratio) / this.scale;
      this.at ??= [this.view.x, this.view.y].map(onMap);
      this.at = this.at.map((each, k) => onMap(each + step * steps[event.key][k]));
      this.follow();
      if (this.drawing) this.drawing = rectangle(this.drawing[0], this.at);
      this.look(this.at, 30);
    } else if (event.key === "Enter" && this.row !== null) this.opened(this.row);
    else return;
    event.preventDefault();
  }

  // Begins an area at the cross, or ends it there.
  areaByKeys() {
    if (this.drawing) {
      this.finish();
      return;
    }
    this.at ??= [this.view.x, this.view.y].map(onMap);
    this.drawing = [this.at];
    this.canvas.focus();
    this.mark();
  }

  // Moves the map if the cross would leave the window.
  follow() {
    const edge = 20 * this.ratio;
    const sides = [this.width, this.height];
    this.pixelOf(...this.at).forEach((each, k) => {
      const beyond = each < edge ? each - edge : Math.max(0, each - sides[k] + edge);
      if (beyond) this.view["xy"[k]] += beyond / this.scale;
      if (beyond) this.paint();
    });
  }
}

// Whether a place is inside an area: exactly as the server finds it, since all are whole numbers.
export function inside(x, y, corners) {
  let within = false;
  for (let k = 0; k < corners.length; k += 1) {
    const [x0, y0] = corners[k];
    const [x1, y1] = corners[(k + 1) % corners.length];
    if ((y0 > y) === (y1 > y)) continue;
    const left = (x - x0) * (y1 - y0) < (x1 - x0) * (y - y0);
    if (left === (y1 > y0)) within = !within;
  }
  return within;
}

const onMap = (each) => Math.max(0, Math.min(SIDE - 1, Math.round(each)));
const rectangle = ([x0, y0], [x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

function thinned(corners) {
  const every = Math.ceil(corners.length / MOST_CORNERS);
  return corners.filter((_, k) => k % every === 0);
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}
