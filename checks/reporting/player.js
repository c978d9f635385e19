/* One counterexample with its controls. Read next: keys.js. */
class Player {
  constructor(node, data) {
    this.node = node;
    this.data = data;
    this.history = new History(data);
    this.last = data.steps.length;
    this.lanes = new Lanes(data, node.dataset.player, (k) => this.go(k), (k) => this.peek(k));
    const heap = data.strip && data.strip.arenas.length ? new Heap(data.strip, this.history) : null;
    this.strip = heap && new Strip(heap, heap.numbers[heap.numbers.length - 1] > 9999);
    this.map = heap && new OverTime(heap, this.last, data.pair, (k) => this.go(k));
    this.pair = data.pair.filter(Boolean);
    this.now = make("output", "now");
    this.cells = make("dl", "cells");
    const steps = make("div", "steps");
    node.classList.toggle("with-heap", heap !== null);
    node.append(this.bar(), this.now, ...(heap ? [this.side(heap)] : []), steps);
    steps.append(this.cells, this.lanes.node, keys(this.pair.length > 0));
    this.go(this.last);
    if (heap) whenNear(this.map.node, () => this.map.draw());
    node.dataset.ready = "true";
  }

  /* The heap, now and over time: above the lanes, or beside them where there is room. */
  side(heap) {
    const side = make("div", "side");
    this.at = make("p", "at");
    side.append(this.at, this.strip.node, this.map.node, legend(heap));
    return side;
  }

  /* A button that can do no more says so and stays what it is: one that is disabled would lose the focus that is on it. */
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
    if (this.pair.length) button("A and B", () => this.nextOfPair()).title = "the two accesses whose order matters";
    return bar;
  }

  /* The next position, in a direction, at which another thread runs than just before. */
  turn(direction) {
    const steps = this.data.steps;
    let k = this.k + direction;
    while (k > 1 && k < this.last && steps[k - 1][THREAD] === steps[k - 2][THREAD]) k += direction;
    return k;
  }

  /* The first of the two accesses whose order matters, and from there the other. */
  nextOfPair() {
    return this.k === this.pair[0] ? this.pair[this.pair.length - 1] : this.pair[0] || this.k;
  }

  go(k) {
    this.k = Math.max(0, Math.min(this.last, k));
    const step = this.k ? this.data.steps[this.k - 1] : null;
    this.slider.value = this.k;
    this.back.forEach((button) => button.setAttribute("aria-disabled", this.k === 0));
    this.forth.forEach((button) => button.setAttribute("aria-disabled", this.k === this.last));
    const count = `step ${this.k.toLocaleString("en")} of ${this.last.toLocaleString("en")}`;
    const marks = this.lanes.marks(this.k);
    const said = step ? `T${step[THREAD]} ${told(step)}` : "before the first step";
    this.now.textContent = [`${count}   ${said}`, ...marks].join("   \u2190 ");
    this.slider.setAttribute("aria-valuetext", `${count}: ${said}`);
    this.peek(null);
    this.showCells(step);
    this.lanes.show(this.k);
  }

  /* The heap at the position under the pointer, or with null again at the chosen one, from which the keys go on. */
  peek(k) {
    if (!this.strip) return;
    const position = k === null ? this.k : k;
    const name = (n) => (n ? `step ${n.toLocaleString("en")}` : "start");
    this.at.replaceChildren(...(position === this.k ? [`Heap at ${name(this.k)}`]
      : [make("b", "", `Heap at ${name(position)}`), `, pointed at; chosen: ${name(this.k)}`]));
    this.node.classList.toggle("peeking", position !== this.k);
    this.strip.show(position);
    this.map.show(this.k, position);
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

/* What is not in sight yet is made before it is scrolled to, or printed. */
function whenNear(node, then) {
  const make = () => {
    watch.disconnect();
    window.removeEventListener("beforeprint", make);
    then();
  };
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) make();
  }, { rootMargin: "800px" });
  watch.observe(node);
  window.addEventListener("beforeprint", make);
}

function keys(pair) {
  const line = make("p", "keys");
  [["j", "\u2192", "next step"], ["k", "\u2190", "step before"], ["J", "K", "next and last switch of thread"],
    ...(pair ? [["c", "", "A and B in turn"]] : []), ["Home", "s", "start"], ["End", "v", "violation"]].forEach(([one, other, words], n) => {
    line.append(n ? ", " : "", make("kbd", "", one), ...(other ? [" ", make("kbd", "", other)] : []), ` ${words}`);
  });
  return line;
}
