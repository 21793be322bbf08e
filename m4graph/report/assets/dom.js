// Elements, numbers in words, colours. Text of a scenario enters the page as text only.

const page = document.getElementById("page");
const content = JSON.parse(document.getElementById("content").textContent);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const number = (value, digits = 4) =>
  value.toLocaleString("en", { maximumSignificantDigits: Math.max(digits, whole(value)) });
const whole = (value) => (Number.isInteger(value) ? 15 : 1);

const SCALES = {
  bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"], [1, "B"]],
  us: [[1e6, "s"], [1e3, "ms"], [1, "µs"]],
  ns: [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
};

function spell(value, unit = "") {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (unit === "percent") return `${number(Number((100 * value).toPrecision(3)))} %`;
  if (unit === "s") return `${number(value, 3)} s`;
  if (unit === "plain") return String(value);
  if (!(unit in SCALES)) return number(value);
  const [scale, name] = SCALES[unit].find(([least]) => Math.abs(value) >= least * 0.9995) ??
    SCALES[unit].at(-1);
  return `${number(Number((value / scale).toPrecision(4)))} ${name}`;
}

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const SPARE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#7A5195"];

// The colour of a simulator; that of the truth, black elsewhere, is the colour of text.
function colour(name, index) {
  if (name === content.black) return ink("ink");
  return content.colours[name] ?? SPARE[index % SPARE.length];
}

// What a chart shows below the pointer: a heading, and rows of [colour or null, name, text].
function tip(heading, rows) {
  const lines = rows.map(([dot, name, text]) => {
    const label = element("span", {}, ...(dot ? [element("i", { style: `background:${dot}` })] : []), name);
    return element("div", {}, label, element("span", {}, text));
  });
  return element("div", { class: "tip" }, element("b", {}, heading), ...lines);
}

// It stands on the page before anything is drawn in it, as a chart takes the size of its place.
function section(part) {
  const box = element("section", { "data-kind": part.kind }, element("h2", {}, part.title));
  if (part.text) box.append(element("p", {}, part.text));
  page.append(box);
  return box;
}

// Buttons of which one is pressed; calls with its number.
function choices(names, act) {
  const buttons = names.map((name, index) =>
    element("button", { type: "button", "aria-pressed": index === 0, onclick: () => press(index) }, name));
  const press = (index) => {
    buttons.forEach((button, each) => button.setAttribute("aria-pressed", each === index));
    act(index);
  };
  return element("div", { class: "tools" }, ...buttons);
}
