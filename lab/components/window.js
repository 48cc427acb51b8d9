// Loads Plotly's script, and tells Python when the reader changes the theme.
//
// Streamlit calls the default export again at each run of the page, and the function that it
// returned last when the component leaves.

const READY_EVENT = "lab-plotly-ready"; // live_plot.js waits for it
let knownGround;

export default function ({ data, parentElement, setTriggerValue }) {
  loadPlotly(data.plotly_address);

  const ground = getComputedStyle(parentElement).getPropertyValue("--st-background-color");
  if (knownGround && knownGround !== ground) setTriggerValue("theme_changed", true);
  knownGround = ground;

  // A slider that was dragged keeps the focus, and with it every key that is a shortcut.
  const letGo = () => {
    if (document.activeElement?.type === "range") document.activeElement.blur();
  };
  window.addEventListener("pointerup", letGo);
  return () => window.removeEventListener("pointerup", letGo);
}

function loadPlotly(address) {
  if (window.Plotly || document.querySelector(`script[src="${address}"]`)) return;
  const script = document.createElement("script");
  script.src = address;
  script.onload = () => window.dispatchEvent(new Event(READY_EVENT));
  script.onerror = () => script.remove(); // so that the next run tries again
  document.head.append(script);
}
