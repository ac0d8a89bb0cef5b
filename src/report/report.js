"use strict";
// The plots are there already, on every scale and at every smoothing: this shows one or the other, reads them off, and shows one sample grid
// at a time.
(() => {
  const show = (node, shown) => (shown ? node.removeAttribute("display") : node.setAttribute("display", "none"));

  // The points of a path, each of which is written as the way from the one before it.
  function pointsOf(path) {
    const numbers = path.getAttribute("d").match(/-?[\d.]+/g).map(Number);
    const points = [];
    let [x, y] = [0, 0];
    for (let at = 0; at < numbers.length; at += 2) points.push([(x += numbers[at]), (y += numbers[at + 1])]);
    return points;
  }

  function chart(figure, smoothing) {
    const readings = JSON.parse(figure.querySelector("script").textContent);
    const svg = figure.querySelector("svg");
    const scales = [...svg.querySelectorAll("[data-scale]")];
    const pointer = svg.querySelector(".pointer");
    const now = figure.querySelector(".now");
    const standing = [...now.childNodes].map((child) => child.cloneNode(true));
    let scale = scales.find((group) => !group.hasAttribute("display"));
    let level = 0;
    let points = [];

    function choose() {
      level = readings.values.length > 1 ? Number(smoothing.value) : 0;
      for (const group of scales) {
        show(group, group === scale);
        group.querySelectorAll(".line").forEach((line, at) => {
          // What was measured stays visible below what is smoothed.
          show(line, at === level || at === 0);
          line.classList.toggle("raw", at === 0 && level > 0);
        });
      }
      points = pointsOf(scale.querySelectorAll(".line")[level]);
    }

    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const nearest = points.reduce((best, point, at) => (Math.abs(point[0] - x) < Math.abs(points[best][0] - x) ? at : best), 0);
      pointer.querySelector(".cursor").setAttribute("transform", `translate(${points[nearest][0]} 0)`);
      pointer.querySelector(".dot").setAttribute("transform", `translate(${points[nearest]})`);
      show(pointer, true);
      const strong = document.createElement("b");
      strong.textContent = readings.values[level][nearest];
      now.replaceChildren(`step ${readings.steps[nearest]}: `, strong);
    });
    svg.addEventListener("pointerleave", () => {
      show(pointer, false);
      now.replaceChildren(...standing.map((child) => child.cloneNode(true)));
    });

    if (scales.length > 1) {
      const button = document.createElement("button");
      button.type = "button";
      const name = () => {
        button.textContent = `${scale.dataset.scale} scale`;
      };
      button.addEventListener("click", () => {
        scale = scales.find((group) => group !== scale);
        name();
        choose();
      });
      name();
      figure.querySelector(".scale").replaceChildren(button);
    }
    smoothing.addEventListener("input", choose);
    choose();
  }

  function samples(box) {
    const strip = box.querySelector(".strip");
    const figures = [...strip.querySelectorAll("figure")];
    const slider = box.querySelector(".slider");
    const input = slider.querySelector("input");
    const button = slider.querySelector("button");
    let playing = 0;
    const choose = () => figures.forEach((figure, i) => figure.classList.toggle("chosen", i === Number(input.value)));
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
      choose();
    });
    button.addEventListener("click", () => {
      if (playing) return stop();
      if (Number(input.value) === figures.length - 1) input.value = 0;
      choose();
      button.textContent = "⏸";
      button.setAttribute("aria-label", "Stop");
      playing = setInterval(() => {
        input.value = Number(input.value) + 1;
        choose();
        if (Number(input.value) >= figures.length - 1) stop();
      }, 500);
    });
    choose();
  }

  const smoothing = document.getElementById("smoothing");
  const tools = document.querySelector(".tools");
  if (tools) {
    tools.hidden = !document.querySelector(".key.raw");
    const name = () => {
      tools.querySelector("output").textContent = smoothing.dataset.names.split(" ")[smoothing.value];
    };
    smoothing.addEventListener("input", name);
    name();
  }
  document.querySelectorAll(".plot").forEach((figure) => chart(figure, smoothing));
  document.querySelectorAll(".samples").forEach(samples);
})();
