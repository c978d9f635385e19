"use strict";
/* Follows a counterexample. Position k is the heap after k steps: 0 is the start, the last one breaks the claim.
   Everything shown is set as text, never as markup. */
(() => {
  const ROW = 26;
  const SPARE_ROWS = 8;
  const HUES = 8;
  const [THREAD, FUNCTION, LINE, ACCESS, CELL, BEFORE, AFTER, RESULT] = [0, 1, 2, 3, 4, 5, 6, 7];

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  /* The value of every cell at every position, by looking up its last change: any jump costs the same. */
  class History {
    constructor(data) {
      this.start = new Map(Object.entries(data.cells));
      this.steps = data.steps;
      this.changes = new Map();
      data.steps.forEach((step, i) => {
        if (!this.changes.has(step[CELL])) this.changes.set(step[CELL], []);
        if (step[BEFORE] !== step[AFTER] || step[ACCESS] === "write" || step[ACCESS] === "store") this.changes.get(step[CELL]).push(i);
      });
    }

    /* The index of the last step before position k that wrote the cell, or -1. */
    lastWrite(cell, k) {
      const writes = this.changes.get(cell) || [];
      let low = 0, high = writes.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (writes[middle] < k) low = middle + 1; else high = middle;
      }
      return low ? writes[low - 1] : -1;
    }

    /* The same for a step that changed the value: writing what is there already does not count. */
    lastChange(cell, k) {
      let i = this.lastWrite(cell, k);
      while (i >= 0 && this.steps[i][BEFORE] === this.steps[i][AFTER]) i = this.lastWrite(cell, i);
      return i;
    }

    at(cell, k) {
      const i = this.lastWrite(cell, k);
      return i < 0 ? this.start.get(cell) : this.steps[i][AFTER];
    }

    number(cell, k) {
      return Number(this.at(cell, k) || 0);
    }
  }

  function failed(step) {
    return step[ACCESS] === "compare_and_swap" && ["false", "0"].includes(step[RESULT].toLowerCase());
  }

  function change(step) {
    return step[BEFORE] === step[AFTER] ? step[AFTER] : `${step[BEFORE]} \u2192 ${step[AFTER]}`;
  }

  function told(step) {
    return `${step[FUNCTION]}: ${step[ACCESS]}${failed(step) ? " failed" : ""} ${step[CELL]} ${change(step)}`;
  }

  /* The pages of the heap: who owns each, whether it is dirty, its in-use bit, and how far zeroedBase has come. */
  class Strip {
    constructor(shape, history, large) {
      this.shape = shape;
      this.history = history;
      this.node = make("div", "heap");
      this.pages = new Map();
      this.arenas = shape.arenas.map((arena) => this.arena(arena, large));
    }

    arena(arena, large) {
      const node = make("div", "arena");
      const title = make("p");
      const row = make("div", "pages");
      node.append(title, row);
      const first = arena.runs[0][0] - (arena.runs[0][0] % this.shape.pagesPerArena);
      let next = first;
      for (const [base, limit] of [...arena.runs, [first + this.shape.pagesPerArena, 0]]) {
        if (base > next) row.append(make("span", "gap", `${(base - next).toLocaleString("en")} pages`));
        for (let page = base; page < limit; page += 1) row.append(this.page(page, arena.index, large ? `+${page - first}` : String(page)));
        next = limit;
      }
      this.node.append(node);
      return { index: arena.index, title, first };
    }

    page(number, arena, label) {
      const node = make("div", "page");
      const box = make("div", "box");
      node.append(box, make("div", "water"), make("small", "", label));
      this.pages.set(number, { node, box, arena });
      return node;
    }

    /* Spans by page at position k: alive ones, and those that a thread is just building. */
    owners(k) {
      const owners = new Map();
      for (const span of this.shape.spans) {
        const name = `mspan[${span}].`;
        const alive = this.history.number(name + "state", k) !== 0;
        const since = this.history.lastChange(name + "state", k);
        const building = !alive && ["base", "npages"].every((field) => this.history.lastWrite(name + field, k) > since);
        if (!alive && !building) continue;
        const base = this.history.number(name + "base", k) / this.shape.pageSize;
        const limit = base + this.history.number(name + "npages", k);
        for (const page of this.pages.keys()) {
          if (base <= page && page < limit) owners.set(page, [...(owners.get(page) || []), { span, alive }]);
        }
      }
      return owners;
    }

    show(k) {
      const step = k ? this.history.steps[k - 1] : null;
      for (const arena of this.arenas) this.showArena(arena, k, step);
      const owners = this.owners(k);
      const touched = step ? this.touched(step) : () => false;
      for (const [page, drawn] of this.pages) this.showPage(page, drawn, owners.get(page) || [], k, touched(page));
    }

    showArena(arena, k, step) {
      const { pagesPerArena, pageSize } = this.shape;
      const cell = `zeroedBase[${arena.index}]`;
      const zeroed = this.history.at(cell, k);
      arena.title.replaceChildren(`arena ${arena.index}, pages [${arena.first}, ${arena.first + pagesPerArena}), `,
        make("b", "", `zeroedBase ${zeroed === undefined ? "?" : zeroed}`), ` of ${pagesPerArena * pageSize} bytes`);
      arena.title.classList.toggle("changed", step !== null && step[CELL] === cell && step[BEFORE] !== step[AFTER]);
    }

    showPage(page, { node, box, arena }, owners, k, touched) {
      const { pageSize, pagesPerArena } = this.shape;
      const offset = page % pagesPerArena;
      const zeroed = this.history.number(`zeroedBase[${arena}]`, k) / pageSize;
      const bit = (this.history.number(`pageInUse[${arena}][${offset >> 3}]`, k) >> (offset & 7)) & 1;
      const stamp = this.history.at(`memory[${page}]`, k);
      const dirty = stamp !== undefined && stamp !== "0";
      const names = owners.map(({ span }) => span).join("+");
      box.textContent = names;
      box.className = ["box", bit && "bit", dirty && "dirty", owners.length > 1 && "twice",
        owners.length === 1 && !owners[0].alive && "building"].filter(Boolean).join(" ");
      if (owners.length === 1 && owners[0].alive) box.dataset.hue = owners[0].span % HUES; else delete box.dataset.hue;
      node.className = ["page", offset < zeroed && "below", offset < zeroed && offset + 1 >= zeroed && "edge",
        offset === 0 && zeroed === 0 && "floor", touched && "changed"].filter(Boolean).join(" ");
      const state = owners.map(({ span, alive }) => `mspan[${span}]${alive ? "" : " (being built)"}`).join(" and ") || "no span";
      node.title = `page ${page}: ${state}; ${dirty ? `dirty (${stamp})` : "zero"}; in-use bit ${bit}; spans entry ${this.history.at(`spans[${page}]`, k)}`;
    }

    /* Which pages the step is about. */
    touched(step) {
      let match = /^(?:spans|memory)\[(\d+)\]$/.exec(step[CELL]);
      if (match) return (page) => page === Number(match[1]);
      match = /^pageInUse\[(\d+)\]\[(\d+)\]$/.exec(step[CELL]);
      if (!match) return () => false;
      const bits = Number(step[BEFORE]) ^ Number(step[AFTER]);
      const first = Number(match[1]) * this.shape.pagesPerArena + 8 * Number(match[2]);
      return (page) => page >= first && page < first + 8 && ((bits >> (page - first)) & 1) === 1;
    }
  }

  /* One column per thread, time downwards; only the rows in sight exist, so ten thousand steps stay quick. */
  class Lanes {
    constructor(data, key, choose) {
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
    }

    /* All rows share one set of widths, or their columns would not line up; wider texts are cut, their title has them whole. */
    place() {
      const longest = (texts, least, most) => Math.min(most, texts.reduce((n, text) => Math.max(n, text.length), least));
      const lanes = this.threads.map((thread) => {
        const texts = this.data.steps.filter((step) => step[THREAD] === thread).map((step) => this.said(step));
        return `${longest([`T${thread} ${this.data.threads[thread]}`, ...texts], 20, 48)}ch + 1.75rem`;
      });
      const watched = this.data.columns.map((cell) => {
        const texts = this.data.steps.filter((step) => step[CELL] === cell).map(change);
        return `${longest([cell, ...texts], 8, 26)}ch + 1.75rem`;
      });
      const number = `${Math.max(5, String(this.data.steps.length).length)}ch + 1rem`;
      const columns = [`calc(${number})`, ...lanes.map((width) => `minmax(calc(${width}), 1fr)`), ...watched.map((width) => `calc(${width})`)];
      this.node.style.setProperty("--columns", columns.join(" "));
      this.node.style.setProperty("--least", `calc(${[number, ...lanes, ...watched].join(" + ")} + 1.6rem)`);
    }

    said(step) {
      const shown = this.data.columns.includes(step[CELL]);
      const mark = step === this.data.steps[this.data.steps.length - 1] ? " \u2190 violated here" : "";
      return `${step[FUNCTION]}: ${step[ACCESS]}${failed(step) ? " failed" : ""}${shown ? "" : ` ${step[CELL]}`}${mark}`;
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
      line.setAttribute("aria-selected", String(k === this.k));
      line.append(make("span", "n", k ? String(k) : "start"));
      for (const thread of this.threads) line.append(this.lane(step, thread));
      for (const cell of this.data.columns) line.append(this.value(step, cell));
      if (k > this.k) line.classList.add("future");
      if (step && !this.watched.has(step[CELL])) line.classList.add("quiet");
      if (k === this.data.steps.length) line.classList.add("last");
      return line;
    }

    lane(step, thread) {
      const lane = make("span", "lane");
      if (!step || step[THREAD] !== thread) return lane;
      lane.append(this.said(step));
      lane.title = `${told(step)}, line ${step[LINE]}`;
      return lane;
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
      const top = k * ROW, height = this.node.clientHeight - 2 * ROW;
      if (top < this.node.scrollTop + ROW) this.node.scrollTop = Math.max(0, top - 2 * ROW);
      else if (top > this.node.scrollTop + height - ROW) this.node.scrollTop = top - height + 2 * ROW;
      this.node.setAttribute("aria-activedescendant", `${this.key}-${k}`);
      this.draw();
    }
  }

  class Player {
    constructor(node, data) {
      this.node = node;
      this.data = data;
      this.history = new History(data);
      this.last = data.steps.length;
      this.lanes = new Lanes(data, node.dataset.player, (k) => this.go(k));
      this.strip = data.strip && new Strip(data.strip, this.history, data.strip.arenas.some((a) => a.index * data.strip.pagesPerArena > 9999));
      this.now = make("output", "now");
      this.cells = make("dl", "cells");
      node.append(this.bar(), this.now, ...(this.strip ? [this.strip.node, legend()] : []), this.cells, this.lanes.node, keys());
      this.go(this.last);
      node.dataset.ready = "true";
    }

    bar() {
      const bar = make("div", "bar");
      const button = (text, target) => {
        const made = make("button", "", text);
        made.type = "button";
        made.addEventListener("click", () => this.go(target()));
        bar.append(made);
        return made;
      };
      this.back = [button("start", () => 0), button("\u2039 switch", () => this.turn(-1)), button("\u2039 step", () => this.k - 1)];
      this.slider = make("input");
      this.slider.type = "range";
      this.slider.min = 0;
      this.slider.max = this.last;
      this.slider.setAttribute("aria-label", "Step");
      this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
      bar.append(this.slider);
      this.forth = [button("step \u203a", () => this.k + 1), button("switch \u203a", () => this.turn(1)), button("jump to the violation", () => this.last)];
      return bar;
    }

    /* The next position, in a direction, at which another thread runs than just before. */
    turn(direction) {
      const steps = this.data.steps;
      let k = this.k + direction;
      while (k > 1 && k < this.last && steps[k - 1][THREAD] === steps[k - 2][THREAD]) k += direction;
      return k;
    }

    go(k) {
      this.k = Math.max(0, Math.min(this.last, k));
      const step = this.k ? this.data.steps[this.k - 1] : null;
      this.slider.value = this.k;
      this.back.forEach((button) => { button.disabled = this.k === 0; });
      this.forth.forEach((button) => { button.disabled = this.k === this.last; });
      const count = `step ${this.k.toLocaleString("en")} of ${this.last.toLocaleString("en")}`;
      this.now.textContent = step ? `${count}   T${step[THREAD]} ${told(step)}` : `${count}   before the first step`;
      if (this.strip) this.strip.show(this.k);
      this.showCells(step);
      this.lanes.show(this.k);
    }

    showCells(step) {
      this.cells.replaceChildren(...this.data.watched.map((cell) => {
        const pair = make("div");
        const changed = step !== null && step[CELL] === cell && step[BEFORE] !== step[AFTER];
        pair.classList.toggle("changed", changed);
        const value = this.history.at(cell, this.k);
        pair.append(make("dt", "", cell), make("dd", "", changed ? `${step[BEFORE]} \u2192 ${value}` : value));
        return pair;
      }));
    }
  }

  function legend() {
    const list = make("ul", "legend");
    list.setAttribute("aria-label", "Legend");
    const entry = (className, text, words, hue) => {
      const item = make("li");
      const box = make("span", className, text);
      if (hue !== undefined) box.dataset.hue = hue;
      item.append(box, words);
      list.append(item);
    };
    entry("box", "3", "owned by mspan[3]", 3);
    entry("box building", "3", "mspan[3] is being built");
    entry("box twice", "1+3", "owned twice");
    entry("box bit", "", "in-use bit");
    entry("box dirty", "", "dirty, else zero");
    entry("water", "", "below zeroedBase");
    return list;
  }

  function keys() {
    const line = make("p", "keys");
    [["j", "\u2192", "next step"], ["k", "\u2190", "step before"], ["J", "K", "next and last switch of thread"],
      ["Home", "s", "start"], ["End", "v", "violation"]].forEach(([one, other, words], n) => {
      line.append(n ? ", " : "", make("kbd", "", one), " ", make("kbd", "", other), ` ${words}`);
    });
    return line;
  }

  const data = JSON.parse(document.getElementById("data").textContent);
  const players = [...document.querySelectorAll("[data-player]")].map((node) => new Player(node, data[node.dataset.player]));
  let active = players[0];
  for (const player of players) {
    for (const kind of ["focusin", "pointerdown"]) player.node.closest("article").addEventListener(kind, () => { active = player; });
  }

  /* Keys act on the counterexample last used, or else on the first one in sight. */
  function target() {
    const inSight = (player) => {
      const place = player.node.getBoundingClientRect();
      return place.bottom > 0 && place.top < window.innerHeight;
    };
    return active && inSight(active) ? active : players.find(inSight);
  }

  const MOVES = {
    j: (p) => p.k + 1, k: (p) => p.k - 1, ArrowRight: (p) => p.k + 1, ArrowLeft: (p) => p.k - 1,
    J: (p) => p.turn(1), K: (p) => p.turn(-1), s: () => 0, v: (p) => p.last,
  };
  const IN_LANES = { ArrowDown: MOVES.j, ArrowUp: MOVES.k, Home: MOVES.s, End: MOVES.v, PageDown: (p) => p.k + 15, PageUp: (p) => p.k - 15 };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const slides = event.target instanceof HTMLInputElement && event.key.length > 1;
    const lanes = event.target instanceof Element && event.target.closest(".lanes");
    const move = MOVES[event.key] || (lanes ? IN_LANES[event.key] : undefined);
    const player = slides ? undefined : target();
    if (!move || !player) return;
    event.preventDefault();
    player.go(move(player));
  });
  window.addEventListener("resize", () => players.forEach((player) => player.lanes.draw()));
})();
