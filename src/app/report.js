// The results page: charts whose numbers can be read at the pointer, and pictures of which a slider shows one.
// Without this script the page shows the same as pictures, and so it is printed.
"use strict";
(() => {
  const COLOURS = ["#3f90da", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#717581"];
  const WIDTH = 720, HEIGHT = 360, LEFT = 62, RIGHT = 12, TOP = 12, BOTTOM = 44;

  const add = (parent, name, attributes, text) => {
    const svg = name.startsWith("svg:");
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };

  // About five round numbers from low to high.
  const ticks = (low, high) => {
    const fifth = (high - low) / 5, power = 10 ** Math.floor(Math.log10(fifth));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= 0.75 * fifth);
    const list = [];
    for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) list.push(i * step);
    return { list, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };

  const show = (value, places) => value.toFixed(places).replace("-", "−");

  // A slider under a picture, with what it says.
  const slider = (parent, count, label, say) => {
    const row = add(parent, "div", { class: "slider live" });
    const input = add(row, "input", { type: "range", min: 0, max: count - 1, step: 1, "aria-label": label });
    const output = add(row, "output", {});
    const set = (i) => {
      input.value = i;
      output.textContent = say(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => set(Number(input.value)));
    set(count - 1);
    return set;
  };

  const chart = (figure, data) => {
    const xs = [...new Set(data.series.flatMap((s) => s.x))].sort((a, b) => a - b);
    const ys = data.series.flatMap((s) => s.y).filter((y) => y !== null);
    if (xs.length < 2 || ys.length < 2) return;
    const high = data.top ?? Math.max(...ys), low = Math.min(...ys), room = 0.05 * (high - low || 1);
    const paper = figure.querySelector(".paper");
    const X = (x) => LEFT + (WIDTH - LEFT - RIGHT) * (x - xs[0]) / (xs[xs.length - 1] - xs[0]);
    const Y = (y) => TOP + (HEIGHT - TOP - BOTTOM) * (high + room - y) / (high - low + 2 * room);
    const svg = add(paper, "svg:svg", { class: "live", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": paper.querySelector("img").alt });
    const id = `clip${document.querySelectorAll("clipPath").length}`;
    add(add(add(svg, "svg:defs", {}), "svg:clipPath", { id }), "svg:rect",
      { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM });
    const rows = ticks(low - room, high + room);
    for (const y of rows.list) {
      add(svg, "svg:line", { x1: LEFT, x2: WIDTH - RIGHT, y1: Y(y), y2: Y(y), stroke: "#dfe3e8" });
      add(svg, "svg:text", { x: LEFT - 8, y: Y(y) + 4, "text-anchor": "end" }, show(y, rows.places));
    }
    for (const x of ticks(xs[0], xs[xs.length - 1]).list.filter(Number.isInteger))
      add(svg, "svg:text", { x: X(x), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, x);
    add(svg, "svg:text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, data.x);
    add(svg, "svg:text", { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, data.y);
    const line = add(svg, "svg:line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "#545d68", "stroke-dasharray": "2 3" });
    const area = add(svg, "svg:g", { "clip-path": `url(#${id})` });
    data.series.forEach((s, k) => {
      s.colour = COLOURS[k % COLOURS.length];
      let path = "";
      s.x.forEach((x, i) => {
        if (s.y[i] !== null) path += `${path && s.y[i - 1] !== null ? "L" : "M"}${X(x)} ${Y(s.y[i])}`;
      });
      add(area, "svg:path", { d: path, fill: "none", stroke: s.colour, "stroke-width": 2,
        "stroke-dasharray": s.dashed ? "7 4" : "none" });
    });
    for (const s of data.series) s.dot = add(svg, "svg:circle", { r: 4.5, fill: s.colour });
    const legend = add(paper, "div", { class: "legend live" });
    for (const s of data.series) {
      const mark = add(add(legend, "span", {}), "svg:svg", { width: 26, height: 10, "aria-hidden": "true" });
      add(mark, "svg:line", { x1: 1, x2: 25, y1: 5, y2: 5, stroke: s.colour, "stroke-width": 2.5,
        "stroke-dasharray": s.dashed ? "7 4" : "none" });
      mark.parentNode.append(s.name);
    }
    const set = slider(paper, xs.length, data.x, (i) => {
      line.setAttribute("x1", X(xs[i]));
      line.setAttribute("x2", X(xs[i]));
      const words = data.series.map((s) => {
        const y = s.y[s.x.indexOf(xs[i])] ?? null;
        s.dot.setAttribute("visibility", y === null || Y(y) < TOP ? "hidden" : "visible");
        if (y === null) return "";
        s.dot.setAttribute("cx", X(xs[i]));
        s.dot.setAttribute("cy", Y(y));
        return `${s.name} ${show(y, 2)}`;
      });
      return [`${data.x} ${xs[i]}`, ...words.filter((word) => word)].join(" · ");
    });
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), at = (event.clientX - box.left) * WIDTH / box.width;
      set(xs.reduce((best, x, i) => (Math.abs(X(x) - at) < Math.abs(X(xs[best]) - at) ? i : best), 0));
    });
    figure.classList.add("lively");
  };

  const frames = (figure) => {
    const all = [...figure.querySelectorAll(".frame")];
    if (all.length < 2) return;
    slider(figure.querySelector(".paper"), all.length, "picture", (i) => {
      all.forEach((frame, k) => frame.classList.toggle("shown", k === i));
      return all[i].querySelector("img").alt;
    });
    figure.classList.add("lively");
  };

  for (const figure of document.querySelectorAll("figure")) {
    const data = figure.querySelector("script");
    if (data) chart(figure, JSON.parse(data.textContent));
    frames(figure);
  }
})();
