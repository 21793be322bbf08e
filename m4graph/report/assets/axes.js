// What all charts share: a canvas that follows the page's width and colours, and axes.

function canvas(box, kind, option) {
  const place = element("div", { class: `chart ${kind}` });
  box.append(place);
  const chart = echarts.init(place, null, { renderer: "canvas", locale: "EN" });
  const draw = () => chart.setOption({ ...base(), ...option() }, true);
  draw();
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    chart.resize();
    draw();
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return { chart, draw, place };
}

function base() {
  return { backgroundColor: "transparent", animation: false, textStyle: { color: ink("ink") } };
}

function tooltip(trigger, formatter) {
  return {
    trigger, formatter, confine: true, backgroundColor: ink("card"), borderColor: ink("line"),
    textStyle: { color: ink("ink"), fontSize: 13 }, axisPointer: { type: "line", lineStyle: { color: ink("soft") } },
  };
}

function legend(names) {
  return {
    type: "scroll", bottom: 0, data: names, textStyle: { color: ink("ink") },
    pageTextStyle: { color: ink("soft") }, pageIconColor: ink("mark"),
  };
}

// Names are drawn beyond the axes: that of y above it, that of x below.
function axis(spec, values, isX) {
  const [least, most] = limits(values);
  const logarithmic = spec.scale === "log" && most / least > 4;  // Fewer have no two powers.
  const [low, high] = logarithmic ? [least, most] : [null, null];
  const narrow = logarithmic && most / least < 200 && spec.unit !== "bytes";
  return {
    type: spec.names ? "category" : logarithmic ? "log" : "value",
    data: spec.names,
    logBase: narrow ? 2 : 10, scale: spec.scale === "log",
    min: low, max: spec.max ?? high,
    name: spec.name, nameLocation: isX ? "middle" : "end", nameGap: isX ? 28 : 12,
    nameTextStyle: { color: ink("soft"), align: isX ? "center" : "left", padding: isX ? 0 : [0, 0, 0, -30] },
    axisLabel: {
      color: ink("soft"), hideOverlap: true, ...(logarithmic ? { showMinLabel: false, showMaxLabel: false } : {}),
      formatter: spec.names ? (name) => shortened(name) : (value) => spell(value, spec.unit),
    },
    axisLine: { lineStyle: { color: ink("line") } },
    splitLine: { show: !spec.names, lineStyle: { color: ink("line"), opacity: 0.6 } },
  };
}

const shortened = (name) => (name.length > 22 ? `${name.slice(0, 20)}…` : name);

// Limits of a logarithmic axis with some room around the values.
function limits(values) {
  let low = Infinity, high = 0;
  for (const value of values) {
    if (value > 0 && value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high > 0)) return [1, 10];
  return [Number((low / 1.04).toPrecision(3)), Number((high * 1.05).toPrecision(3))];
}

// The point of a line that is next to a value of x, or one of its name; its points are in order.
function nearest(points, x) {
  if (typeof x === "string") return points.find((point) => point[0] === x);
  let low = 0, high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= x) low = middle; else high = middle;
  }
  if (high < 0) return undefined;
  return Math.abs(points[low][0] - x) <= Math.abs(points[high][0] - x) ? points[low] : points[high];
}
