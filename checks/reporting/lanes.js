/* The steps as lanes: one column per thread, time downwards. Read next: player.js. */
const ROW = 26;
const SPARE_ROWS = 8;
const MOST_OF_LAST = 48;
const ENDS = ["A", "B"];
const NARROW = 700;
/* From this width on the heap stands beside the lanes (player.css has the same). */
const BESIDE = 1100;
/* Lanes of a narrow window are as narrow as still says which access it is; the line above them says it whole. */
const WIDTHS = { wide: [20, 48, 26], beside: [16, 25, 16], narrow: [12, 18, 16] };

/* One column per thread, time downwards; only the rows in sight exist, so ten thousand steps stay quick. */
class Lanes {
  constructor(data, key, choose, peek) {
    this.data = data;
    this.key = key;
    this.threads = Object.keys(data.threads).map(Number).filter((t) => data.steps.some((step) => step[THREAD] === t));
    this.watched = new Set(data.watched);
    this.node = make("div", "lanes");
    this.node.tabIndex = 0;
    this.node.setAttribute("role", "listbox");
    this.node.setAttribute("aria-label", "Steps");
    this.rows = make("div", "rows");
    this.rows.style.height = `${(data.steps.length + 1) * ROW}px`;
    this.place();
    this.node.append(this.head(), this.rows);
    this.node.addEventListener("scroll", () => this.draw());
    this.rows.addEventListener("click", (event) => {
      const line = event.target.closest(".line");
      if (line) choose(Number(line.dataset.k));
    });
    this.k = 0;
    this.follow(peek);
  }

  /* Tells which row the mouse is moved over, once a frame at most, and null when it leaves. Rows that are scrolled under
     a mouse at rest are not meant: who uses the keys is not to be disturbed by it. */
  follow(peek) {
    let at = "", over = null, waiting = false;
    const tell = () => {
      waiting = false;
      peek(over);
    };
    const look = (found) => {
      if (found === over) return;
      over = found;
      if (!waiting) requestAnimationFrame(tell);
      waiting = true;
    };
    this.node.addEventListener("pointermove", (event) => {
      const place = `${event.clientX} ${event.clientY}`;
      if (event.pointerType === "touch" || place === at) return;
      at = place;
      const line = event.target.closest(".rows .line");
      look(line ? Number(line.dataset.k) : null);
    });
    this.node.addEventListener("pointerleave", () => look(null));
    this.forget = () => { over = null; };
  }

  /* All rows share one set of widths, or their columns would not line up; wider texts are cut, their title has them whole. */
  place() {
    const longest = (texts, least, most) => Math.min(most, texts.reduce((n, text) => Math.max(n, text.length), least));
    const [least, most, mostWatched] = WIDTHS[this.width()];
    const lanes = this.threads.map((thread) => {
      const texts = this.data.steps.filter((step) => step[THREAD] === thread).map((step) => this.said(step));
      const end = this.data.steps[this.data.steps.length - 1];
      const whole = this.width() === "beside" && end[THREAD] === thread ? Math.min(this.said(end).length, MOST_OF_LAST) : 0; /* it says what broke */
      return `${Math.max(whole, longest([`T${thread} ${this.data.threads[thread]}`, ...texts], least, most))}ch + ${this.data.pair.length && most > 20 ? 3.5 : 1.75}rem`;
    });
    const watched = this.data.columns.map((cell) => {
      const texts = this.data.steps.filter((step) => step[CELL] === cell).map(change);
      return `${longest([cell, ...texts], 8, mostWatched)}ch + 1.75rem`;
    });
    const number = `${Math.max(5, String(this.data.steps.length).length)}ch + 1rem`;
    const columns = [`calc(${number})`, ...lanes.map((width) => `minmax(calc(${width}), 1fr)`), ...watched.map((width) => `calc(${width})`)];
    this.node.style.setProperty("--columns", columns.join(" "));
    this.node.style.setProperty("--least", `calc(${[number, ...lanes, ...watched].join(" + ")} + 1.6rem)`);
  }

  /* What there is room for: a window may be narrow, and in a wide one the heap may stand beside. */
  width() {
    if (window.innerWidth < NARROW) return "narrow";
    return this.data.strip && window.innerWidth >= BESIDE ? "beside" : "wide";
  }

  said(step) {
    if (this.width() === "narrow") return this.brief(step);
    const shown = this.data.columns.includes(step[CELL]);
    const mark = step === this.data.steps[this.data.steps.length - 1] ? ` \u2190 violated${this.width() === "wide" ? " here" : ""}` : "";
    return `${step[FUNCTION]}: ${step[ACCESS]}${failed(step) ? " failed" : ""}${shown ? "" : ` ${step[CELL]}`}${mark}`;
  }

  /* In a narrow window: what is done to what. */
  brief(step) {
    const mark = step === this.data.steps[this.data.steps.length - 1] ? " \u2190 violated" : "";
    return `${step[ACCESS]}${failed(step) ? " failed" : ""} ${step[CELL]}${mark}`;
  }

  head() {
    const line = make("div", "line head");
    line.setAttribute("role", "presentation");
    line.append(make("span", "n", ""));
    for (const thread of this.threads) {
      const lane = make("span", "lane", `T${thread} ${this.data.threads[thread]}`);
      lane.title = lane.textContent;
      line.append(lane);
    }
    for (const cell of this.data.columns) line.append(make("span", "watch", cell));
    return line;
  }

  line(k) {
    const step = k ? this.data.steps[k - 1] : null;
    const line = make("div", "line");
    line.id = `${this.key}-${k}`;
    line.dataset.k = k;
    line.style.top = `${k * ROW}px`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-label", this.label(k));
    line.setAttribute("aria-setsize", this.data.steps.length + 1);
    line.setAttribute("aria-posinset", k + 1);
    line.setAttribute("aria-selected", String(k === this.k));
    line.append(make("span", "n", k ? String(k) : "start"));
    for (const thread of this.threads) line.append(this.lane(step, thread, k));
    for (const cell of this.data.columns) line.append(this.value(step, cell));
    if (k > this.k) line.classList.add("future");
    if (step && !this.watched.has(step[CELL])) line.classList.add("quiet");
    if (k === this.data.steps.length) line.classList.add("last");
    if (k && this.data.pair.includes(k)) line.classList.add("pair");
    return line;
  }

  lane(step, thread, k) {
    const lane = make("span", "lane");
    if (!step || step[THREAD] !== thread) return lane;
    const end = k ? this.data.pair.indexOf(k) : -1;
    if (end >= 0) lane.append(make("b", "end", ENDS[end]), " ");
    lane.append(this.said(step));
    lane.title = `${told(step)}, line ${step[LINE]}${end >= 0 ? `, ${this.pairInWords(end)}` : ""}`;
    return lane;
  }

  pairInWords(end) {
    return `${ENDS[end]} of the pair`;
  }

  /* What is to be said of a position besides its step. */
  marks(k) {
    const end = k ? this.data.pair.indexOf(k) : -1;
    return [end >= 0 && this.pairInWords(end), k > 0 && k === this.data.steps.length && "violated here"].filter(Boolean);
  }

  /* The whole row for those who do not see the columns that it stands in. */
  label(k) {
    if (!k) return "start, before the first step";
    const step = this.data.steps[k - 1];
    return [`step ${k}, T${step[THREAD]}: ${told(step)}`, ...this.marks(k)].join(", ");
  }

  value(step, cell) {
    const value = make("span", "watch");
    if (!step) value.textContent = this.data.cells[cell];
    else if (step[CELL] === cell) {
      value.textContent = change(step);
      value.classList.toggle("changed", step[BEFORE] !== step[AFTER]);
    }
    value.title = value.textContent;
    return value;
  }

  draw() {
    const first = Math.max(0, Math.floor(this.node.scrollTop / ROW) - SPARE_ROWS);
    const limit = Math.min(this.data.steps.length + 1, first + Math.ceil(this.node.clientHeight / ROW) + 2 * SPARE_ROWS);
    const lines = [];
    for (let k = first; k < limit; k += 1) lines.push(this.line(k));
    this.rows.replaceChildren(...lines);
  }

  show(k) {
    this.k = k;
    this.forget();
    const top = k * ROW, height = this.node.clientHeight - 2 * ROW;
    if (top < this.node.scrollTop + ROW) this.node.scrollTop = Math.max(0, top - 2 * ROW);
    else if (top > this.node.scrollTop + height - ROW) this.node.scrollTop = top - height + 2 * ROW;
    this.node.setAttribute("aria-activedescendant", `${this.key}-${k}`);
    this.draw();
    this.bringLane();
  }

  /* Where the lanes are wider than the window, the lane of the step is brought into it. */
  bringLane() {
    const lane = this.rows.querySelector('[aria-selected="true"] .lane:not(:empty)');
    if (!lane) return;
    const number = lane.parentNode.firstChild.offsetWidth;
    const left = lane.offsetLeft - number - ROW, right = lane.offsetLeft + lane.offsetWidth - this.node.clientWidth;
    if (this.node.scrollLeft > left) this.node.scrollLeft = left;
    else if (this.node.scrollLeft < right) this.node.scrollLeft = Math.min(left, right);
  }
}
