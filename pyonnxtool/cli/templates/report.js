"use strict";
// Sorting and filtering of the table of values, and what the plot shows under the pointer. The page
// says all of it without this: the table is in graph order, and every point has a title.

const number = (text) => {
  const plain = text.replace(/,/g, "");
  if (plain === "inf" || plain === "nan") return Infinity;
  return plain === "-" || plain === "" ? -Infinity : Number(plain);
};

for (const table of document.querySelectorAll("table.values")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const numeric = head.classList.contains("number") || column === 0;
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const first = numeric && column > 0 ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = before === first ? second : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = [...body.rows].map((row) => {
        const text = row.cells[column].textContent;
        return [numeric ? number(text) : text.toLowerCase(), row];
      });
      keyed.sort(([a], [b]) => (a < b ? -sign : a > b ? sign : 0));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

const form = document.querySelector(".filter");
const values = document.querySelector("#values");
if (form && values) {
  const rows = [...values.tBodies[0].rows];
  const texts = rows.map((row) =>
    (row.cells[2].textContent + " " + row.cells[3].textContent).toLowerCase());
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const search = form.querySelector("input[type=search]");
  const told = form.querySelector("output");
  const filter = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = wanted.has(row.className.split(" ")[0]) &&
        words.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    told.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
}

// On a narrow screen the culprit is what to see first.
for (const box of document.querySelectorAll(".graph .scroll")) {
  const culprit = box.querySelector(".culprit");
  if (!culprit) continue;
  const inner = culprit.getBoundingClientRect();
  const outer = box.getBoundingClientRect();
  box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

const plot = document.querySelector(".plot");
if (plot) {
  const svg = plot.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const points = [...svg.querySelectorAll("circle")].map((circle) => ({
    x: Number(circle.getAttribute("cx")),
    row: circle.dataset.row,
    title: circle.querySelector("title").textContent,
  }));
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    return points.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best));
  };
  if (points.length) {
    // Two titles would show at once.
    svg.querySelectorAll("circle title").forEach((title) => title.remove());
    svg.addEventListener("pointermove", (event) => {
      const found = nearest(event);
      tip.textContent = found.title;
      tip.hidden = false;
      const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
      tip.style.left = `${Math.max(left, 4) + scrollX}px`;
      tip.style.top = `${event.clientY + 16 + scrollY}px`;
      cursor.setAttribute("x1", found.x);
      cursor.setAttribute("x2", found.x);
      cursor.setAttribute("visibility", "visible");
    });
    svg.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cursor.setAttribute("visibility", "hidden");
    });
    svg.addEventListener("click", (event) => {
      const row = document.getElementById(`v${nearest(event).row}`);
      document.querySelectorAll("tr.target").forEach((one) => one.classList.remove("target"));
      if (!row) return;
      row.hidden = false;
      row.classList.add("target");
      row.scrollIntoView({ block: "center" });
    });
  }
}
