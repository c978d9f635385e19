/* Makes what the page shows, and the keys that move it. */
const data = JSON.parse(document.getElementById("data").textContent);
const players = [];
let active;

function play(node) {
  const player = new Player(node, data[node.dataset.player]);
  players.push(player);
  for (const kind of ["focusin", "pointerdown"]) node.closest("article").addEventListener(kind, () => { active = player; });
}

/* The first one is there with the page; of many, the others come when they are needed. */
document.querySelectorAll("[data-player]").forEach((node, n) => {
  if (n === 0) play(node); else whenNear(node, () => play(node));
});

/* Keys act on the counterexample last used, or else on the one highest in sight. */
function target() {
  const inSight = (player) => {
    const place = player.node.getBoundingClientRect();
    return place.bottom > 0 && place.top < window.innerHeight;
  };
  const top = (player) => player.node.getBoundingClientRect().top;
  return active && inSight(active) ? active : players.filter(inSight).sort((a, b) => top(a) - top(b))[0];
}

const MOVES = {
  j: (p) => p.k + 1, k: (p) => p.k - 1, ArrowRight: (p) => p.k + 1, ArrowLeft: (p) => p.k - 1,
  J: (p) => p.turn(1), K: (p) => p.turn(-1), s: () => 0, v: (p) => p.last,
  c: (p) => p.nextOfPair(),
};
const IN_LANES = { ArrowDown: MOVES.j, ArrowUp: MOVES.k, Home: MOVES.s, End: MOVES.v, PageDown: (p) => p.k + 15, PageUp: (p) => p.k - 15 };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const within = (selector) => event.target instanceof Element && event.target.closest(selector);
  const own = event.key.length > 1 && within("input, .scroll"); /* a slider and what scrolls have their own arrows */
  const lanes = within(".lanes");
  const move = MOVES[event.key] || (lanes ? IN_LANES[event.key] : undefined);
  const player = own ? undefined : target();
  if (!move || !player) return;
  event.preventDefault();
  player.go(move(player));
});
window.addEventListener("resize", () => players.forEach((player) => {
  player.lanes.place();
  player.lanes.draw();
  if (player.map && player.map.drawn) player.map.draw();
}));
