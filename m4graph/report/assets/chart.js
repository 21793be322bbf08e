// A chart with views, of which one is shown: lines, bars, or dots.

function chartSection(part) {
  const box = section(part);
  let view = part.views[0];
  if (part.views.length > 1) {
    box.append(choices(part.views.map((each) => each.name), (index) => { view = part.views[index]; drawn.draw(); }));
  }
  const drawn = canvas(box, "", (width) => chartOption(view, width));
}

function chartOption(view, width) {
  const series = view.series.map((each) => ({ ...each, points: each.points ?? flowPoints(each) }));
  const xs = series.flatMap((each) => each.points.map((point) => point[0]));
  const ys = series.flatMap((each) => each.points.map((point) => point[1]));
  const isLined = series.some((each) => !view.dots && !each.dots && !each.loose);
  const drawn = series.map((each, index) => seriesOption(view, each, index));
  if (view.diagonal) drawn.push(diagonal(xs));
  return {
    grid: { left: 12, right: 24, top: 40, bottom: 62, containLabel: true },
    legend: legend(series.map((each) => each.name)),
    toolbox: { right: 4, top: 0, feature: { dataZoom: { brushStyle: { color: "rgba(120,150,200,0.2)" } }, restore: {} } },
    tooltip: isLined ? tooltip("axis", (points) => lineTip(view, points)) : tooltip("item", (point) => dotTip(view, series, point)),
    xAxis: axis(view.x, xs, true), yAxis: axis(view.y, ys, false), series: drawn,
  };
}

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
  return { ...common, type: "line", showSymbol: Boolean(each.marks), symbolSize: 6, lineStyle: { color: shade, width: isTruth ? 3.5 : 1.8 }, z: isTruth ? 2 : 3 };
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

function diagonal(xs) {
  const [low, high] = limits(xs);
  return { type: "line", silent: true, showSymbol: false, data: [[low, low], [high, high]], lineStyle: { color: ink("soft"), type: "dashed", width: 1 }, tooltip: { show: false } };
}

function lineTip(view, points) {
  const shown = points.filter((point) => point.seriesName && point.data);
  if (!shown.length) return "";
  const rows = shown.map((point) => [point.color, point.seriesName, spell(point.data[1], view.y.unit)]);
  return tip(`${view.x.name} ${spell(shown[0].data[0], view.x.unit)}`.trim(), rows);
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
