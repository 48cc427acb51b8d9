// Files that are made in the browser and saved by it, and what they are called.

const PICTURE_SCALE = 2; // for screens with small dots, and for print

/** The run that the page's address names, and what the picture is called. */
function fileName(key, kind) {
  const run = new URLSearchParams(window.location.search).get("run");
  const words = [run, key].filter(Boolean).join(" ");
  return `${words.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "")}.${kind}`;
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once the browser has surely read it
}

/** A button that saves what it is about: `contentNow` makes the file when it is pressed. */
function saveButton(kind, key, contentNow) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = kind;
  button.title = `Download the ${kind === "CSV" ? "numbers" : "picture"} as ${kind}`;
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", async () =>
    save(fileName(key, kind.toLowerCase()), await contentNow()),
  );
  return button;
}

function csvBlob(text) {
  return new Blob([text], { type: "text/csv;charset=utf-8" });
}

function svgBlob(svg) {
  return new Blob([svg], { type: "image/svg+xml;charset=utf-8" });
}

async function pngBlob(svg) {
  const image = new Image();
  image.src = URL.createObjectURL(svgBlob(svg));
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = PICTURE_SCALE * image.naturalWidth;
  canvas.height = PICTURE_SCALE * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
