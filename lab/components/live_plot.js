// Draws a Plotly figure into one element and keeps that element for as long as it is on the page.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. Nothing here writes HTML: titles and labels reach Plotly as data. What stands in csv.js and
// downloads.js is before this in the same script.

const READY_EVENT = "lab-plotly-ready"; // sent by window.js once Plotly's script has run
const plots = new WeakMap(); // the element that Streamlit gave us -> its LivePlot

export default function ({ parentElement, data, setTriggerValue }) {
  let plot = plots.get(parentElement);
  if (!plot) {
    plot = new LivePlot(parentElement);
    plots.set(parentElement, plot);
  }
  plot.update(data, (click) => setTriggerValue("clicked", click));
  return () => {
    if (parentElement.isConnected) return;
    plots.delete(parentElement);
    plot.destroy();
  };
}

function whenPlotlyIsReady() {
  if (window.Plotly) return Promise.resolve();
  return new Promise((resolve) =>
    window.addEventListener(READY_EVENT, resolve, { once: true }),
  );
}

class LivePlot {
  constructor(parent) {
    this.graph = document.createElement("div");
    this.graph.style.width = "100%";
    // A quiet block of the final size stands in until there is a plot.
    this.graph.style.background = "var(--st-secondary-background-color)";
    this.graph.style.borderRadius = "var(--st-base-radius)";
    parent.appendChild(this.graph);

    this.drawn = ""; // what is on the screen, to skip ticks that change nothing
    this.pressed = false;
    this.frame = 0;
    this.queue = whenPlotlyIsReady(); // drawing is asynchronous: one at a time, in order

    // A redraw in the middle of a drag would tear the zoom box from under the pointer.
    this.press = (event) => (this.pressed = event.button === 0);
    this.release = () => {
      this.pressed = false;
      this.schedule();
    };
    this.graph.addEventListener("pointerdown", this.press, true);
    window.addEventListener("pointerup", this.release);
    window.addEventListener("pointercancel", this.release);

    // Also fires when a hidden tab is opened, which is when its plots are first drawn.
    this.resizeObserver = new ResizeObserver(() => this.schedule());
    this.resizeObserver.observe(this.graph);
  }

  update(data, onClick) {
    this.data = data;
    this.onClick = onClick;
    this.graph.style.height = `${data.height_px}px`; // reserved before the first drawing
    this.schedule();
  }

  /** Ask for one drawing at the next frame, however many reasons for it come up until then. */
  schedule() {
    if (this.frame || this.destroyed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.queue = this.queue.then(() => this.draw()).catch((error) => console.error(error));
    });
  }

  async draw() {
    const width = Math.floor(this.graph.clientWidth);
    if (this.destroyed || this.pressed || width === 0) return;

    const { figure, key, height_px, clickable } = this.data;
    const theme = readTheme(this.graph);
    const wanted = JSON.stringify([figure, key, height_px, clickable, width, theme]);
    if (wanted !== this.drawn) {
      const { data, layout } = JSON.parse(figure);
      layout.uirevision ??= "keep";
      Object.assign(layout, { width, height: height_px, template: templateOf(theme) });
      this.config ??= this.newConfig(); // another one, and Plotly would draw everything anew
      await window.Plotly.react(this.graph, data, layout, this.config);
      if (this.destroyed) return;
      this.graph.style.background = "none";
      this.listenForClicks();
      this.drawn = wanted;
    }
    this.describe();
  }

  newConfig() {
    const { key } = this.data;
    const figureNow = () => JSON.parse(this.data.figure);
    const groundNow = () => readTheme(this.graph).ground;
    return {
      displaylogo: false,
      modeBarButtons: [["resetScale2d", ...downloadButtons(key, figureNow, groundNow)]],
      doubleClick: "reset",
    };
  }

  listenForClicks() {
    const { clickable } = this.data;
    for (const area of this.graph.querySelectorAll(".nsewdrag")) {
      area.style.cursor = clickable ? "pointer" : "";
    }
    this.graph.removeAllListeners("plotly_click");
    if (!clickable) return;
    this.graph.on("plotly_click", ({ points }) => {
      const { x, y, z, curveNumber, customdata } = points[0];
      // A row of a packed table is a typed array, which JSON would turn into an object.
      const attached = ArrayBuffer.isView(customdata) ? Array.from(customdata) : customdata;
      this.onClick({ x, y, z, curve: curveNumber, customdata: attached });
    });
  }

  /**
   * Name the picture for screen readers. The role belongs on the drawing, not on the element
   * around it: an image may not contain the buttons of the mode bar.
   */
  describe() {
    const [drawing, ...layers] = this.graph.querySelectorAll(".main-svg");
    drawing?.setAttribute("role", "img");
    drawing?.setAttribute("aria-label", this.data.alt);
    for (const layer of layers) layer.setAttribute("aria-hidden", "true");
  }

  destroy() {
    this.destroyed = true;
    cancelAnimationFrame(this.frame);
    this.resizeObserver.disconnect();
    window.removeEventListener("pointerup", this.release);
    window.removeEventListener("pointercancel", this.release);
    window.Plotly?.purge(this.graph);
    this.graph.remove();
  }
}

/** The page's colours and fonts, from the custom properties that Streamlit sets on components. */
function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    ground: read("background-color"),
    surface: read("secondary-background-color"),
    border: read("border-color"),
    grid: read("border-color-light"),
    text: read("text-color"),
    muted: read("gray-text-color"),
    font: read("font"),
    series: read("chart-categorical-colors").split(","),
  };
}

/** Defaults for everything that a figure leaves open. What the figure sets itself wins. */
function templateOf({ ground, surface, border, grid, text, muted, font, series }) {
  const axis = {
    gridcolor: grid,
    zeroline: false,
    zerolinecolor: border,
    linecolor: border,
    tickcolor: border,
    tickfont: { color: muted },
    spikecolor: muted,
    spikethickness: 1,
    title: { standoff: 10, font: { size: 13 } },
    automargin: true,
  };
  const colorbar = { outlinewidth: 0, tickfont: { color: muted }, thickness: 12 };
  return {
    layout: {
      paper_bgcolor: ground, // not transparent: a downloaded picture keeps its ground
      plot_bgcolor: ground,
      font: { family: font, color: text, size: 13 },
      colorway: series,
      xaxis: axis,
      yaxis: axis,
      coloraxis: { colorbar },
      annotationdefaults: { font: { color: text } },
      hoverlabel: {
        bgcolor: surface,
        bordercolor: border,
        font: { family: font, color: text, size: 13 },
      },
      legend: { bgcolor: "transparent" },
      modebar: { bgcolor: ground, color: muted, activecolor: text },
      margin: { l: 8, r: 8, t: 28, b: 8 }, // axes make the room that they need
    },
    data: { heatmap: [{ colorbar }] },
  };
}
