// The numbers that a Plotly figure shows, as CSV. Pure: a figure as Python sent it in, text out.
//
// A row for each point, bar or cell. Columns are called after the titles of the axes; what a figure
// says besides stands in `meta` (lab/figures/columns.py), such as how to get from the heights of a
// colour scale back to the numbers that were coloured.

/** The figure's numbers as a table: names of columns, and rows with a value or nothing for each. */
export function tableOf({ data = [], layout = {} }) {
  const rows = [];
  for (const trace of data) {
    if (trace.meta?.rows === false) continue;
    rows.push(...(trace.type === "heatmap" ? cellsOf(trace, layout) : pointsOf(trace, layout)));
  }
  const y = axisOf(layout, "y");
  for (const { type, name, y0, y1 } of layout.shapes ?? []) {
    if (type === "line" && name && y0 === y1) rows.push({ series: name, [y.name]: shortest(y0) });
  }
  const header = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // Where all is of one series, its name says nothing.
  const several = new Set(rows.map((row) => row.series)).size > 1;
  const columns = several ? header : header.filter((name) => name !== "series");
  return { columns, rows: rows.map((row) => columns.map((name) => row[name])) };
}

/** A table as text after RFC 4180, which spreadsheets may open: no text in it is a formula. */
export function csvOf({ columns, rows }) {
  return [columns, ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

function cellText(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// --- traces ---------------------------------------------------------------------------------------

function pointsOf(trace, layout) {
  const x = axisOf(layout, "x", trace.xaxis);
  const y = axisOf(layout, "y", trace.yaxis);
  const series = plain(trace.meta?.series ?? trace.name ?? "");
  const [xs, ys, more] = [trace.x, trace.y, trace.customdata].map(numbersOf);
  const n = Math.max(xs?.length ?? 0, ys?.length ?? 0);
  return Array.from({ length: n }, (_, i) => ({
    series,
    ...onAxis(x, xs ? xs[i] : i),
    ...onAxis(y, ys ? ys[i] : i),
    ...attached(trace, more?.[i], trace.text?.[i]),
  })).filter((row, i) => known(xs, i) || known(ys, i));
}

/** Whether there is a value: points without any are there for the legend alone. */
function known(values, i) {
  return values?.[i] !== null && values?.[i] !== undefined;
}

function cellsOf(trace, layout) {
  const x = axisOf(layout, "x", trace.xaxis);
  const y = axisOf(layout, "y", trace.yaxis);
  const name = trace.meta?.value ?? (plain(trace.colorbar?.title?.text ?? "") || "value");
  const back = UNDO[trace.meta?.undo ?? "nothing"];
  const [xs, ys, more] = [trace.x, trace.y, trace.customdata].map(numbersOf);
  const first = trace.x0 ?? 0;
  const rows = [];
  numbersOf(trace.z).forEach((line, i) =>
    line.forEach((z, j) => {
      if (z === null || Number.isNaN(z)) return; // empty, as what nobody can look at
      const place = trace.meta?.tiles
        ? inTile(trace.meta.tiles, i, j)
        : { ...onAxis(y, ys ? ys[i] : i), ...onAxis(x, xs ? xs[j] : first + j) };
      const rest = attached(trace, more?.[i]?.[j], trace.text?.[i]?.[j]);
      rows.push({ ...place, [name]: back(z, i, trace.meta?.first), ...rest });
    }),
  );
  return rows;
}

/** From what a colour stands for back to the number, z in row i. */
const UNDO = {
  nothing: (z) => z,
  square: (z) => rounded(z * z),
  "signed square": (z) => rounded(z * Math.abs(z)),
  doublings: (z) => rounded(z <= -150 ? 0 : 2 ** z), // no lower is anything that is not nothing
  "even share": (z, i, first = 1) => rounded((z <= -150 ? 0 : 2 ** z) / (i + first)),
};

/** Where a cell belongs that is in a map of maps: all of its places from 1. */
function inTile({ pitch, step, names }, i, j) {
  const place = [i, j].map((k) => Math.floor(k / pitch) + 1);
  const cell = [i, j].map((k) => (k % pitch) * step + 1);
  return Object.fromEntries([...place, ...cell].map((value, k) => [names[k], value]));
}

/** What a figure attached to a point, and wrote at it, under the names that it has for them. */
function attached({ meta }, values, text) {
  const said = (value) => (typeof value === "string" ? plain(value) : value);
  const written = meta?.text ? [[meta.text, said(text)]] : [];
  const names = meta?.columns ?? [];
  return Object.fromEntries([...written, ...names.map((name, k) => [name, said(values?.[k])])]);
}

// --- axes -----------------------------------------------------------------------------------------

/** What the column of an axis is called, and what stands in it. */
function axisOf(layout, letter, id = letter) {
  const axis = layout[id.replace(letter, `${letter}axis`)] ?? {};
  const said = layout.meta?.[id] ?? {};
  const title = plain(axis.title?.text ?? axis.title ?? "");
  return { name: title || letter, labels: labelsOf(axis), ...said };
}

/** The label of each place that has one, where Python set them. */
function labelsOf({ tickvals, ticktext }) {
  const places = numbersOf(tickvals);
  if (!places || !ticktext) return null;
  return Object.fromEntries(places.map((place, i) => [place, ticktext[i]]));
}

function onAxis({ name, labels, place, first }, value) {
  if (name === null) return {};
  let label = labels?.[value];
  if (label === undefined) return { [name]: value };
  if (typeof label === "string") label = plain(label);
  return place ? { [place]: value + first, [name]: label } : { [name]: label };
}

// --- values ---------------------------------------------------------------------------------------

const PACKED = {
  f8: Float64Array, f4: Float32Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array,
  u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
}; // prettier-ignore

/** An array as Python sent it, rows in rows: a list, or numbers packed as base64. */
function numbersOf(sent) {
  if (!sent?.bdata) return sent;
  const bytes = Uint8Array.from(atob(sent.bdata), (letter) => letter.charCodeAt(0));
  const typed = new PACKED[sent.dtype](bytes.buffer);
  const flat = Array.from(typed, sent.dtype === "f4" ? shortest : (value) => value);
  const [length, ...inner] = String(sent.shape ?? flat.length).split(",").map(Number);
  return inner.length ? split(flat, length, inner) : flat;
}

function split(flat, length, inner) {
  const size = flat.length / length || 0;
  const rows = Array.from({ length }, (_, i) => flat.slice(i * size, (i + 1) * size));
  return inner.length > 1 ? rows.map((row) => split(row, inner[0], inner.slice(1))) : rows;
}

/** The fewest digits that tell a number in single precision from its neighbours. */
function shortest(value) {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** As many digits as single precision surely has. */
function rounded(value) {
  return Number(value.toPrecision(6));
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " };

/** A label without the HTML that Plotly reads in it. */
function plain(label) {
  return String(label)
    .replace(/<br\s*\/?>/g, " ")
    .replace(/<[^>]*>/g, "")
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&(amp|lt|gt|quot|nbsp);/g, (_, name) => ENTITIES[name])
    .replaceAll("\u00a0", " ")
    .trim();
}
