"use strict";
// The plots are there already; this reads them off, smooths them and changes their scale, and shows one sample grid at a time.
(() => {
  const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 230, 62, 12, 12, 38];
  const node = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (value) => {
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 1e6) return value.toExponential(2).replace("+", "");
    if (size >= 1e4) return `${+(value / 1e3).toFixed(1)}k`;
    if (size >= 100) return value.toFixed(0);
    return size >= 1e-3 ? String(+value.toFixed(4)) : value.toExponential(1);
  };
  const ticks = (low, high, count) => {
    const rough = (high - low) / count;
    if (!(rough > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high + 1e-9 * step; at++) found.push(at * step);
    return found;
  };
  const logTicks = (low, high) => {
    const found = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
      for (const times of high - low < 2 ? [1, 2, 5] : [1]) {
        const value = times * 10 ** power;
        if (Math.log10(value) >= low && Math.log10(value) <= high) found.push(value);
      }
    }
    return found;
  };
  const range = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return high > low ? [low, high] : [low - 0.5, low + 0.5];
  };
  const smoothed = (points, keep) => {
    let [mean, weight] = [0, 0];
    return points.map(([x, y]) => {
      mean = keep * mean + (1 - keep) * y;
      weight = keep * weight + (1 - keep);
      return [x, mean / weight];
    });
  };

  function chart(figure, smoothing) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const svg = figure.querySelector("svg");
    const now = figure.querySelector(".now");
    const standing = [...now.childNodes].map((child) => child.cloneNode(true));
    let log = data.log;
    let draw = { x: (v) => v, y: (v) => v, line: data.points };

    function redraw() {
      const axis = (value) => (log ? Math.log10(value) : value);
      const keep = data.smooth ? Number(smoothing.value) : 0;
      const [x0, x1] = range(data.points.map((point) => point[0]));
      let [y0, y1] = range(data.points.map((point) => axis(point[1])));
      const space = 0.06 * (y1 - y0);
      [y0, y1] = [y0 - space, y1 + space];
      const x = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
      const y = (value) => TOP + ((y1 - axis(value)) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
      const path = (points) => points.map((point, i) => `${i ? "L" : "M"}${x(point[0]).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("");
      const line = keep > 0 ? smoothed(data.points, keep) : data.points;
      const parts = [];
      for (const value of log ? logTicks(y0, y1) : ticks(y0, y1, 4)) {
        parts.push(node("path", { class: "grid", d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}` }));
        parts.push(node("text", { class: "y", x: LEFT - 7, y: y(value) + 4 }, short(value)));
      }
      for (const value of ticks(x0, x1, 6)) parts.push(node("text", { class: "x", x: x(value), y: HEIGHT - BOTTOM + 17 }, short(value)));
      parts.push(node("text", { class: "x", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4 }, "step"));
      for (const [row, [step, name]] of data.phases.filter(([at]) => at >= x0 && at <= x1).entries()) {
        const end = x(step) > WIDTH - 70;
        parts.push(node("path", { class: "phase", d: `M${x(step)} ${TOP}V${HEIGHT - BOTTOM}` }));
        parts.push(node("text", { class: end ? "phase end" : "phase", x: x(step) + (end ? -4 : 4), y: TOP + 9 + (row % 3) * 13 }, name));
      }
      if (keep > 0) parts.push(node("path", { class: "line raw", d: path(data.points) }));
      parts.push(node("path", { class: "line", d: path(line) }));
      if (data.points.length <= 40) {
        for (const [a, b] of data.points) parts.push(node("circle", { class: "dot", cx: x(a), cy: y(b), r: 3 }));
      }
      if (data.best) parts.push(node("circle", { class: "best", cx: x(data.best[0]), cy: y(data.best[1]), r: 6 }));
      svg.replaceChildren(...parts);
      draw = { x, y, line };
    }

    const leave = () => {
      svg.querySelectorAll(".cursor, .read").forEach((old) => old.remove());
      now.replaceChildren(...standing.map((child) => child.cloneNode(true)));
    };
    svg.addEventListener("pointermove", (event) => {
      leave();
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * WIDTH;
      const nearest = draw.line.reduce((best, point, i) =>
        Math.abs(draw.x(point[0]) - at) < Math.abs(draw.x(draw.line[best][0]) - at) ? i : best, 0);
      const [step, value] = draw.line[nearest];
      svg.append(node("path", { class: "cursor", d: `M${draw.x(step)} ${TOP}V${HEIGHT - BOTTOM}` }));
      svg.append(node("circle", { class: "dot read", cx: draw.x(step), cy: draw.y(value), r: 4 }));
      const strong = document.createElement("b");
      strong.textContent = short(value);
      now.replaceChildren(`step ${Math.round(step)}: `, strong);
    });
    svg.addEventListener("pointerleave", leave);

    if (data.points.every((point) => point[1] > 0)) {
      const button = document.createElement("button");
      button.type = "button";
      const name = () => {
        button.textContent = log ? "log scale" : "linear scale";
      };
      button.addEventListener("click", () => {
        log = !log;
        name();
        redraw();
      });
      name();
      figure.querySelector(".scale").replaceChildren(button);
    }
    smoothing.addEventListener("input", redraw);
  }

  function samples(box) {
    const strip = box.querySelector(".strip");
    const figures = [...strip.querySelectorAll("figure")];
    const slider = box.querySelector(".slider");
    const input = slider.querySelector("input");
    const button = slider.querySelector("button");
    let playing = 0;
    const show = () => figures.forEach((figure, i) => figure.classList.toggle("chosen", i === Number(input.value)));
    const stop = () => {
      clearInterval(playing);
      playing = 0;
      button.textContent = "▶";
      button.setAttribute("aria-label", "Play");
    };
    strip.classList.add("one");
    slider.hidden = figures.length < 2;
    input.addEventListener("input", () => {
      stop();
      show();
    });
    button.addEventListener("click", () => {
      if (playing) return stop();
      if (Number(input.value) === figures.length - 1) input.value = 0;
      show();
      button.textContent = "⏸";
      button.setAttribute("aria-label", "Stop");
      playing = setInterval(() => {
        input.value = Number(input.value) + 1;
        show();
        if (Number(input.value) >= figures.length - 1) stop();
      }, 500);
    });
    show();
  }

  const smoothing = document.getElementById("smoothing");
  const tools = document.querySelector(".tools");
  if (tools) tools.hidden = !document.querySelector(".key.raw");
  document.querySelectorAll(".plot").forEach((figure) => chart(figure, smoothing));
  document.querySelectorAll(".samples").forEach(samples);
})();
