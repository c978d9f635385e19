"use strict";
/* The steps of a counterexample, and what every cell holds at any of them. Position k is the heap after k steps: 0 is
   the start, the last one breaks the claim. Everything shown is set as text, never as markup. Read next: heap.js. */
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

  /* What a cell holds as a number; NaN if it is none that is exact, so that it equals nothing and is below nothing. */
  number(cell, k) {
    const number = Number(this.at(cell, k) || 0);
    return Number.isSafeInteger(number) ? number : NaN;
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
