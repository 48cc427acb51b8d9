// Two buttons over a picture, which is in the page beside them: they save it as SVG or as PNG.
//
// Streamlit calls the default export again whenever the picture changes. What stands in saving.js
// is before this in the same script.

const rows = new WeakMap(); // the element that Streamlit gave us -> our buttons in it

export default function ({ parentElement, data }) {
  let row = rows.get(parentElement);
  if (!row) {
    row = document.createElement("div");
    row.className = "lab-save";
    parentElement.appendChild(row);
    rows.set(parentElement, row);
  }
  const { svg, key } = data;
  row.replaceChildren(
    saveButton("SVG", key, () => svgBlob(svg)),
    saveButton("PNG", key, () => pngBlob(svg)),
  );
  return () => {
    if (!parentElement.isConnected) row.remove();
  };
}
