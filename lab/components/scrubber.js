// Moves through the steps of a run at which its model was kept: a curve, a slider under it, play.
//
// Python is told of each move and answers with new data, in which `echo` is the number of the move.
// The next move is made only when the page that shows the last one is drawn to its end: Streamlit
// would leave off drawing it, and while one drags, nothing would be seen.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. All text is set as textContent.

const SHORTEST_STAY_MS = 450; // at each step, while it plays
const IMPATIENCE_MS = 5000; // then a move counts as answered
const SVG = "http://www.w3.org/2000/svg";
const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const scrubbers = new WeakMap(); // the element that Streamlit gave us -> its Scrubber

export default function ({ parentElement, data, setTriggerValue }) {
  let scrubber = scrubbers.get(parentElement);
  if (!scrubber) {
    scrubber = new Scrubber(parentElement);
    scrubbers.set(parentElement, scrubber);
  }
  scrubber.update(data, (move) => setTriggerValue("moved", move));
  return () => {
    if (parentElement.isConnected) return;
    scrubbers.delete(parentElement);
    scrubber.destroy();
  };
}

class Scrubber {
  constructor(parent) {
    this.root = make("div", "scrubber");
    this.play = make("button", "play");
    this.play.type = "button";
    this.sign = svg("path");
    const icon = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
    icon.append(this.sign);
    this.play.append(icon);
    this.play.onclick = () => this.setPlaying(!this.playing);

    this.line = svg("polyline", { class: "curve" });
    this.cursor = svg("line", { class: "cursor", y1: 0, y2: 1 });
    this.drawing = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    this.drawing.append(this.line, this.cursor);
    this.dot = make("span", "best");
    this.slider = make("input", "slider");
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.step = 1;
    this.slider.oninput = () => {
      this.setPlaying(false);
      this.go(Number(this.slider.value));
    };
    this.ticks = make("div", "ticks");
    const picture = make("div", "picture");
    picture.append(this.drawing, this.dot);
    const track = make("div", "track");
    track.append(picture, this.slider, this.ticks);

    this.readout = make("p", "readout");
    this.readout.setAttribute("role", "status");
    this.buttons = ["best", "newest"].map((moment) => {
      const button = make("button", "moment");
      button.type = "button";
      button.onclick = () => {
        this.setPlaying(false);
        this.send(moment);
      };
      return button;
    });
    const moments = make("div", "moments");
    moments.append(...this.buttons);
    const side = make("div", "side");
    side.append(this.readout, moments);
    this.root.append(this.play, track, side);
    parent.append(this.root);

    this.nMoves = 0;
    this.wanted = undefined; // a place that the reader moved to and Python has not been told
    this.setPlaying(false);
  }

  update(data, onMove) {
    const other = data.run !== this.data?.run;
    this.data = data;
    this.onMove = onMove;
    if (other) {
      this.setPlaying(false);
      this.wanted = undefined;
      this.nMoves = data.echo;
    }
    this.draw();
    if (data.echo === this.nMoves) this.answered();
  }

  draw() {
    const { steps, place, curve, best, color, alt, labels } = this.data;
    const last = Math.max(steps.length - 1, 1);
    this.root.style.setProperty("--run-color", color);
    this.drawing.setAttribute("viewBox", `0 0 ${last} 1`);
    this.line.setAttribute("points", curve.map((point) => point.join(",")).join(" "));
    this.dot.hidden = best === null;
    if (best !== null) {
      this.dot.style.left = `${(100 * best[0]) / last}%`;
      this.dot.style.top = `${100 * best[1]}%`;
    }
    this.slider.max = steps.length - 1;
    this.slider.disabled = this.play.disabled = steps.length < 2;
    this.slider.setAttribute("aria-label", alt);
    const shown = this.wanted ?? place;
    if (Number(this.slider.value) !== shown) this.slider.value = shown;
    this.drawTicks(labels, last);
    this.keepTicksApart();
    this.drawPlace(shown);
    this.drawSide();
  }

  drawTicks(labels, last) {
    if (JSON.stringify(labels) === this.drawnTicks) return;
    this.drawnTicks = JSON.stringify(labels);
    this.ticks.replaceChildren(
      ...labels.map(([place, text]) => {
        const tick = make("span", "", text);
        tick.style.left = `${(100 * place) / last}%`;
        return tick;
      }),
    );
  }

  // Where there is little room, every label that would run into the one before it goes.
  keepTicksApart() {
    let taken = -Infinity;
    for (const tick of this.ticks.children) {
      const { left, right, width } = tick.getBoundingClientRect();
      const fits = !width || left > taken + 4;
      tick.style.visibility = fits ? "visible" : "hidden";
      if (fits) taken = right;
    }
  }

  drawPlace(place) {
    this.cursor.setAttribute("x1", place);
    this.cursor.setAttribute("x2", place);
    this.slider.setAttribute("aria-valuetext", `step ${this.data.steps[place]}`);
  }

  drawSide() {
    const { readout, moment, names } = this.data;
    if (this.readout.textContent !== readout) this.readout.textContent = readout;
    this.buttons.forEach((button, i) => {
      const [value, name, help] = names[i];
      button.textContent = name;
      button.title = help;
      button.setAttribute("aria-pressed", String(moment === value));
    });
  }

  setPlaying(playing) {
    this.playing = playing;
    clearTimeout(this.timer);
    this.sign.setAttribute("d", playing ? PAUSE : PLAY);
    this.play.setAttribute("aria-label", playing ? "Pause" : "Play the training");
    this.play.title = playing ? "Pause" : "Play the training, from this step on";
    if (!playing) return;
    const { place, steps } = this.data;
    this.go(place + 1 < steps.length ? place + 1 : 0);
  }

  go(place) {
    this.wanted = place;
    this.drawPlace(place);
    if (Number(this.slider.value) !== place) this.slider.value = place;
    if (!this.waiting) this.sendWanted();
  }

  sendWanted() {
    const place = this.wanted;
    this.wanted = undefined;
    if (place !== undefined && place !== this.data.place) this.send(this.data.steps[place]);
  }

  send(moment) {
    this.nMoves += 1;
    this.waiting = true;
    this.sentAt = performance.now();
    this.impatience = setTimeout(() => this.settled(), IMPATIENCE_MS);
    this.onMove({ moment, number: this.nMoves });
  }

  /** Python has drawn the slider; the pictures below it may still be under way. */
  answered() {
    if (!this.waiting) return;
    if (isDrawingThePage()) requestAnimationFrame(() => this.answered());
    else this.settled();
  }

  settled() {
    clearTimeout(this.impatience);
    this.waiting = false;
    if (this.wanted !== undefined) this.sendWanted();
    else if (this.playing) this.playOn();
  }

  playOn() {
    const stay = Math.max(0, SHORTEST_STAY_MS - (performance.now() - this.sentAt));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const next = this.data.place + 1;
      if (next < this.data.steps.length) this.go(next);
      else this.setPlaying(false);
    }, stay);
  }

  destroy() {
    clearTimeout(this.timer);
    clearTimeout(this.impatience);
    this.playing = this.waiting = false;
    this.root.remove();
  }
}

function isDrawingThePage() {
  const app = document.querySelector("[data-testid=stApp]");
  return app?.getAttribute("data-test-script-state") === "running";
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
