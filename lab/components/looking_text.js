// Shows a text with a lane for each head under every character: where it looks, and from where it is
// looked at.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. All text is set as textContent. What the weights say stands in looking_weights.js, which
// comes before this in the same script.

const views = new WeakMap(); // the element that Streamlit gave us -> its LookingText

const NUMBERS_PX = 20; // beside each line: the numbers of its lanes
const CELL_PX = { least: 18, most: 28 };
const LANES_PX = 36; // all lanes of a character together, where each has its least height
const LANE_PX = { least: 8, most: 16 };
const MOST_AT_ONCE = 8; // heads that are on at first: there are as many colours

export default function ({ parentElement, data, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new LookingText(parentElement);
    views.set(parentElement, view);
  }
  view.update(data, (place) => setTriggerValue("chosen", place));
  return () => {
    if (parentElement.isConnected) return;
    views.delete(parentElement);
    view.destroy();
  };
}

class LookingText {
  constructor(parent) {
    this.root = make("div", "view");
    this.legend = make("div", "legend");
    this.legend.setAttribute("role", "group");
    this.legend.setAttribute("aria-label", "Heads");
    this.said = make("p", "said");
    this.said.setAttribute("role", "status");
    this.scroller = make("div", "scroller");
    this.scroller.setAttribute("role", "listbox");
    this.scroller.setAttribute("aria-label", "The text; arrow keys move, Enter holds a character");
    this.scroller.setAttribute("aria-orientation", "horizontal");
    this.root.append(this.legend, this.said, this.scroller);
    parent.append(this.root);

    this.isHeld = false; // whether the chosen character stays, whatever is pointed at
    this.scroller.onpointerover = (event) => this.point(this.placeOf(event.target));
    this.scroller.onpointerleave = () => this.point(undefined);
    this.scroller.onclick = (event) => this.hold(this.placeOf(event.target));
    this.scroller.addEventListener("focusin", (e) => this.point(this.placeOf(e.target)));
    this.scroller.addEventListener("focusout", () => this.point(undefined));
    this.scroller.onkeydown = (event) => this.press(event);
    this.resizeObserver = new ResizeObserver(() => this.layOut());
    this.resizeObserver.observe(this.scroller);
  }

  destroy() {
    this.resizeObserver.disconnect();
    this.root.remove();
  }

  update(data, choose) {
    const before = this.data;
    this.data = data;
    this.choose = choose;
    if (data.weights !== before?.weights) this.weights = new LookingWeights(data);
    // What the page says counts where it is news: the reader may have gone on meanwhile.
    if (data.place !== before?.place) this.place = data.place;
    if (data.n_heads !== before?.n_heads) {
      this.isOn = data.colors.map((_, head) => head < MOST_AT_ONCE);
    }
    const isOtherText = data.characters.join("") !== before?.characters.join("");
    if (isOtherText) {
      this.isHeld = false;
      this.pointed = undefined;
      this.place = data.place;
    }
    const isOther =
      isOtherText || data.layer !== before?.layer || `${data.colors}` !== `${before?.colors}`;
    if (isOther || data.head !== before?.head) this.drawLegend();
    if (isOther) this.layOut(true);
    else this.paint();
  }

  // --- what stands where ---------------------------------------------------------------------

  /** A button for each head, and one for all of them. They stay, so that focus does. */
  drawLegend() {
    const { colors, head: large, layer } = this.data;
    const kept = this.heads?.length === colors.length;
    this.heads = kept ? this.heads : colors.map(() => makeHead());
    this.heads.forEach((button, head) => {
      button.classList.toggle("large", head === large);
      button.swatch.style.borderColor = colors[head];
      button.number.textContent = `${layer}.${head + 1}`;
      button.title = `Show or hide the lane of head ${layer}.${head + 1}`;
      button.onclick = () => this.toggle(head);
    });
    this.every ??= make("button", "every");
    this.every.onclick = () => this.toggleEvery();
    if (!kept) this.legend.replaceChildren(...this.heads);
    if (colors.length > 1) this.legend.append(this.every);
    else this.every.remove();
  }

  toggle(head) {
    this.isOn[head] = !this.isOn[head];
    this.layOut(true);
  }

  /** All heads, or where all are on, the one alone that the page shows large. */
  toggleEvery() {
    const all = this.isOn.every(Boolean);
    this.isOn = this.isOn.map((_, head) => !all || head === this.data.head);
    this.layOut(true);
  }

  /** Break the text into lines that fit, give every character its lanes, and paint them. */
  layOut(anew = false) {
    const width = this.scroller.clientWidth - 4;
    if (anew) this.width = undefined; // also while it is hidden: then as soon as it is not
    if (!this.data || width <= 0 || width === this.width) return;
    this.width = width;
    const { characters } = this.data;
    const room = width - NUMBERS_PX;
    const wished = Math.floor(room / characters.length);
    this.cellPx = Math.min(CELL_PX.most, Math.max(CELL_PX.least, wished));
    this.lines = linesOf(characters, Math.max(1, Math.floor(room / this.cellPx)));

    const hadFocus = this.scroller.contains(this.scroller.getRootNode().activeElement);
    const focused = this.tabStop ?? this.place;
    this.cells = characters.map((character, place) => this.cellFor(character, place));
    this.scroller.replaceChildren(...this.lines.map(([from, to]) => this.lineOf(from, to)));
    this.moveTabStop(Math.min(focused, characters.length - 1));
    if (hadFocus) this.cells[this.tabStop].focus();
    this.paint();
  }

  get headsOn() {
    return this.data.colors.map((_, head) => head).filter((head) => this.isOn[head]);
  }

  get lanePx() {
    const height = LANES_PX / Math.max(1, this.headsOn.length);
    return Math.min(LANE_PX.most, Math.max(LANE_PX.least, height));
  }

  lineOf(from, to) {
    const line = make("div", "line");
    line.setAttribute("role", "presentation");
    const numbers = make("span", "numbers");
    numbers.setAttribute("aria-hidden", "true");
    for (const head of this.headsOn) {
      const number = make("span", "", `${head + 1}`);
      number.style.height = `${this.lanePx}px`;
      number.style.fontSize = `${Math.min(11, this.lanePx)}px`;
      numbers.append(number);
    }
    line.append(numbers, ...this.cells.slice(from, to));
    return line;
  }

  cellFor(character, place) {
    const { signs, spoken, colors } = this.data;
    const cell = make("span", "cell");
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-label", `${spoken[character]}, character ${place + 1}`);
    cell.tabIndex = -1;
    cell.style.width = `${this.cellPx}px`;
    cell.place = place;
    const sign = make("span", "sign", signs[character]);
    cell.lanes = this.headsOn.map((head) => {
      const lane = make("span", "lane");
      const fill = make("span", "fill");
      lane.style.height = `${this.lanePx}px`;
      fill.style.borderColor = colors[head];
      lane.append(fill);
      return lane;
    });
    cell.append(sign, ...cell.lanes);
    // As high with fewer heads on, so that nothing below moves.
    cell.style.minHeight = `calc(1.625rem + ${this.mostLanesPx}px)`;
    return cell;
  }

  get mostLanesPx() {
    const n = Math.min(this.data.colors.length, MOST_AT_ONCE);
    return Math.max(LANES_PX / 2, Math.min(LANES_PX, n * LANE_PX.most), n * LANE_PX.least);
  }

  // --- what the reader does --------------------------------------------------------------------

  placeOf(element) {
    return element.closest?.(".cell")?.place;
  }

  point(place) {
    if (place === this.pointed) return;
    this.pointed = place;
    this.paint();
  }

  /** Hold a character, or let it go where it is held already. */
  hold(place) {
    if (place === undefined) return;
    if (this.isHeld && this.place === place) return this.letGo();
    this.isHeld = true;
    this.place = place;
    this.moveTabStop(place);
    this.choose(place);
    this.paint();
  }

  letGo() {
    this.isHeld = false;
    this.paint();
  }

  press(event) {
    const { key } = event;
    const at = this.placeOf(event.target);
    if (at === undefined) return;
    const last = this.cells.length - 1;
    const goal = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: this.inNextLine(at, -1),
      ArrowDown: this.inNextLine(at, 1),
      Home: 0,
      End: last,
    }[key];
    if (goal !== undefined) {
      this.moveTabStop(Math.min(Math.max(goal, 0), last));
      this.cells[this.tabStop].focus();
      this.cells[this.tabStop].scrollIntoView({ block: "nearest" });
    } else if (key === "Enter" || key === " ") this.hold(at);
    else if (key === "Escape" && this.isHeld) this.letGo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The character above or below, or the same one at the first and the last line. */
  inNextLine(place, way) {
    const number = this.lines.findIndex(([from, to]) => from <= place && place < to);
    const [from, to] = this.lines[number + way] ?? [place, place + 1];
    return Math.min(from + place - this.lines[number][0], to - 1);
  }

  /** One character can be reached by Tab; from there the arrow keys go on. */
  moveTabStop(place) {
    if (this.cells[this.tabStop]) this.cells[this.tabStop].tabIndex = -1;
    this.tabStop = place;
    this.cells[place].tabIndex = 0;
  }

  // --- what is shown ---------------------------------------------------------------------------

  paint() {
    if (!this.cells) return;
    const shown = this.isHeld ? this.place : (this.pointed ?? this.place);
    const { colors } = this.data;
    const on = this.headsOn;
    this.cells.forEach((cell, place) => {
      const isLater = place > shown;
      cell.classList.toggle("shown", place === shown);
      cell.classList.toggle("held", this.isHeld && place === this.place);
      cell.classList.toggle("later", isLater);
      cell.setAttribute("aria-selected", `${place === this.place}`);
      cell.lanes.forEach((lane, i) => {
        const [from, to] = isLater ? [place, shown] : [shown, place];
        const fill = lane.firstChild;
        fill.style.background = isLater ? "" : colors[on[i]];
        fill.style.opacity = strength(this.weights.share(on[i], from, to)).toFixed(3);
      });
    });
    this.describe(shown);
  }

  describe(shown) {
    const { colors, layer } = this.data;
    this.heads.forEach((button, head) => {
      const isOn = this.isOn[head];
      const [most, share] = this.weights.mostLookedAt(head, shown);
      button.setAttribute("aria-pressed", `${isOn}`);
      button.swatch.style.background = isOn ? colors[head] : "";
      button.most.textContent = `${this.where(most)} ${percent(share)}`;
      button.setAttribute("aria-label", `head ${layer}.${head + 1}`);
    });
    const all = this.isOn.every(Boolean);
    this.every.textContent = all ? `only head ${layer}.${this.data.head + 1}` : "all heads";
    const others = this.isHeld && this.pointed !== undefined && this.pointed !== shown;
    const sentence = others ? this.between(shown, this.pointed) : this.summary(shown);
    const how = this.isHeld ? "Escape or another click lets it go." : "A click or Enter holds it.";
    const hint = `Filled: what it looks at; framed: who looks at it. ${how}`;
    this.said.replaceChildren(make("span", "", `${sentence} `), make("span", "hint", hint));
  }

  /** Where most of what one character takes comes from, by all heads that are on; and who takes. */
  summary(shown) {
    if (!this.headsOn.length) return "All heads are switched off.";
    const looks = this.headsOn.map((head) => [head, ...this.weights.mostLookedAt(head, shown)]);
    const [head, most, share] = looks.reduce((a, b) => (b[2] > a[2] ? b : a));
    const whom = most === shown ? "itself" : this.where(most);
    const first =
      `${this.where(shown)} looks most at ${whom}: ${percent(share)} (head ${this.name(head)}).`;
    const [taker, by, taken] = this.weights.mostTakenBy(shown, this.headsOn);
    if (taker === undefined) return first;
    const who = `Of the later ones ${this.where(taker)} takes most from it`;
    return `${first} ${who}: ${percent(taken)} (head ${this.name(by)}).`;
  }

  /** What one of two characters takes from the other, head by head. */
  between(shown, other) {
    const [from, to] = other > shown ? [other, shown] : [shown, other];
    const shares = this.headsOn.map(
      (head) => `head ${this.name(head)} ${percent(this.weights.share(head, from, to))}`,
    );
    return `${this.where(from)} takes from ${this.where(to)}: ${shares.join(", ")}.`;
  }

  where(place) {
    return `${this.data.said[this.data.characters[place]]} (${place + 1})`;
  }

  name(head) {
    return `${this.data.layer}.${head + 1}`;
  }
}

/** How opaque a share is drawn: its cube root, so that one in a hundred can still be seen. */
function strength(share) {
  return Math.cbrt(share);
}

function makeHead() {
  const button = make("button", "head");
  button.swatch = make("span", "swatch");
  button.number = make("span", "number");
  button.most = make("span", "most");
  button.most.setAttribute("aria-hidden", "true");
  button.append(button.swatch, button.number, button.most);
  return button;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button";
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
