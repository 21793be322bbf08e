// The page: its heading, facts and notes, then its sections in their order.

const DRAW = { table: tableSection, chart: chartSection, network: networkSection, series: seriesSection, flows: flowsSection };

page.replaceChildren(element("h1", {}, content.title));
page.append(element("dl", { class: "facts" }, ...content.facts.map(([name, text]) =>
  element("div", {}, element("dt", {}, name), element("dd", {}, text)))));
if (content.notes.length) page.append(element("ul", { class: "notes" }, ...content.notes.map((note) => element("li", {}, note))));
for (const part of content.sections) DRAW[part.kind](part);
page.append(element("footer", {}, content.made_by));
