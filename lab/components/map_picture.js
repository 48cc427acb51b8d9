// A map of a model as it stands on the page: as a picture in SVG, and its parts as a table.

const SVG_NAME = "http://www.w3.org/2000/svg";

/** The map as the reader sees it, at its own size, with the page's ground. */
function svgOfMap(root) {
  const place = placeIn(root.getBoundingClientRect());
  const seen = getComputedStyle(root);
  const { width, height } = place(root);
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const ground = seen.getPropertyValue("--st-background-color").trim();
  svg.append(drawn("rect", { width, height, fill: ground }));
  for (const part of root.querySelectorAll(".part")) svg.append(...frameOf(part, place));
  for (const canvas of root.querySelectorAll(".part canvas")) {
    const image = { ...place(canvas), href: canvas.toDataURL(), preserveAspectRatio: "none" };
    svg.append(drawn("image", { ...image, style: "image-rendering: pixelated" }));
  }
  for (const line of root.querySelectorAll(".text, .title, .detail")) {
    svg.append(lineOf(line, place(line)));
  }
  return new XMLSerializer().serializeToString(svg);
}

/** Names and sizes of the parts, in the order in which a text passes them. */
function partsOfMap({ ways_in, stream, layers, ways_out }) {
  const parts = [...ways_in, ...(stream ? [stream] : []), ...layers.flat(), ...ways_out];
  const columns = ["part", "shape and parameters"];
  return { columns, rows: parts.map(({ title, detail }) => [title, detail]) };
}

/** Where an element is within the map. */
function placeIn(origin) {
  return (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x - origin.x, y: y - origin.y, width, height };
  };
}

function frameOf(part, place) {
  const { x, y, width, height } = place(part);
  const style = getComputedStyle(part);
  const stroke = style.borderTopColor;
  const box = { x: x + 0.5, y: y + 0.5, width: width - 1, height: height - 1, stroke };
  const frame = drawn("rect", { ...box, rx: parseFloat(style.borderRadius) || 0, fill: "none" });
  const wide = parseFloat(style.borderLeftWidth); // the stream has a broad one
  if (wide <= 1) return [frame];
  return [frame, drawn("rect", { x, y, width: wide, height, fill: style.borderLeftColor })];
}

/** A line of text, cut off where its element ends; upright where that is. */
function lineOf(element, { x, y, width, height }) {
  const style = getComputedStyle(element);
  const isUpright = style.writingMode.startsWith("vertical");
  const cut = drawn("svg", { x, y, width, height });
  const text = drawn("text", {
    "dominant-baseline": "central",
    "font-family": style.fontFamily,
    "font-size": style.fontSize,
    "font-weight": style.fontWeight,
    fill: style.color,
    ...(isUpright
      ? { transform: `translate(${width / 2} ${height / 2}) rotate(90)`, "text-anchor": "middle" }
      : { x: 0, y: height / 2 }),
  });
  text.textContent = element.textContent;
  cut.append(text);
  return cut;
}

function drawn(tag, attributes) {
  const element = document.createElementNS(SVG_NAME, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
