// The network: each half of a cable has the colour of the direction that leaves the node next to it.

const network = content.sections.find((part) => part.kind === "network");
const listeners = [];
const onChoice = (act) => listeners.push(act);
const choose = (choice) => listeners.forEach((act) => act(choice));

const directionName = (index) => `${network.ends[index][0]} to ${network.ends[index][1]}`;

// Leaves the flows of a direction, or those of a node.
function chooseDirection(index) {
  choose({ name: `link ${directionName(index)}`, direction: index, has: (row) => content.flows.route[row].includes(index) });
}

function chooseNode(node) {
  const touches = (index) => network.ends[index].includes(node);
  choose({ name: nodeName(node), has: (row) => content.flows.route[row].some(touches) });
}

const nodeName = (node) => `${node < network.num_hosts ? "host" : "switch"} ${node}`;

const highlighted = { directions: new Set() };

function networkSection(part) {
  const box = section(part);
  let measure = part.measures[0];
  box.append(choices(part.measures.map((each) => each.name), (index) => { measure = part.measures[index]; drawn.draw(); }));
  box.append(element("div", { class: "hint" }, "Drag the ends of the scale to see only some links. Ctrl and the wheel zoom, a drag moves."));
  const drawn = canvas(box, "network", () => networkOption(part, measure));
  drawn.chart.on("click", (event) => {
    if (!content.flows.id) return;
    if (event.seriesName === "links") chooseDirection(event.data.direction);
    if (event.seriesName === "nodes") chooseNode(event.dataIndex);
  });
  onHighlight((directions) => { highlighted.directions = new Set(directions); drawn.draw(); });
  onChoice((choice) => { highlighted.directions = new Set(choice?.direction === undefined ? [] : [choice.direction]); drawn.draw(); });
}

const highlights = [];
const onHighlight = (act) => highlights.push(act);
const highlight = (directions) => highlights.forEach((act) => act(directions));

function networkOption(part, measure) {
  const most = Math.max(...measure.values.filter((value) => value !== null), 0);
  const marked = highlighted.directions;
  const line = (direction) => ({
    direction, value: measure.values[direction] ?? 0, coords: half(part, direction),
    lineStyle: marked.has(direction) ? { width: 6, opacity: 1 } : {},
  });
  // Those of large values lie above the others.
  const byValue = part.ends.map((_, direction) => direction).sort((a, b) => measure.values[a] - measure.values[b]);
  const xs = part.nodes.map((place) => place[0]), ys = part.nodes.map((place) => place[1]);
  const pad = 0.04 * Math.max(Math.max(...ys) - Math.min(...ys), 0.5);
  const hidden = { show: false, type: "value" };
  const inside = { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, moveOnMouseWheel: false, filterMode: "none" };
  return {
    grid: { left: 12, right: 12, top: 12, bottom: 64 },
    xAxis: { ...hidden, min: Math.min(...xs, 0), max: Math.max(...xs, 1) },
    yAxis: { ...hidden, min: Math.min(...ys) - pad, max: Math.max(...ys, top(part)) + pad },
    dataZoom: [{ ...inside, xAxisIndex: 0 }, { ...inside, yAxisIndex: 0 }],
    tooltip: tooltip("item", (event) => (event.seriesName === "links" ? directionTip(part, event.data.direction) : tip(nodeName(event.dataIndex), []))),
    visualMap: {
      type: "continuous", seriesIndex: 0, min: 0, max: most > 0 ? most : 1, calculable: true, precision: 6,
      orient: "horizontal", left: "center", bottom: 4, itemWidth: 14, itemHeight: 200,
      formatter: (value) => spell(Number(Number(value).toPrecision(3)), measure.unit), textStyle: { color: ink("soft") },
      inRange: { color: [ink("quiet"), ink("heat-0"), ink("heat-1"), ink("heat-2"), ink("heat-3")], opacity: 1 },
      outOfRange: { color: [ink("quiet")], opacity: 0.12 },
    },
    series: [
      { name: "links", type: "lines", coordinateSystem: "cartesian2d", polyline: true, progressive: 0, data: byValue.map(line), lineStyle: { width: part.ends.length > 2000 ? 1.2 : 2.4, opacity: 1 }, emphasis: { lineStyle: { width: 5 } } },
      { name: "nodes", type: "scatter", data: part.nodes.map(nodeItem(part)), symbolSize: nodeSize(part), itemStyle: { color: ink("node") }, z: 3, label: { show: part.nodes.length <= 120, color: ink("soft"), fontSize: 10, formatter: (event) => String(event.dataIndex) } },
    ],
  };
}

const nodeSize = (part) => (part.nodes.length > 400 ? 3 : part.nodes.length > 120 ? 6 : 10);

// Cables leave a host upwards, a switch downwards, too.
const nodeItem = (part) => (value, node) => ({ value, label: { position: node < part.num_hosts ? "bottom" : "right" } });

// In a row of its own a cable is an arc, so that it does not lie on others.
const bend = (a, b) => (a[1] === b[1] ? 0.15 + 0.7 * Math.abs(a[0] - b[0]) : 0);
const top = (part) => Math.max(...part.ends.map(([a, b]) => part.nodes[a][1] + bend(part.nodes[a], part.nodes[b])));

function half(part, direction) {
  const [near, far] = part.ends[direction].map((node) => part.nodes[node]);
  const height = bend(near, far);
  const at = (along) => [near[0] + along * (far[0] - near[0]), near[1] + along * (far[1] - near[1]) + 4 * along * (1 - along) * height];
  return (height ? [0, 0.06, 0.12, 0.19, 0.26, 0.34, 0.42, 0.5] : [0, 0.5]).map(at);
}

function directionTip(part, direction) {
  const rows = part.measures.map((each) => [null, each.name, spell(each.values[direction], each.unit)]);
  return tip(directionName(direction), [[null, "rate", part.gbps[direction] ? `${number(part.gbps[direction])} Gb/s` : "–"], ...rows]);
}
