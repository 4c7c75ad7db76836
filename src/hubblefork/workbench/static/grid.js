// Images in rows as wide as the page, of which only those near the window exist as elements.
import { element, percent } from "./elements.js";
import { get, imageAddress, post, tell } from "./server.js";

const GAP = 10;
const CAPTION = 40;
// Elements are few on any screen: tiles grow with the window.
const MOST_TILES = 60;
const SMALLEST = 104;

export class Grid {
  // list: the element. options: { about, rater, showModel, address(row), offer(rows) }.
  constructor(list, options) {
    Object.assign(this, { list, options, rows: [], tiles: new Map(), facts: new Map() });
    this.at = 0;
    addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(list);
    list.addEventListener("keydown", (event) => this.key(event));
  }

  // tells: whether to be among these rows tells of an image: it is shown once that is noted.
  show(rows, tells) {
    Object.assign(this, { rows, tells });
    this.at = 0;
    this.forget();
    this.measure();
  }

  // Draws again what may have other captions now.
  forget() {
    this.facts.clear();
    this.tiles.forEach((tile) => tile.remove());
    this.tiles.clear();
  }

  measure() {
    const width = this.list.clientWidth;
    let side = SMALLEST;
    for (;;) {
      this.across = Math.max(2, Math.floor((width + GAP) / (side + GAP)));
      this.side = (width - GAP * (this.across - 1)) / this.across;
      this.step = this.side + CAPTION + GAP;
      this.seen = Math.ceil(innerHeight / this.step) + 2;
      if (this.across * this.seen <= MOST_TILES || this.across === 2) break;
      side += 8;
    }
    const height = Math.ceil(this.rows.length / this.across) * this.step;
    this.list.style.height = `${height}px`;
    this.draw();
  }

  draw() {
    const top = scrollY - this.list.offsetTop;
    const first = Math.max(0, Math.floor(top / this.step) - 1) * this.across;
    const last = Math.min(this.rows.length, first + this.across * this.seen);
    for (const [place, tile] of this.tiles) {
      if (place >= first && place < last) continue;
      tile.remove();
      this.tiles.delete(place);
    }
    for (let place = first; place < last; place += 1) {
      if (!this.tiles.has(place)) this.tiles.set(place, this.make(place));
      const tile = this.tiles.get(place);
      tile.style.width = `${this.side}px`;
      tile.style.transform = `translate(${(place % this.across) * (this.side + GAP)}px, ` +
        `${Math.floor(place / this.across) * this.step}px)`;
    }
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), 60);
  }

  make(place) {
    const row = this.rows[place];
    const link = element("a", {
      href: this.options.address(row), tabindex: place === this.at ? "0" : "-1",
    }, element("img", { alt: `Image ${row}` }));
    const tile = element("li", {}, link);
    if (!this.tells) link.firstChild.src = imageAddress(this.options.about, row);
    if (this.facts.has(row)) this.caption(link, this.facts.get(row));
    // In the order of the places, for the keyboard and for those who are read to.
    const after = [...this.tiles.keys()].filter((each) => each > place).sort((a, b) => a - b)[0];
    this.list.insertBefore(tile, this.tiles.get(after) || null);
    return tile;
  }

  // Asks for the captions that are missing once scrolling rests.
  async ask() {
    const wanted = [...this.tiles.keys()].map((place) => this.rows[place])
      .filter((row) => !this.facts.has(row));
    if (!wanted.length) return;
    const { showModel, rater } = this.options;
    const known = this.facts;
    try {
      if (this.tells) await this.options.offer(wanted);
      const told = (await get("/api/tiles", { rows: wanted.join() })).tiles;
      const predicted = showModel()
        ? (await post("/api/shown", { rater: rater(), rows: wanted })).tiles : [];
      told.forEach((each, k) => known.set(each.row, { ...each, ...predicted[k] }));
    } catch (error) {
      tell(error);
      return;
    }
    for (const [place, tile] of this.tiles) {
      const row = this.rows[place];
      if (known.has(row)) this.caption(tile.firstChild, known.get(row));
    }
  }

  key(event) {
    const steps = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across,
      Home: -this.at, End: this.rows.length - 1 - this.at,
    };
    const to = this.at + steps[event.key];
    if (!(to >= 0 && to < this.rows.length)) return;
    event.preventDefault();
    this.tiles.get(this.at)?.firstChild.setAttribute("tabindex", "-1");
    this.at = to;
    const top = this.list.offsetTop + Math.floor(to / this.across) * this.step;
    const hidden = top < scrollY || top + this.step > scrollY + innerHeight;
    if (hidden) scrollTo(0, top - innerHeight / 3);
    this.draw();
    const link = this.tiles.get(to).firstChild;
    link.setAttribute("tabindex", "0");
    link.focus({ preventScroll: true });
  }

  // Two lines below an image: what it is called, and what the model says, if that is to be seen.
  caption(link, told) {
    if (link.childElementCount > 1) return;
    const model = told.prediction === undefined
      ? told.id : `${told.prediction}, ${percent(told.probability)}`;
    link.title = told.id;
    link.firstChild.src = imageAddress(this.options.about, told.row);
    link.firstChild.alt = `Image ${told.id}`;
    link.append(element("span", {}, told.label || told.id), element("small", {}, model));
  }
}
