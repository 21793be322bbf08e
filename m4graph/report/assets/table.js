// Tables: a click on a heading sorts, a box filters, and many rows come page by page.

const ROWS = 100;

function tableSection(part) {
  const box = section(part);
  box.append(table(part.columns).place);
}

// The table of flows: what is chosen in the network leaves only its flows, a click on one shows it.
function flowsSection(part) {
  const box = section(part);
  const { flows } = content;
  const links = part.met.link ?? [];
  const columns = [
    { name: "flow", unit: "plain", values: flows.id }, { name: "from", unit: "plain", values: flows.src },
    { name: "to", unit: "plain", values: flows.dst }, { name: "size", unit: "bytes", values: flows.size_bytes },
    { name: "start", unit: "us", values: flows.start_us }, { name: "alone", unit: "us", values: flows.ideal_us },
    ...Object.entries(flows.slowdown).map(([name, values]) => ({ name: `slowdown, ${name}`, values })),
    { name: "link", values: flows.id.map((_, row) => (links[row] == null ? null : directionName(links[row]))) },
    ...Object.entries(MET).filter(([key]) => key in part.met)
      .map(([key, [name, unit]]) => ({ name, unit, values: flows.id.map((_, row) => part.met[key][row] ?? null) })),
  ];
  const chosen = element("button", { type: "button", class: "chip", hidden: "", onclick: () => choose(null) });
  const made = table(columns, (row) => pickFlow(row));
  onChoice((choice) => {
    chosen.hidden = choice === null;
    chosen.textContent = choice === null ? "" : `${choice.name} ✕`;
    made.keep(choice === null ? null : (row) => choice.has(row));
  });
  made.tools.append(chosen);
  box.append(made.place);
}

const MET = {
  queue_bytes: ["longest queue", "bytes"], paused_fraction: ["paused", "percent"],
  drops: ["drops", ""], beside: ["other flows there", ""],
};

function table(columns, pick = null) {
  const length = columns.length ? columns[0].values.length : 0;
  const state = { keep: null, text: "", by: null, down: true, shown: ROWS };
  const body = element("tbody"), count = element("span", { class: "hint" });
  const isText = columns.map((column) => column.values.some((value) => typeof value === "string"));
  const heads = columns.map((column, index) =>
    element("th", { class: isText[index] ? "text" : "", scope: "col", onclick: () => sort(index) }, column.name));
  const filter = element("input", { type: "search", placeholder: "filter", "aria-label": "filter rows", oninput: () => {
    state.text = filter.value.trim().toLowerCase(); state.shown = ROWS; draw();
  } });
  const more = element("button", { type: "button", onclick: () => { state.shown += 5 * ROWS; draw(); } }, "more rows");

  const cells = (row) => columns.map((column) => spell(column.values[row], column.unit));
  const matches = (row) => {
    if (state.keep !== null && !state.keep(row)) return false;
    return !state.text || state.text.split(/\s+/).every((word) => cells(row).some((cell) => cell.toLowerCase().includes(word)));
  };
  function sort(index) {
    state.down = state.by === index ? !state.down : !isText[index];
    state.by = index;
    heads.forEach((head, each) => { head.textContent = columns[each].name + (each === index ? (state.down ? " ▾" : " ▴") : ""); });
    draw();
  }
  function order(a, b) {
    const { values } = columns[state.by];
    const [x, y] = [values[a], values[b]];
    if (x === null || y === null) return (x === null) - (y === null);
    const ascending = typeof x === "string" ? x.localeCompare(String(y), "en", { numeric: true }) : x - y;
    return state.down ? -ascending : ascending;
  }
  function draw() {
    const rows = [];
    for (let row = 0; row < length; row++) if (matches(row)) rows.push(row);
    if (state.by !== null) rows.sort(order);
    const shown = rows.slice(0, state.shown);
    body.replaceChildren(...shown.map(line));
    const of = rows.length === length ? "" : ` of ${number(length)}`;
    count.textContent = `${number(rows.length)}${of} rows${shown.length < rows.length ? `, ${number(shown.length)} shown` : ""}`;
    more.hidden = shown.length === rows.length;
  }
  function line(row) {
    const made = element("tr", {}, ...cells(row).map((cell, index) => element("td", isText[index] ? { class: "text", title: cell } : {}, cell)));
    if (pick === null) return made;
    made.className = "pick";
    made.tabIndex = 0;
    const act = () => { body.querySelector(".picked")?.classList.remove("picked"); made.classList.add("picked"); pick(row); };
    made.addEventListener("click", act);
    made.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); });
    return made;
  }
  draw();
  const tools = element("div", { class: "tools" }, ...(length > 12 ? [filter, count] : []));
  const rows = element("div", { class: "rows", tabindex: "0" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body));
  const place = element("div", {}, tools, rows, element("div", { class: "tools" }, more));
  return { place, tools, keep: (test) => { state.keep = test; state.shown = ROWS; draw(); } };
}
