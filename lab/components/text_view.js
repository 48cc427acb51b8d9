// Shows a text that a model wrote, each character on the colour of its probability.
//
// Streamlit calls the default export again whenever the data or the theme change, and the function
// that it returned last once, when the component leaves the page. When two changes come at once it
// also calls what the first of them returned, so that function looks whether the page has been
// left. All text is set as textContent.

const views = new WeakMap(); // the element that Streamlit gave us -> its TextView

export default function ({ parentElement, data, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new TextView(parentElement);
    views.set(parentElement, view);
  }
  view.update(data, (choice) => setTriggerValue("chosen", choice));
  return () => {
    if (parentElement.isConnected) return;
    views.delete(parentElement);
    view.root.remove();
  };
}

class TextView {
  constructor(parent) {
    this.root = make("div", "view");
    this.bar = make("span", "bar");
    this.readout = make("span", "readout");
    this.readout.setAttribute("role", "status");
    const scale = make("span", "scale");
    scale.append(make("span", "", "0"), this.bar, make("span", "", "1"));
    const legend = make("div", "legend");
    legend.append(make("span", "", "probability"), scale, this.copyButton(), this.readout);

    // Screen readers get the text in one piece; the colours would cut it into single characters.
    this.spoken = make("p", "spoken");
    this.page = make("pre", "page");
    this.page.setAttribute("aria-hidden", "true");
    this.scroller = make("div", "scroller");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "region");
    this.scroller.append(this.spoken, this.page);
    this.others = make("p", "others");
    this.root.append(legend, this.others, this.scroller);
    parent.append(this.root);

    this.clear();
    this.page.onpointerover = (event) => this.point(this.places.get(event.target));
    this.page.onpointerleave = () => this.point(this.locked);
    this.page.onclick = (event) => this.lock(this.places.get(event.target));
    this.scroller.onkeydown = (event) => this.step(event);
    this.scroller.onblur = () => this.point(this.locked);
  }

  /** Puts the whole text, prompt and all, on the clipboard, and says so for a moment. */
  copyButton() {
    const button = make("button", "copy", "Copy");
    button.type = "button";
    button.onclick = async () => {
      button.textContent = (await copied(this.data.prompt + this.data.added))
        ? "Copied"
        : "Not allowed by the browser";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    this.copy = button;
    return button;
  }

  clear() {
    this.page.replaceChildren();
    this.characters = []; // of the added text
    this.elements = []; // theirs, in the same order
    this.places = new Map(); // the way back, from an element to its place
    this.prompt = null;
    this.at = undefined;
    this.locked = undefined;
  }

  update(data, onChoice) {
    this.onChoice = onChoice;
    const added = Array.from(data.added);
    const grew =
      data.prompt === this.prompt && this.characters.every((c, i) => c === added[i]);
    const recoloured = JSON.stringify(data.scale) !== JSON.stringify(this.data?.scale);
    this.data = data;
    if (!grew || recoloured) this.clear();
    this.root.classList.toggle("past", data.is_past);
    this.bar.style.background = `linear-gradient(to right, ${data.scale.map((s) => s[0])})`;
    this.scroller.setAttribute("aria-label", data.alt);
    this.spoken.textContent = data.prompt + data.added || data.hint;

    const follows = this.nearTheEnd();
    if (this.prompt === null) this.begin(data);
    for (let i = this.characters.length; i < added.length; i++) this.add(added[i], i);
    this.characters = added;
    this.mark(data.choosable ? (data.chosen ?? undefined) : undefined);
    this.root.classList.toggle("choosable", data.choosable);
    this.underline(data.marks);
    this.copy.hidden = !added.length;
    if (follows) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.describe();
  }

  begin({ prompt, added, hint }) {
    this.prompt = prompt;
    this.start = Array.from(prompt).length; // where the added text begins
    if (prompt) this.page.append(this.opening(Array.from(prompt)));
    if (!prompt && !added && hint) this.page.append(make("span", "hint", hint));
  }

  /** The prompt, in as few pieces as its characters without ink allow. */
  opening(characters) {
    const element = make("span", "prompt");
    let piece = "";
    characters.forEach((character, place) => {
      const sign = this.data.stand_ins[place];
      if (sign) {
        element.append(piece, signed(make("span", "", character), sign));
        piece = "";
      } else piece += character;
    });
    element.append(piece);
    return element;
  }

  add(character, place) {
    const { scale, probabilities } = this.data;
    const [color, ink] = scale[Math.round(probabilities[place] * (scale.length - 1))];
    const element = make("span", "", character);
    const sign = this.data.stand_ins[this.start + place];
    if (sign) signed(element, sign);
    element.style.background = color;
    element.style.color = ink;
    if (place === 0) this.page.querySelector(".hint")?.remove();
    this.elements.push(element);
    this.places.set(element, place);
    this.page.append(element);
  }

  /** Underline stretches of the added text, and nothing else. */
  underline(stretches) {
    const inside = new Set();
    for (const [start, length] of stretches) {
      for (let place = start; place < start + length; place++) inside.add(place);
    }
    this.elements.forEach((each, place) => each.classList.toggle("underlined", inside.has(place)));
  }

  /** Whether a reader has scrolled to the end; until then the prompt stays in view. */
  nearTheEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollTop > 0 && scrollTop + clientHeight > scrollHeight - 40;
  }

  /** Left and right do from the keyboard what the pointer does. */
  step(event) {
    if (event.key === "Enter") this.lock(this.at);
    if (event.key === "Escape") this.lock(undefined);
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || !this.characters.length) return;
    event.preventDefault();
    const from = this.at ?? this.locked ?? (way > 0 ? -1 : this.characters.length);
    this.point(Math.min(Math.max(from + way, 0), this.characters.length - 1));
    this.elements[this.at].scrollIntoView({ block: "nearest" });
  }

  /** Choose a character, or none: the same once more lets it go. */
  lock(place) {
    if (!this.data.choosable || (place === undefined && this.locked === undefined)) return;
    const chosen = place === this.locked ? undefined : place;
    this.mark(chosen);
    this.onChoice({ place: chosen ?? null });
  }

  mark(place) {
    if (place === this.locked) return;
    this.elements[this.locked]?.classList.remove("locked");
    this.elements[place]?.classList.add("locked");
    this.locked = place;
  }

  point(place) {
    this.elements[this.at]?.classList.remove("pointed");
    this.at = place;
    this.elements[place]?.classList.add("pointed");
    this.describe();
  }

  describe() {
    const { probabilities, ranks, believed, offered, signs, vocab_size } = this.data;
    const listed = (candidates) => said(candidates, signs);
    this.others.textContent = "";
    if (this.at === undefined || this.at >= this.characters.length) {
      this.readout.textContent = this.characters.length ? "point at a character" : "";
      return;
    }
    this.others.textContent =
      `model: ${listed(believed[this.at])}\ndrawn from: ${listed(offered[this.at])}`;
    const character = this.characters[this.at];
    const p = probabilities[this.at];
    const [sign, name] = signs[character];
    this.readout.textContent =
      `${sign}  ${percent(p)} · rank ${ranks[this.at]} of ${vocab_size} · ${name}`;
  }
}

/** The likeliest characters and their probabilities: "e 42 %  a 31 %". */
function said(candidates, signs) {
  return candidates.map(([character, p]) => `${signs[character][0]} ${percent(p)}`).join("  ");
}

/** A probability in two digits or so: "42 %", "4.2 %"; its space does not break. */
function percent(p) {
  if (p < 0.001) return "under 0.1\u202f%";
  return `${(100 * p).toFixed(p < 0.095 ? 1 : 0)}\u202f%`;
}

/** Whether a text could be put on the clipboard; pages from afar may not use the newer way. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

function signed(element, sign) {
  element.classList.add("signed");
  element.dataset.sign = sign;
  return element;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
