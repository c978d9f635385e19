/* The heap over time: a row for each page, time to the right, and the line of zeroedBase. Read next: lanes.js. */
const MOST_COLUMNS = 240;
const MOST_ROWS = 96;
const TOP = 2;
const GAP = 10;
const FOOT = 16;
/* Pixels of a letter, and a little more. */
const LETTER = 7;

/* Its name is an address, and the page is to hold none: the page has an empty drawing that knows it. */
const SVG = document.getElementById("drawing").namespaceURI;

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class OverTime {
  constructor(heap, last, pair, choose) {
    this.heap = heap;
    this.last = last;
    this.pair = pair;
    this.rows = heap.numbers.slice(0, MOST_ROWS);
    this.height = Math.max(5, Math.min(18, Math.floor(256 / this.rows.length)));
    this.positions = this.chosen();
    this.node = make("div", "overtime");
    this.tall = this.y(this.rows.length - 1) + this.height;
    this.margin = LETTER * (2 + String(this.rows[this.rows.length - 1]).length);
    this.svg = shape("svg", { class: "map", role: "img" });
    this.svg.setAttribute("aria-label", `Heap over time: ${this.rows.length} pages downwards, ${this.last} steps to the right`);
    this.svg.style.height = `${this.tall + FOOT}px`;
    this.node.append(make("p", "what", this.caption()), this.svg);
    this.svg.addEventListener("click", (event) => {
      const x = event.clientX - this.svg.getBoundingClientRect().left - this.margin;
      choose(Math.round((x / this.wide) * this.last));
    });
  }

  /* Every position of a short run; of a long one evenly many, the first and the last among them. */
  chosen() {
    const columns = Math.min(MOST_COLUMNS, this.last + 1);
    return Array.from({ length: columns }, (_, i) => Math.round((i * this.last) / Math.max(1, columns - 1)));
  }

  x(k) {
    return this.margin + (k / this.last) * this.wide;
  }

  /* Arenas stand apart by a gap. */
  y(row) {
    const gaps = new Set(this.rows.slice(0, row + 1).map((page) => this.heap.arenaOf.get(page))).size - 1;
    return TOP + row * this.height + gaps * GAP;
  }

  /* Drawn when the page stands: the first paint does not wait for it. Again when the window is another. */
  draw() {
    if (this.node.clientWidth === this.drawn) return;
    this.drawn = this.node.clientWidth;
    this.wide = this.drawn - this.margin - LETTER;
    this.svg.replaceChildren();
    this.states = this.states || this.positions.map((k) => this.heap.at(k));
    this.rows.forEach((page, row) => this.drawRow(page, row));
    for (const arena of this.heap.shape.arenas) this.drawLine(arena);
    this.pair.forEach((k, n) => { if (k) this.drawEnd(this.x(k), ENDS[n]); });
    [this.pointer, this.cursor] = ["pointer", "cursor"].map((name) => shape("line", { y1: 0, y2: this.tall, class: name }));
    this.svg.append(this.pointer, this.cursor); /* the chosen position lies over the other */
    if (this.k !== undefined) this.show(this.k);
  }

  drawEnd(x, name) {
    this.svg.append(shape("line", { x1: x, x2: x, y1: 0, y2: this.tall, class: "pair" }));
    this.text(x, this.tall + FOOT - 3, name, "name");
  }

  text(x, y, words, className) {
    const node = shape("text", { x, y, class: className });
    node.textContent = words;
    this.svg.append(node);
  }

  caption() {
    const more = this.heap.numbers.length - this.rows.length;
    const drawn = more > 0 ? `; ${more} more pages are not drawn` : "";
    return `Heap over time, pages downwards: dots are scavenged memory, thick edges dirty memory, the blue line is zeroedBase. Click to go there${drawn}.`;
  }

  /* Stretches in which the page stays the same are one rectangle. */
  drawRow(page, row) {
    const { states } = this;
    let from = 0;
    if (this.height > 9 || row % 8 === 0) this.text(this.margin - LETTER, this.y(row) + Math.min(this.height - 3, 10), String(page), "number");
    const look = (i) => {
      const now = states[i].get(page);
      return `${kind(now)} ${word(now)} ${now.scavenged ? "scavenged" : ""} ${now.dirty ? "dirty" : ""}`;
    };
    for (let i = 1; i <= states.length; i += 1) {
      if (i < states.length && look(i) === look(from)) continue;
      const end = i < states.length ? this.x(this.positions[i]) : this.x(this.last);
      this.drawStretch(states[from].get(page), row, this.x(this.positions[from]), end);
      from = i;
    }
  }

  drawStretch(page, row, x, end) {
    const place = { x, y: this.y(row), width: Math.max(0, end - x), height: this.height - 1 };
    const rect = shape("rect", { ...place, class: `stretch ${kind(page)}` });
    if (kind(page) === "owned") rect.dataset.hue = page.owners[0].span % HUES;
    this.svg.append(rect);
    const name = ["owned", "building", "twice", "cache"].includes(kind(page)) ? word(page) : "";
    if (name && this.height > 11 && place.width > LETTER * (name.length + 1)) this.text(x + LETTER, place.y + this.height - 4, name, "owner");
    if (page.scavenged) this.svg.append(shape("line", { x1: x, x2: end, y1: place.y + this.height / 2, y2: place.y + this.height / 2, class: "scavenged" }));
    if (page.dirty) this.svg.append(shape("rect", { ...place, y: place.y + this.height - 4, height: 3, class: "dirty" }));
  }

  drawLine(arena) {
    const first = this.rows.findIndex((page) => this.heap.arenaOf.get(page) === arena.index);
    if (first < 0) return;
    const inArena = this.rows.filter((page) => this.heap.arenaOf.get(page) === arena.index);
    const start = inArena[0] % this.heap.shape.pagesPerArena;
    const points = [];
    for (const k of this.positions) {
      if (Number.isNaN(this.heap.below(arena.index, k))) continue;
      const rows = Math.max(0, Math.min(inArena.length, this.heap.below(arena.index, k) - start));
      const y = this.y(first) + rows * this.height - 0.5;
      if (points.length) points.push(`${this.x(k)},${points[points.length - 1].split(",")[1]}`);
      points.push(`${this.x(k)},${y}`);
    }
    if (points.length) this.svg.append(shape("polyline", { points: points.join(" "), class: "zeroed" }));
  }

  /* The chosen position, and the one that is looked at. */
  show(k, seen = k) {
    this.k = k;
    if (!this.cursor) return;
    for (const end of ["x1", "x2"]) {
      this.cursor.setAttribute(end, this.x(k));
      this.pointer.setAttribute(end, this.x(seen));
    }
  }
}
