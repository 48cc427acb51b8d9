// Loads Plotly's script, tells Python when the reader changes the theme or follows a link to the
// glossary, lets what scrolls be reached by keyboard, and says when the server is gone.
//
// Streamlit calls the default export again at each run of the page, and the function that it
// returned last when the component leaves.

const READY_EVENT = "lab-plotly-ready"; // live_plot.js waits for it
const TERM_LINK = "a[href^='glossary?term=']";
const MARK = "data-lab-chosen";
const SETTLED_MS = 200;
const CONNECTION = "data-test-connection-state"; // as Streamlit notes it at its app
const GONE = ["PINGING_SERVER", "DISCONNECTED_FOREVER"];
const GONE_MS = 1000; // a moment without it is no news
const GONE_TEXT =
  "The lab does not answer: its server has ended, or cannot be reached. What was saved is kept. " +
  "Start it again (streamlit run lab/Home.py), and this page goes on by itself.";
let knownGround, knownText; // colours of the theme, which outside of components have no names
let askForTerm; // the newest run's, since only that one is heard

export default function ({ data, parentElement, setTriggerValue }) {
  loadPlotly(data.plotly_address);

  const theme = getComputedStyle(parentElement);
  knownText = theme.getPropertyValue("--st-text-color");
  const ground = theme.getPropertyValue("--st-background-color");
  if (knownGround && knownGround !== ground) setTriggerValue("theme_changed", true);
  knownGround = ground;

  askForTerm = (term) => setTriggerValue("term_asked", term);
  // The same functions each time: a listener that is there already is not added again.
  document.addEventListener("click", followTerm, true);
  document.addEventListener("keydown", chooseTerm, true);

  // A slider that was dragged keeps the focus, and with it every key that is a shortcut.
  const letGo = () => {
    if (document.activeElement?.type === "range") document.activeElement.blur();
  };
  window.addEventListener("pointerup", letGo);
  let looking;
  const watch = new MutationObserver(() => {
    clearTimeout(looking);
    looking = setTimeout(letKeysScroll, SETTLED_MS);
    sayWhetherItAnswers();
  });
  const changes = { childList: true, subtree: true, attributeFilter: ["open", CONNECTION] };
  watch.observe(document.body, changes);
  return () => {
    window.removeEventListener("pointerup", letGo);
    watch.disconnect();
  };
}

// Text that Streamlit lets scroll holds nothing that takes the focus, so it takes it itself.
function letKeysScroll() {
  for (const text of document.querySelectorAll("pre, .katex-display")) {
    const scrolls = text.scrollWidth > text.clientWidth || text.scrollHeight > text.clientHeight;
    if (scrolls) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
  }
}

// In Streamlit's words it would be the internet that is gone, so its dialog is closed.
function sayWhetherItAnswers() {
  const said = document.querySelector(".lab-gone");
  if (!isGone()) {
    said?.remove();
    return;
  }
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    if (dialog.innerText.startsWith("Connection error")) dialog.querySelector("button")?.click();
  }
  if (!said) setTimeout(sayThatItIsGone, GONE_MS);
}

function sayThatItIsGone() {
  if (!isGone() || document.querySelector(".lab-gone")) return;
  const said = document.createElement("div");
  said.className = "lab-gone";
  said.role = "alert";
  said.textContent = GONE_TEXT;
  Object.assign(said.style, { color: knownGround, background: knownText });
  document.body.append(said);
}

function isGone() {
  return GONE.includes(document.querySelector(`[${CONNECTION}]`)?.getAttribute(CONNECTION));
}

function loadPlotly(address) {
  if (window.Plotly || document.querySelector(`script[src="${address}"]`)) return;
  const script = document.createElement("script");
  script.src = address;
  script.onload = () => window.dispatchEvent(new Event(READY_EVENT));
  script.onerror = () => script.remove(); // so that the next run tries again
  document.head.append(script);
}

// Streamlit opens every link in a new tab. Within the lab the page changes instead, and what the
// reader has set stays; with a key that asks for a new tab there is one.
function followTerm(event) {
  const link = event.target.closest?.(TERM_LINK);
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  askForTerm(new URL(link.href).searchParams.get("term"));
}

// What opens at a question mark closes when the question mark loses the focus, so that its links
// cannot be reached by Tab. Here arrows choose one of them, and Enter follows it.
function chooseTerm(event) {
  const opened = document.activeElement?.closest("[aria-describedby]");
  const words = opened && document.getElementById(opened.getAttribute("aria-describedby"));
  const links = [...(words?.querySelectorAll(TERM_LINK) ?? [])];
  if (!links.length) return;
  const chosen = links.findIndex((link) => link.hasAttribute(MARK));
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (way) {
    const next = links[Math.min(Math.max(chosen + way, 0), links.length - 1)];
    links[chosen]?.removeAttribute(MARK);
    next.setAttribute(MARK, "");
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "Enter") {
    (links[chosen] ?? links[0]).click();
    event.preventDefault();
  }
}
