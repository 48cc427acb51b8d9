// Buttons on a plot that save what it shows: the picture as PNG or SVG, its numbers as CSV.
//
// Pictures have the page's ground and fonts, and show what the reader has zoomed to. What stands in
// csv.js and saving.js is before this in the same script.

// In a square of 24: two handles and the line between them; a table with its head.
const SVG_ICON = "M2 16h6v6H2zM16 2h6v6h-6zM8 14.6 14.6 8 16 9.4 9.4 16z";
const CSV_ICON = "M2 3h20v5H2zM2 10h9v4.5H2zM13 10h9v4.5h-9zM2 16.5h9V21H2zM13 16.5h9V21h-9z";

/** Three buttons for Plotly's mode bar, which ask for the figure as Python sent it and the page's
 * ground when they are pressed. */
function downloadButtons(key, figureNow, groundNow) {
  const icon = (path) => ({ width: 24, height: 24, path });
  const button = (kind, title, picture, content) => ({
    name: `download-${kind}`,
    title,
    icon: picture,
    click: async (graph) => save(fileName(key, kind), await content(graph)),
  });
  const png = (graph) => pngOf(graph, groundNow());
  const svg = (graph) => svgOf(graph, groundNow());
  const csv = () => csvBlob(csvOf(tableOf(figureNow())));
  return [
    button("png", "Download the picture as PNG", window.Plotly.Icons.camera, png),
    button("svg", "Download the picture as SVG", icon(SVG_ICON), svg),
    button("csv", "Download the numbers as CSV", icon(CSV_ICON), csv),
  ];
}

async function pngOf(graph, ground) {
  const data = await imageOf(graph, ground, { format: "png", scale: PICTURE_SCALE });
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

async function svgOf(graph, ground) {
  const text = await imageOf(graph, ground, { format: "svg" });
  return svgBlob(text);
}

/** Without the header that makes an address of it; figures are transparent on the page. */
function imageOf({ data, layout }, ground, how) {
  const { width, height } = layout;
  const figure = { data, layout: { ...layout, paper_bgcolor: ground }, config: {} };
  return window.Plotly.toImage(figure, { ...how, width, height, imageDataOnly: true });
}
