// Scrolls to the place that it stands in, once for each thing that was asked for.
//
// Formulas and fonts above it arrive later and push it on, so it is followed until the page has kept
// its height for a while, or the reader does something.
//
// Streamlit calls the default export again at each run of the page.

const STILL_MS = 2000;
const seen = new WeakMap();

export default function ({ data, parentElement }) {
  const host = parentElement.host ?? parentElement;
  if (seen.get(host) === data.what) return;
  seen.set(host, data.what);

  let still;
  const stop = () => layout.disconnect();
  const layout = new ResizeObserver(() => {
    host.scrollIntoView({ block: "center" });
    clearTimeout(still);
    still = setTimeout(stop, STILL_MS);
  });
  layout.observe(host.closest("[data-testid=stMainBlockContainer]") ?? document.body);
  for (const deed of ["wheel", "keydown", "pointerdown"]) {
    window.addEventListener(deed, stop, { once: true });
  }
}
