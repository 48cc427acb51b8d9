// Two buttons over a picture, which is in the page beside them: they save it as SVG or as PNG.
//
// Streamlit calls the default export again whenever the picture changes.

const SCALE = 2; // for screens with small dots, and for print
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
    button("SVG", () => save(fileName(key, "svg"), svgBlob(svg))),
    button("PNG", async () => save(fileName(key, "png"), await pngBlob(svg))),
  );
  return () => {
    if (!parentElement.isConnected) row.remove();
  };
}

function button(kind, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = kind;
  element.title = `Download the picture as ${kind}`;
  element.setAttribute("aria-label", element.title);
  element.addEventListener("click", onClick);
  return element;
}

function svgBlob(svg) {
  return new Blob([svg], { type: "image/svg+xml;charset=utf-8" });
}

async function pngBlob(svg) {
  const image = new Image();
  image.src = URL.createObjectURL(svgBlob(svg));
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * image.naturalWidth;
  canvas.height = SCALE * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
