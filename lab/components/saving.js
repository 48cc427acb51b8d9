// Files that are made in the browser and saved by it, and what they are called.

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
