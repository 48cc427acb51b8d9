// Shows a passage as several models read it: one row of characters for each, in common columns.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. All text is set as textContent.

const views = new WeakMap(); // the element that Streamlit gave us -> its PassageView
const NAME_PX = 152;
const CELL_PX = { narrow: 11, wide: 18 };

export default function ({ parentElement, data }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new PassageView(parentElement);
    views.set(parentElement, view);
  }
  view.update(data);
  return () => {
    if (parentElement.isConnected) return;
    views.delete(parentElement);
    view.resizes.disconnect();
    view.root.remove();
  };
}

class PassageView {
  constructor(parent) {
    this.root = make("div", "passage");
    this.legend = make("div", "legend");
    this.readout = make("div", "readout");
    this.readout.setAttribute("role", "status");
    this.spoken = make("p", "spoken");
    this.blocks = make("div", "blocks");
    this.blocks.tabIndex = 0;
    this.blocks.setAttribute("role", "region");
    this.blocks.onkeydown = (event) => this.step(event);
    this.blocks.onblur = () => this.point(undefined);
    this.blocks.onpointerover = (event) => this.point(placeOf(event.target));
    this.blocks.onpointerleave = () => this.point(undefined);
    this.root.append(this.legend, this.readout, this.spoken, this.blocks);
    parent.append(this.root);
    this.resizes = new ResizeObserver(() => this.lay(false));
    this.resizes.observe(this.root);
  }

  update(data) {
    this.data = data;
    this.at = undefined;
    this.cell_px = data.is_wide ? CELL_PX.wide : CELL_PX.narrow;
    this.root.style.setProperty("--cell", `${this.cell_px}px`);
    this.spoken.textContent = data.alt;
    this.blocks.setAttribute("aria-label", "The passage, character by character: arrow keys");
    this.drawLegend();
    this.lay(true);
    this.describe();
  }

  drawLegend() {
    const { scale, difference_scale, top_bits, top_difference, difference } = this.data;
    const surprise = bar(scale, "surprise: 0 bits", `${top_bits} and more`);
    this.legend.replaceChildren(surprise);
    if (difference) {
      const low = `${difference.name}: −${top_difference}`;
      this.legend.append(bar(difference_scale, low, `+${top_difference} bits`));
    }
    this.legend.append(make("span", "", "underlined: the likeliest guess was right"));
  }

  /** Break the rows where the page ends; only where that has changed, or the data. */
  lay(isNew) {
    const width = this.root.clientWidth;
    if (!width || !this.data) return;
    const columns = Math.max(10, Math.floor((width - NAME_PX - 4) / this.cell_px));
    if (!isNew && columns === this.columns) return;
    this.columns = columns;
    this.columnsOf = new Map(); // place -> its cells
    const n = this.data.signs.length;
    const blocks = [];
    for (let first = 0; first < n; first += columns) {
      blocks.push(this.block(first, Math.min(n, first + columns)));
    }
    this.blocks.replaceChildren(...blocks);
  }

  block(first, end) {
    const { rows, difference } = this.data;
    const block = make("div", "block");
    block.setAttribute("aria-hidden", "true");
    for (const row of rows) block.append(this.line(row, first, end));
    if (difference) block.append(this.differenceLine(difference, first, end));
    return block;
  }

  line(row, first, end) {
    const { signs, scale, top_bits } = this.data;
    return this.row(row.name, row.color, first, end, (cell, place) => {
      cell.textContent = signs[place];
      cell.classList.toggle("unread", !place);
      if (!place) return; // nothing stood before it
      paint(cell, scale, row.bits[place - 1] / top_bits);
      cell.classList.toggle("right", row.guesses[place - 1] === signs[place]);
    });
  }

  differenceLine({ name, bits }, first, end) {
    const { difference_scale, top_difference } = this.data;
    return this.row(name, "", first, end, (cell, place) => {
      if (!place) return;
      const by = bits[place - 1];
      cell.textContent = by >= 0.5 ? "+" : by <= -0.5 ? "−" : "·";
      paint(cell, difference_scale, 0.5 + by / (2 * top_difference));
    });
  }

  row(name, color, first, end, fill) {
    const row = make("div", "row");
    const label = make("span", "name", name);
    label.style.color = color;
    label.title = name;
    const cells = make("span", "cells");
    for (let place = first; place < end; place++) {
      const cell = make("span", "cell");
      cell.dataset.place = String(place);
      fill(cell, place);
      cells.append(cell);
      if (!this.columnsOf.has(place)) this.columnsOf.set(place, []);
      this.columnsOf.get(place).push(cell);
    }
    row.append(label, cells);
    return row;
  }

  /** The arrow keys do from the keyboard what the pointer does. */
  step(event) {
    const last = this.data.signs.length - 1;
    const at = this.at;
    const to = {
      ArrowLeft: at === undefined ? last : at - 1,
      ArrowRight: at === undefined ? 0 : at + 1,
      ArrowUp: at === undefined ? last : at - this.columns,
      ArrowDown: at === undefined ? 0 : at + this.columns,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.point(Math.min(Math.max(to, 0), last));
    this.columnsOf.get(this.at)[0].scrollIntoView({ block: "nearest" });
  }

  point(place) {
    const mark = (at, on) =>
      this.columnsOf?.get(at)?.forEach((cell) => cell.classList.toggle("pointed", on));
    mark(this.at, false);
    this.at = place;
    mark(place, true);
    this.describe();
  }

  describe() {
    const { signs, names, rows, difference } = this.data;
    if (this.at === undefined) {
      this.readout.replaceChildren(
        make("span", "", "Point at a character, or use the arrow keys, for its numbers."),
      );
      return;
    }
    const at = this.at;
    const said = [`character ${at + 1} of ${signs.length}: ${signs[at]} ${names[at]}`];
    if (!at) said.push("nothing stands before it, so it is not guessed");
    else {
      for (const { name, bits, guesses, probabilities } of rows) {
        const guess = `${guesses[at - 1]} ${Math.round(100 * probabilities[at - 1])} %`;
        said.push(`${name}: ${bits[at - 1].toFixed(2)} bits, likeliest ${guess}`);
      }
      if (difference) said.push(differenceWords(difference, difference.bits[at - 1]));
    }
    this.readout.replaceChildren(...said.map((each) => make("span", "", each)));
  }
}

function differenceWords({ above, below }, bits) {
  return `${Math.abs(bits).toFixed(2)} bits ${bits >= 0 ? above : below}`;
}

function placeOf(element) {
  const place = element.dataset?.place;
  return place === undefined ? undefined : Number(place);
}

/** The colour of a share of a scale, from 0 to 1, and the ink on it. */
function paint(cell, scale, share) {
  const place = Math.round(Math.min(Math.max(share, 0), 1) * (scale.length - 1));
  [cell.style.background, cell.style.color] = scale[place];
}

function bar(scale, from, to) {
  const drawn = make("span", "scale");
  const colors = make("span", "bar");
  colors.style.background = `linear-gradient(to right, ${scale.map((stop) => stop[0])})`;
  drawn.append(make("span", "", from), colors, make("span", "", to));
  return drawn;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
