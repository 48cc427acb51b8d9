// Draws a model as a map of buttons, from the characters that go in to the guess that comes out.
//
// The buttons stay for as long as the model has the same parts; only their pictures are drawn anew.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. All text is set as textContent. What stands in saving.js, csv.js and map_picture.js is before
// this in the same script.

const maps = new WeakMap(); // the element that Streamlit gave us -> its ModelMap

export default function ({ parentElement, data, setTriggerValue }) {
  let map = maps.get(parentElement);
  if (!map) {
    map = new ModelMap(parentElement);
    maps.set(parentElement, map);
  }
  map.update(data, (key) => setTriggerValue("pressed", key));
  return () => {
    if (parentElement.isConnected) return;
    maps.delete(parentElement);
    map.root.remove();
  };
}

class ModelMap {
  constructor(parent) {
    this.root = make("div", "map");
    parent.append(this.root);
  }

  update(data, onPress) {
    this.data = data;
    this.onPress = onPress;
    const { ways_in, stream, layers, ways_out, picture_px } = data;
    const parts = JSON.stringify([ways_in, stream, layers, ways_out, picture_px]);
    if (parts !== this.parts) this.build();
    this.parts = parts;
    this.text.textContent = data.text;
    this.guess.textContent = data.guess;
    this.root.style.setProperty("--run-color", data.color);
    this.root.style.setProperty("--picture-px", `${data.picture_px}px`);
    for (const [key, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(key === data.chosen));
      button.disabled = !data.is_pressable;
      this.draw(button, data.pictures[key]);
    }
  }

  build() {
    const { ways_in, stream, layers, ways_out } = this.data;
    this.buttons = new Map();
    this.text = make("p", "text");
    this.guess = make("p", "text");
    this.root.replaceChildren(this.text, this.row(ways_in));
    if (stream) {
      const body = make("div", "body");
      const rows = make("div", "layers");
      rows.append(...layers.map((layer) => this.row(layer)));
      body.append(this.button(stream, "part stream"), rows);
      this.root.append(body);
    }
    for (const part of ways_out) this.root.append(this.row([part]));
    this.root.append(this.guess, this.saving());
  }

  saving() {
    const { name } = this.data;
    const svg = () => svgOfMap(this.root);
    const row = make("div", "save");
    row.append(
      saveButton("SVG", name, () => svgBlob(svg())),
      saveButton("PNG", name, () => pngBlob(svg())),
      saveButton("CSV", name, () => csvBlob(csvOf(partsOfMap(this.data)))),
    );
    return row;
  }

  row(parts) {
    const row = make("div", "row");
    row.append(...parts.map((part) => this.button(part, "part")));
    return row;
  }

  button({ key, title, detail }, className) {
    const button = make("button", className);
    button.type = "button";
    button.append(make("span", "title", title), make("span", "detail", detail));
    button.title = `${title}: ${detail}`;
    button.onclick = () => this.onPress(key);
    this.buttons.set(key, button);
    return button;
  }

  draw(button, picture) {
    let canvas = button.querySelector("canvas");
    if (!picture) {
      canvas?.remove();
      return;
    }
    if (!canvas) {
      canvas = make("canvas", "");
      canvas.setAttribute("aria-hidden", "true");
      button.append(canvas);
    }
    const cells = Uint8Array.from(atob(picture.cells), (c) => c.charCodeAt(0));
    const colors = this.data.scales[picture.kind].map(channels);
    canvas.width = picture.columns;
    canvas.height = cells.length / picture.columns;
    const image = new ImageData(canvas.width, canvas.height);
    cells.forEach((cell, i) => {
      const color = colors[Math.round((cell / 255) * (colors.length - 1))];
      image.data.set([...color, 255], 4 * i);
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

/** "#RRGGBB" as three numbers. */
function channels(color) {
  return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
