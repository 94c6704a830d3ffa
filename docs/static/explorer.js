/* Figures with sliders. The numbers are in window.EXPLORER, computed when the site was built; this
   script picks a row of them and draws it. Usage: <div class="explorer" data-figure="swap"></div> */
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 320, HEIGHT = 200, LEFT = 40, RIGHT = 8, TOP = 20, BOTTOM = 30;

  function make(name, attributes, parent, text) {
    const svg = ["svg", "path", "line", "text", "rect", "title"].includes(name);
    const node = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.appendChild(node);
    return node;
  }

  const shown = (v) => String(Number(v.toPrecision(3)));

  /* Round numbers that cover low to high, in at most five steps. */
  function ticks(low, high) {
    const power = Math.pow(10, Math.floor(Math.log10((high - low) / 5)));
    const step = power * [1, 2, 5, 10].find((m) => (high - low) / (m * power) <= 5);
    const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  }

  function panel(parent, title) {
    const box = `0 0 ${WIDTH} ${HEIGHT}`;
    const svg = make("svg", { viewBox: box, role: "img", "aria-label": title }, parent);
    make("text", { x: WIDTH / 2, y: 12, class: "title" }, svg, title);
    return svg;
  }

  function curve(parent, title, label, places, lines, smallest, largest) {
    const svg = panel(parent, title);
    const marks = ticks(smallest, largest);
    const low = marks[0], high = marks[marks.length - 1];
    const x = (v) => LEFT + (v - places[0]) / (places[places.length - 1] - places[0])
      * (WIDTH - LEFT - RIGHT);
    const y = (v) => HEIGHT - BOTTOM - (v - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    for (const v of marks) {
      make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v), class: "grid" }, svg);
      make("text", { x: LEFT - 4, y: y(v) + 3, class: "end" }, svg, shown(v));
    }
    for (const v of ticks(places[0], places[places.length - 1])) {
      make("text", { x: x(v), y: HEIGHT - BOTTOM + 13, class: "middle" }, svg, shown(v));
    }
    make("text", { x: WIDTH / 2, y: HEIGHT - 3, class: "middle" }, svg, label);
    for (const [name, values] of lines) {
      const points = values.flatMap((v, i) => {
        const at = (place, value) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`;
        const jumps = name === "hard" && i > 0 && Math.abs(v - values[i - 1]) > (high - low) / 4;
        const middle = jumps ? (places[i - 1] + places[i]) / 2 : 0;
        return [...(jumps ? [at(middle, values[i - 1]), at(middle, v)] : []), at(places[i], v)];
      });
      make("path", { d: "M" + points.join("L"), class: name }, svg);
    }
  }

  function range(rows, k) {
    const all = rows.flatMap((row) => row[k]);
    const low = Math.min(0, ...all), high = Math.max(...all);
    return [low, high === low ? low + 1 : high];
  }

  function drawCurves(figure, option, index, parent) {
    const row = option.rows[index];
    const [low, high] = range([...option.rows, [figure.hard]], 0);
    const both = [["hard", figure.hard], ["curve", row[0]]];
    curve(parent, figure.y + " (dashed: the hard decision)", figure.x, figure.places, both, low, high);
    const most = Math.max(...row[1]), least = Math.min(0, ...row[1]);
    const slope = [["curve", row[1]]];
    curve(parent, "derivative", figure.x, figure.places, slope, least, most > least ? most : 1);
  }

  function drawMatrix(figure, option, index, parent) {
    const [sorted, P] = option.rows[index];
    const n = P.length, size = 150 / n;
    const svg = panel(parent, "P: input (row) at position (column)");
    P.forEach((row, i) => {
      make("text", { x: 74, y: TOP + (i + 0.65) * size, class: "end" }, svg, shown(figure.inputs[i]));
      row.forEach((p, j) => {
        const place = { x: 80 + j * size, y: TOP + i * size, width: size - 1, height: size - 1 };
        const cell = make("rect", { ...place, class: "cell" }, svg);
        cell.style.fillOpacity = Math.min(Math.max(p, 0), 1);
        make("title", {}, cell, shown(p));
      });
    });
    sorted.forEach((v, j) => make(
      "text", { x: 80 + (j + 0.5) * size, y: TOP + 165, class: "middle" }, svg, v.toFixed(2)));
    make("text", { x: 74, y: TOP + 165, class: "end" }, svg, "sorted");
  }

  function build(root) {
    const figure = window.EXPLORER[root.dataset.figure];
    const names = Object.keys(figure.options);
    const controls = make("div", { class: "controls" }, root);
    const first = make("label", {}, controls, figure.choice + " ");
    const select = make("select", {}, first);
    names.forEach((name) => make("option", { value: name }, select, name));
    const second = make("label", {}, controls);
    const name = make("span", {}, second);
    const slider = make("input", { type: "range", min: 0, step: 1 }, second);
    const output = make("output", {}, second);
    const canvas = make("div", { class: "panels" }, root);
    function draw() {
      const option = figure.options[select.value];
      slider.max = option.values.length - 1;
      const index = Math.min(Number(slider.value), option.values.length - 1);
      name.textContent = option.parameter + " ";
      slider.setAttribute("aria-label", option.parameter);
      output.textContent = shown(option.values[index]);
      canvas.replaceChildren();
      (figure.kind === "matrix" ? drawMatrix : drawCurves)(figure, option, index, canvas);
      root.dataset.drawn = `${select.value} ${option.parameter} ${option.values[index]}`;
    }
    slider.max = figure.options[names[0]].values.length - 1;
    slider.value = Math.round(slider.max / 2);
    select.addEventListener("change", draw);
    slider.addEventListener("input", draw);
    draw();
  }

  document.querySelectorAll(".explorer").forEach(build);
})();
