// A chart with views, of which one is shown: lines, bars, or dots.

function chartSection(part) {
  const box = section(part);
  let view = part.views[0];
  if (part.views.length > 1) {
    box.append(choices(part.views.map((each) => each.name), (index) => { view = part.views[index]; drawn.draw(); }));
  }
  const drawn = canvas(box, "", () => chartOption(view, (name) => isHidden(drawn.chart, name)));
}

function chartOption(view, isHidden) {
  const series = view.series.map((each) => ({ ...each, points: each.points ?? flowPoints(each) }));
  const xs = series.flatMap((each) => each.points.map((point) => point[0]));
  const ys = series.flatMap((each) => each.points.map((point) => point[1]));
  const isLined = series.some((each) => !view.dots && !each.dots && !each.loose);
  const drawn = series.map((each, index) => seriesOption(view, each, index));
  if (view.diagonal) drawn.push(diagonal(limits(xs), limits(ys)));
  return {
    grid: { left: 12, right: 24, top: 40, bottom: 62, containLabel: true },
    legend: legend(series.map((each) => each.name)),
    toolbox: { right: 4, top: 0, feature: { dataZoom: { brushStyle: { color: "rgba(120,150,200,0.2)" } }, restore: {} } },
    tooltip: isLined ? tooltip("axis", (points) => lineTip(view, series, points[0].axisValue, isHidden)) : tooltip("item", (point) => dotTip(view, series, point)),
    xAxis: axis(view.x, xs, true), yAxis: axis(view.y, ys, false), series: drawn,
  };
}

// Whether a reader has switched a line off.
const isHidden = (chart, name) => chart.getOption().legend[0].selected[name] === false;

// Lines of one simulator at other values of a sweep's other keys.
const STYLES = [["solid", "emptyCircle"], ["dashed", "rect"], ["dotted", "triangle"], [[8, 3, 2, 3], "diamond"]];

function seriesOption(view, each, index) {
  const shade = colour(each.simulator ?? each.name, index);
  const common = { name: each.name, data: each.points, itemStyle: { color: shade }, color: shade };
  if (each.bars) return { ...common, type: "bar", stack: "all", barCategoryGap: "12%" };
  if (view.dots === "cells") {
    const most = Math.max(...each.points.map((point) => point[2]));
    const size = (point) => 3 + 17 * Math.sqrt(point[2] / most);
    return { ...common, type: "scatter", symbolSize: size, itemStyle: { color: shade, opacity: 0.55 } };
  }
  if (view.dots === "flows") {
    return { ...common, type: "scatter", symbolSize: 4, large: true, largeThreshold: 2000, itemStyle: { color: shade, opacity: 0.5 } };
  }
  if (each.dots || each.loose) return { ...common, type: "scatter", symbolSize: 8 };
  const isTruth = each.name === content.truth;
  const [dash, symbol] = STYLES[(each.style ?? 0) % STYLES.length];
  return { ...common, type: "line", symbol, showSymbol: Boolean(each.marks), symbolSize: 7, lineStyle: { color: shade, type: dash, width: isTruth ? 3.5 : 1.8 }, z: isTruth ? 2 : 3 };
}

// Dots of the flows that the page holds: [x, y, row].
function flowPoints(each) {
  const [x, y] = [flowColumn(each.x), flowColumn(each.y)];
  const points = [];
  for (let row = 0; row < x.length; row++) if (x[row] !== null && y[row] !== null) points.push([x[row], y[row], row]);
  return points;
}

function flowColumn(name) {
  return name.startsWith("slowdown ") ? content.flows.slowdown[name.slice(9)] : content.flows[name];
}

function diagonal([left, right], [bottom, top]) {
  const low = Math.max(left, bottom), high = Math.min(right, top);
  return { type: "line", silent: true, showSymbol: false, data: [[low, low], [high, high]], z: 5, lineStyle: { color: ink("ink"), type: "dashed", width: 1 }, tooltip: { show: false } };
}

// Of each line that is shown, its point next to the pointer.
function lineTip(view, series, x, isHidden) {
  const found = series.map((each, index) => [each, index, nearest(each.points, x)])
    .filter(([each, , point]) => point && !isHidden(each.name));
  if (!found.length) return "";
  const rows = found.map(([each, index, point]) =>
    [colour(each.simulator ?? each.name, index), each.name, spell(point[1], view.y.unit)]);
  return tip(`${view.x.name} ${spell(x, view.x.unit)}`.trim(), rows);
}

function dotTip(view, series, point) {
  if (!point.data) return "";
  const [x, y, third] = point.data;
  const rows = [[null, view.x.name || "", spell(x, view.x.unit)], [null, view.y.name, spell(y, view.y.unit)]];
  if (view.dots === "cells") rows.push([null, "flows", spell(third)]);
  const isFlow = view.dots === "flows";
  return tip(isFlow ? `${flowName(third)}, ${point.seriesName}` : point.seriesName, rows);
}

const flowName = (row) => `flow ${content.flows.id[row]}: ${content.flows.src[row]} to ${content.flows.dst[row]}`;
