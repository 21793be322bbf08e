// Links and flows over time, those that a reader chose.

const picks = { links: null, flows: null };
const LINK_PANELS = [["gbps", "sent, Gb/s", ""], ["queue_bytes", "queue", "bytes"], ["paused_fraction", "paused", "percent"], ["drops", "drops", ""]];
const FLOW_PANELS = [["gbps", "arrives, Gb/s", ""], ["remaining_bytes", "not yet there", "bytes"]];
const FIRST = 4;

function seriesSection(part) {
  const box = section(part);
  if (part.links !== null) {
    const known = new Map(part.links.of.map(([key, each]) => [key, { time_us: part.links.time_us, ...each }]));
    picks.links = overTime(box, "links", known, directionName, LINK_PANELS);
    onChoice((choice) => { if (choice?.direction !== undefined) picks.links.add(choice.direction); });
  }
  const flows = new Map(part.flows);
  if (flows.size) picks.flows = overTime(box, "flows", flows, (id) => `flow ${id}`, FLOW_PANELS);
}

// A flow of the table: its route is marked in the network, and its series shown where it has one.
function pickFlow(row) {
  highlight(content.flows.route[row]);
  picks.flows?.add(content.flows.id[row]);
}

function overTime(box, kind, known, name, panels) {
  const sorted = [...known.keys()];
  const chosen = [...sorted.slice(0, FIRST)];
  const chips = element("span", { class: "tools" });
  const list = element("select", { "aria-label": `add ${kind}`, onchange: () => { add(Number(list.value)); list.selectedIndex = 0; } },
    element("option", {}, `add ${kind} …`), ...sorted.map((key) => element("option", { value: key }, name(key))));
  box.append(element("div", { class: "tools" }, list, chips));
  const used = panels.filter(([key]) => [...known.values()].some((each) => key in each));
  const drawn = canvas(box, "series", () => timeOption(known, chosen, name, used));
  function draw() {
    chips.replaceChildren(...chosen.map((key, index) => element("button", {
      type: "button", class: "chip", style: `border-color:${SPARE[index % SPARE.length]}`, title: "remove",
      onclick: () => { chosen.splice(chosen.indexOf(key), 1); draw(); },
    }, `${name(key)} ✕`)));
    drawn.draw();
  }
  function add(key) {
    if (!known.has(key) || chosen.includes(key)) return;
    chosen.push(key);
    if (chosen.length > SPARE.length) chosen.shift();
    draw();
  }
  draw();
  return { add };
}

function timeOption(known, chosen, name, panels) {
  const height = 92 / panels.length;
  const every = panels.map((_, index) => index);
  const lines = chosen.map((key, order) => ({
    name: name(key), shade: SPARE[order % SPARE.length], points: panels.map(([column]) => pointsOf(known.get(key), column)),
  }));
  return {
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip("axis", (points) => seriesTip(lines, points[0].axisValue, panels)),
    toolbox: { right: 4, top: 0, feature: { dataZoom: { yAxisIndex: "none", brushStyle: { color: "rgba(120,150,200,0.2)" } }, restore: {} } },
    grid: every.map((index) => ({ left: 66, right: 18, top: `${9 + index * height}%`, height: `${height - 15}%` })),
    xAxis: every.map((index) => ({
      type: "value", gridIndex: index, min: "dataMin", max: "dataMax", axisLine: { lineStyle: { color: ink("line") } },
      axisLabel: { show: index === panels.length - 1, showMinLabel: false, showMaxLabel: false, color: ink("soft"), hideOverlap: true, formatter: (value) => spell(value, "us") },
      splitLine: { show: false },
    })),
    yAxis: panels.map(([, title, unit], index) => ({
      type: "value", gridIndex: index, min: 0, name: title, nameGap: 12, splitNumber: 3,
      nameTextStyle: { color: ink("soft"), align: "left", padding: [0, 0, 0, -50] },
      axisLabel: { color: ink("soft"), formatter: (value) => spell(value, unit) }, splitLine: { lineStyle: { color: ink("line"), opacity: 0.6 } },
    })),
    series: lines.flatMap(({ name: title, shade, points }) => panels.map(([column], index) => ({
      name: title, type: "line", xAxisIndex: index, yAxisIndex: index, showSymbol: false, step: column === "gbps" ? "end" : false,
      lineStyle: { width: 1.6, color: shade }, itemStyle: { color: shade }, data: points[index],
    }))),
  };
}

// A column that a link lacks was 0 all the time.
function pointsOf(each, column) {
  const values = each[column] ?? each.time_us.map(() => 0);
  return each.time_us.map((time, sample) => [time, values[sample]]);
}

// What chosen links or flows do at a time, of those that were there then.
function seriesTip(lines, time, panels) {
  const rows = lines.flatMap(({ name, shade, points }) => panels.map(([, title, unit], index) => {
    const [first, last] = [points[index][0], points[index].at(-1)];
    if (!first || time < first[0] || time > last[0]) return null;
    return [shade, `${name}, ${title}`, spell(nearest(points[index], time)[1], unit)];
  }).filter((row) => row !== null));
  return rows.length ? tip(spell(time, "us"), rows) : "";
}
