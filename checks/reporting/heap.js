/* The pages of the heap at a position: who owns each, what the page allocator and the caches of Ps say of it, whether
   it is dirty, its in-use bit, and how far zeroedBase has come. Read next: overtime.js. */

/* `[2, 4) [0x20, 0x40)` as pairs of numbers; null if a number is too large to be exact. */
function runsIn(text) {
  const runs = [...text.matchAll(/\[(0x[0-9a-f]+|\d+), (0x[0-9a-f]+|\d+)\)/g)].map((run) => [Number(run[1]), Number(run[2])]);
  return runs.flat().every(Number.isSafeInteger) ? runs : null;
}

function isIn(runs, number) {
  return runs.some(([base, limit]) => base <= number && number < limit);
}

class Heap {
  constructor(shape, history) {
    this.shape = shape;
    this.history = history;
    this.read = new Map();
    this.numbers = shape.arenas.flatMap((arena) => arena.runs.flatMap(([base, limit]) => Array.from({ length: limit - base }, (_, i) => base + i)));
    this.arenaOf = new Map(shape.arenas.flatMap((arena) => arena.runs.flatMap(([base, limit]) =>
      Array.from({ length: limit - base }, (_, i) => [base + i, arena.index]))));
    this.known = this.allocator(0) !== null;
  }

  /* What a text says is worked out once: most steps leave it as it is. */
  once(text, readIt) {
    if (!this.read.has(text)) this.read.set(text, readIt(text));
    return this.read.get(text);
  }

  /* The page allocator's own text: which pages it was given, which of them are taken, which scavenged. */
  allocator(k) {
    return this.once(this.history.at("pages", k) || "", (text) => {
      const match = /^alloc \{(.*)\} of \{(.*)\}, scavenged \{(.*)\}$/.exec(text);
      const [taken, given, scavenged] = match ? match.slice(1).map(runsIn) : [null, null, null];
      if (!taken || !given || !scavenged) return null;
      const { pageSize, pagesPerChunk } = this.shape;
      const pages = given.map(([base, limit]) => [base / pageSize, limit / pageSize]);
      const first = pages.length ? Math.floor(pages[0][0] / pagesPerChunk) * pagesPerChunk : 0;
      const placed = (runs) => runs.map(([base, limit]) => [base + first, limit + first]);
      return { given: pages, taken: placed(taken), scavenged: placed(scavenged) };
    });
  }

  /* The free pages that each P keeps to itself, and which of them are scavenged. */
  cached(k) {
    const caches = new Map();
    for (let p = 0; p < this.shape.ps; p += 1) {
      const pages = this.once(this.history.at(`pcache[${p}]`, k) || "", (text) => {
        const match = /^PageCache\(base=(\d+), cache=(\d+), scav=(\d+)\)$/.exec(text);
        if (!match) return [];
        const [base, cache, scav] = match.slice(1).map(BigInt);
        const first = Number(base / BigInt(this.shape.pageSize));
        return Array.from({ length: 64 }, (_, i) => [first + i, (cache >> BigInt(i)) & 1n, (scav >> BigInt(i)) & 1n])
          .filter(([, kept]) => kept).map(([page, , scavenged]) => [page, scavenged === 1n]);
      });
      for (const [page, scavenged] of pages) caches.set(page, { ps: [...(caches.get(page) || { ps: [] }).ps, p], scavenged });
    }
    return caches;
  }

  /* Spans by page: alive ones, and those that a thread is just building. */
  owners(k) {
    const owners = new Map();
    for (const span of this.shape.spans) {
      const name = `mspan[${span}].`;
      const alive = Boolean(this.history.number(name + "state", k));
      const since = this.history.lastChange(name + "state", k);
      const building = !alive && ["base", "npages"].every((field) => this.history.lastWrite(name + field, k) > since);
      if (!alive && !building) continue;
      const base = this.history.number(name + "base", k) / this.shape.pageSize;
      const limit = base + this.history.number(name + "npages", k);
      for (const page of this.numbers) {
        if (base <= page && page < limit) owners.set(page, [...(owners.get(page) || []), { span, alive }]);
      }
    }
    return owners;
  }

  /* All of it, by page. What the record does not tell is null. */
  at(k) {
    const owners = this.owners(k), allocator = this.allocator(k), cached = this.cached(k);
    const pages = new Map();
    for (const page of this.numbers) {
      const cache = cached.get(page);
      const stamp = this.history.at(`memory[${page}]`, k);
      pages.set(page, {
        owners: owners.get(page) || [],
        ps: cache ? cache.ps : [],
        given: allocator && isIn(allocator.given, page),
        taken: allocator && isIn(allocator.taken, page),
        scavenged: Boolean((allocator && isIn(allocator.scavenged, page)) || (cache && cache.scavenged)),
        stamp,
        dirty: stamp !== undefined && stamp !== "0" && stamp !== "?",
        bit: this.bit(page, k),
      });
    }
    return pages;
  }

  /* The in-use bit of a page; null if it is not told. */
  bit(page, k) {
    const offset = page % this.shape.pagesPerArena;
    const word = this.history.number(`pageInUse[${this.arenaOf.get(page)}][${offset >> 3}]`, k);
    return Number.isNaN(word) ? null : (word >> (offset & 7)) & 1;
  }

  /* How many pages of an arena lie below its zeroedBase; NaN if it is not told. */
  below(arena, k) {
    return this.history.number(`zeroedBase[${arena}]`, k) / this.shape.pageSize;
  }
}

/* A page in one word: what stands in its cell, and what it is drawn as. */
function kind(page) {
  if (page.owners.length > 1 || (page.ps.length && page.owners.some(({ alive }) => alive))) return "twice";
  if (page.owners.length) return page.owners[0].alive ? "owned" : "building";
  if (page.ps.length) return "cache";
  if (page.taken) return "taken";
  if (page.given === false) return "none";
  return page.given ? "free" : "unknown";
}

function word(page) {
  const ps = page.ps.map((p) => `P${p}`);
  const words = { cache: ps.join("+") + (page.taken === false ? "/free" : ""), taken: "taken", free: "free", none: "", unknown: "" };
  const found = kind(page);
  return found in words ? words[found] : [...page.owners.map(({ span }) => span), ...(found === "twice" ? ps : [])].join("+");
}

function inWords(number, page, entry) {
  const span = page.owners.map((owner) => `mspan[${owner.span}]${owner.alive ? "" : " (being built)"}`).join(" and ");
  const state = { cache: `in the page cache of ${page.ps.map((p) => `P${p}`).join(" and ")}${page.taken === false ? ", but free" : ""}`, taken: "taken, no span yet", free: "free", none: "not the heap's", unknown: "no span" };
  const told = [`page ${number}: ${span || state[kind(page)]}`, page.dirty ? `dirty (${page.stamp})` : "zero"];
  if (page.scavenged) told.push("scavenged");
  return [...told, `in-use bit ${page.bit === null ? "?" : page.bit}`, `spans entry ${entry}`].join("; ");
}

/* The heap map: a cell for each page, arena by arena. */
class Strip {
  constructor(heap, large) {
    this.heap = heap;
    this.node = make("div", "heap");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Heap map at this step");
    this.pages = new Map();
    this.arenas = heap.shape.arenas.map((arena) => this.arena(arena, large));
  }

  arena(arena, large) {
    const { pagesPerArena } = this.heap.shape;
    const node = make("div", "arena");
    const title = make("p");
    const row = make("div", "pages");
    node.append(title, row);
    const first = arena.runs[0][0] - (arena.runs[0][0] % pagesPerArena);
    let next = first;
    for (const [base, limit] of [...arena.runs, [first + pagesPerArena, 0]]) {
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
    const marks = make("div", "marks");
    node.setAttribute("role", "img");
    node.append(box, marks, make("div", "water"), make("small", "", label));
    this.pages.set(number, { node, box, marks, arena });
    return node;
  }

  show(k) {
    const step = k ? this.heap.history.steps[k - 1] : null;
    for (const arena of this.arenas) this.showArena(arena, k, step);
    const touched = step ? this.touched(step, k) : () => false;
    const pages = this.heap.at(k);
    for (const [number, drawn] of this.pages) this.showPage(number, drawn, pages.get(number), k, touched(number));
  }

  showArena(arena, k, step) {
    const { pagesPerArena, pageSize } = this.heap.shape;
    const cell = `zeroedBase[${arena.index}]`;
    const zeroed = this.heap.history.at(cell, k);
    arena.title.replaceChildren(`arena ${arena.index}, pages [${arena.first}, ${arena.first + pagesPerArena}), `,
      make("b", "", `zeroedBase ${zeroed === undefined ? "?" : zeroed}`), ` of ${(pagesPerArena * pageSize).toLocaleString("en")} bytes`);
    arena.title.classList.toggle("changed", step !== null && step[CELL] === cell && step[BEFORE] !== step[AFTER]);
  }

  showPage(number, { node, box, marks, arena }, page, k, touched) {
    const offset = number % this.heap.shape.pagesPerArena;
    const below = this.heap.below(arena, k);
    box.textContent = word(page);
    box.className = ["box", kind(page), box.textContent.length > 4 && "long", page.bit && "bit", page.scavenged && "scavenged"].filter(Boolean).join(" ");
    marks.textContent = `${page.scavenged ? "s" : ""}${page.dirty ? "d" : ""}`;
    if (kind(page) === "owned") box.dataset.hue = page.owners[0].span % HUES; else delete box.dataset.hue;
    node.className = ["page", offset < below && "below", offset < below && offset + 1 >= below && "edge",
      offset === 0 && below === 0 && "floor", touched && "changed"].filter(Boolean).join(" ");
    node.title = inWords(number, page, this.heap.history.at(`spans[${number}]`, k));
    node.setAttribute("aria-label", node.title);
  }

  /* Which pages the step is about. */
  touched(step, k) {
    let match = /^(?:spans|memory)\[(\d+)\]$/.exec(step[CELL]);
    if (match) return (page) => page === Number(match[1]);
    if (step[CELL] === "pages" && step[BEFORE] !== step[AFTER]) return this.moved(k);
    match = /^pageInUse\[(\d+)\]\[(\d+)\]$/.exec(step[CELL]);
    if (!match) return () => false;
    const bits = Number(step[BEFORE]) ^ Number(step[AFTER]);
    const first = Number(match[1]) * this.heap.shape.pagesPerArena + 8 * Number(match[2]);
    return (page) => page >= first && page < first + 8 && ((bits >> (page - first)) & 1) === 1;
  }

  /* Pages of which the page allocator says something else after this step. */
  moved(k) {
    const [before, after] = [this.heap.allocator(k - 1), this.heap.allocator(k)];
    if (!before || !after) return () => false;
    return (page) => ["given", "taken", "scavenged"].some((what) => isIn(before[what], page) !== isIn(after[what], page));
  }
}

/* What the cells mean; of what the record does not tell, nothing. */
function legend(heap) {
  const list = make("ul", "legend");
  list.setAttribute("aria-label", "Legend");
  const entry = (className, text, words, hue) => {
    const item = make("li");
    const box = make("span", className, text);
    box.setAttribute("aria-hidden", "true");
    if (hue !== undefined) box.dataset.hue = hue;
    item.append(box, words);
    list.append(item);
  };
  entry("box owned", "3", "owned by mspan[3]", 3);
  entry("box building", "3", "mspan[3] is being built");
  entry("box twice", "1+3", "owned twice");
  if (heap.known) {
    entry("box taken", "taken", "taken, no span yet");
    entry("box free", "free", "free");
    entry("box none", "", "not the heap's");
  }
  if (heap.shape.ps) entry("box cache", "P0", "in P0's page cache");
  if (heap.known) entry("box free scavenged", "s", "scavenged");
  entry("box", "d", "dirty, else zero");
  entry("box bit", "", "in-use bit");
  entry("water", "", "below zeroedBase");
  return list;
}
