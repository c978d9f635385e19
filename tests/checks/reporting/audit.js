/* What is wrong with a page for those who cannot see it well, as lists of the elements at fault. */
() => {
  const told = (nodes) => nodes.map((node) => node.outerHTML.slice(0, 80));
  const every = (selector) => [...document.querySelectorAll(selector)];

  /* Controls, regions and roles without a name. */
  const nameless = every("button, input, a, summary, [role], [tabindex='0']").filter((node) => {
    if (node.getAttribute("role") === "presentation" || node.getAttribute("aria-hidden") === "true") return false;
    const by = document.getElementById(node.getAttribute("aria-labelledby"));
    return !(node.getAttribute("aria-label") || (by ? by.textContent : "") || node.textContent).trim();
  });

  /* What reaches beyond the right edge, outside of what scrolls by itself. */
  const overhanging = document.documentElement.scrollWidth <= window.innerWidth ? [] : every("body *")
    .filter((node) => node.getBoundingClientRect().right > window.innerWidth + 1 && !node.closest(".scroll, .lanes"));

  /* Words that end a line in their midst, though there is room for them. */
  const range = document.createRange();
  const torn = every("main *").filter((node) => !node.closest("svg, pre, .hidden, .copy, .now, .scroll .what")
    && [...node.childNodes].some((child) => child.nodeType === 3 && [...child.textContent.matchAll(/[A-Za-z0-9]{2,}/g)].some((word) => {
      range.setStart(child, word.index);
      range.setEnd(child, word.index + word[0].length);
      const parts = [...range.getClientRects()];
      const wide = parts.reduce((sum, part) => sum + part.width, 0);
      return new Set(parts.map((part) => Math.round(part.top))).size > 1 && wide < node.closest("p, th, td, li, dd, dt, h1, h2, h3, summary, div").clientWidth;
    })));

  /* Texts with less contrast to what is behind them than WCAG asks for. */
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && node.parentElement ? behind(node.parentElement) : colour;
  };
  const faint = every("main *").filter((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const out = node.closest("[aria-disabled='true'], .future, svg, .hidden, script") || !node.getClientRects().length;
    if (!own || out) return false;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  });

  const ids = every("[id]").map((node) => node.id);
  const doubled = ids.filter((id, n) => ids.indexOf(id) !== n);
  const dangling = every("a[href^='#'], [aria-labelledby], [aria-activedescendant]").filter((node) => {
    const name = node.getAttribute("href") || node.getAttribute("aria-labelledby") || node.getAttribute("aria-activedescendant");
    return !document.getElementById(name.replace("#", ""));
  });
  return { nameless: told(nameless), overhanging: told(overhanging), torn: told(torn), faint: told(faint), doubled, dangling: told(dangling) };
}
