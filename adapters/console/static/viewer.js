// Images side by side, drawn from tiles; all of them show the same place at the same scale.
"use strict";
(() => {
  const viewer = document.querySelector(".viewer");
  if (!viewer) return;
  const root = document.documentElement.dataset.root;
  const { group, detector, visit } = viewer.dataset;
  const scaleChoice = viewer.querySelector(".scale");
  const sourcesChoice = viewer.querySelector(".sources");
  const at = { x: NaN, y: NaN, scale: NaN }; // the middle, in pixels of the image; screen pixels for each of them
  let sources = [];

  const address = (path, query) =>
    `${root}${path}?${new URLSearchParams({ group, detector, visit, ...query })}`;

  // One image: its canvas, and the tiles that came.
  const panels = [...viewer.querySelectorAll(".panel")].map((figure) => ({
    figure,
    kind: figure.dataset.kind,
    canvas: figure.querySelector("canvas"),
    facts: null,
    tiles: new Map(),
  }));
  const shown = () => panels.filter((panel) => !panel.figure.classList.contains("away"));
  const first = () => shown().find((panel) => panel.facts);
  // A raw has its overscan, so that its pixels are not those of the sources nor of the sky.
  const isTrimmed = (panel) => panel.kind !== "raw";

  async function load(panel) {
    const answer = await fetch(address("/picture/facts", { kind: panel.kind }));
    if (!answer.ok) {
      panel.figure.querySelector(".value").textContent = "cannot be read";
      return;
    }
    panel.facts = await answer.json();
    const scale = panel.facts.nanojansky;
    panel.figure.querySelector(".unit").textContent = panel.facts.unit + (scale ? `, each ${scale.toPrecision(4)} nJy` : "");
    shape(panel);
    panel.figure.title = `${panel.facts.path} (${panel.facts.unit || "no unit"})`;
    if (Number.isNaN(at.scale) && first()) {
      if (viewer.dataset.x) Object.assign(at, { x: Number(viewer.dataset.x), y: Number(viewer.dataset.y), scale: 4 });
      else fit();
    }
    offerPlanes(panel.facts.planes);
    draw();
  }

  // As high as the image is for its width, if that fits on the screen; flat ones get more of the width.
  function shape({ canvas, facts }) {
    const isFlat = facts.width > 2 * facts.height;
    viewer.querySelector(".panels").classList.toggle("flat", isFlat);
    canvas.style.aspectRatio = `${facts.width} / ${facts.height}`;
  }

  function fit() {
    const { facts, canvas } = first();
    Object.assign(at, {
      x: facts.width / 2,
      y: facts.height / 2,
      scale: Math.min(canvas.clientWidth / facts.width, canvas.clientHeight / facts.height),
    });
  }

  // Tiles.
  function tile(panel, path, query) {
    const key = path + JSON.stringify(query);
    if (!panel.tiles.has(key)) {
      if (panel.tiles.size > 400) panel.tiles.clear();
      const image = new Image();
      image.onload = draw;
      const parameters = new URLSearchParams({ group, detector, visit, kind: panel.kind, ...query });
      for (const plane of path.endsWith("overlay") ? planes() : []) parameters.append("plane", plane);
      image.src = `${root}${path}?${parameters}`;
      panel.tiles.set(key, image);
    }
    return panel.tiles.get(key);
  }

  let isAsked = false;
  function draw() {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      for (const panel of shown()) if (panel.facts) drawPanel(panel);
      const percent = at.scale * 100;
      viewer.querySelector(".zoom").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    });
  }

  function drawPanel(panel) {
    const { canvas, facts } = panel;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = at.scale < 1;
    const wanted = Math.floor(Math.log2(1 / (at.scale * ratio)));
    const level = Math.min(Math.max(wanted, 0), facts.levels - 1);
    const step = facts.tile * 2 ** level; // pixels of the image that a tile is wide
    const left = width / 2 - at.x * at.scale;
    const top = height / 2 - (facts.height - at.y) * at.scale;
    const columns = Math.ceil(facts.width / step);
    const rows = Math.ceil(facts.height / step);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const x = left + column * step * at.scale;
        const y = top + row * step * at.scale;
        if (x > width || y > height || x + step * at.scale < 0 || y + step * at.scale < 0) continue;
        const place = { level, column, row };
        const drawn = [tile(panel, "/picture/tile", { ...place, scale: scaleChoice.value })];
        if (planes().length) drawn.push(tile(panel, "/picture/overlay", { ...place, of: planes().join() }));
        for (const image of drawn) {
          if (!image.complete || !image.naturalWidth) continue;
          const size = 2 ** level * at.scale;
          context.drawImage(image, x, y, image.naturalWidth * size, image.naturalHeight * size);
        }
      }
    }
    if (sourcesChoice?.checked && isTrimmed(panel)) drawSources(context, left, top, facts.height);
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  function drawSources(context, left, top, height) {
    context.lineWidth = 1.5;
    context.strokeStyle = style("--mark");
    for (const source of sources) {
      const [x, y] = [left + (source.x + 0.5) * at.scale, top + (height - source.y - 0.5) * at.scale];
      context.beginPath();
      context.arc(x, y, Math.max(7, 8 * at.scale), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // Mask planes.
  const planes = () => [...viewer.querySelectorAll(".planes input:checked")].map((one) => one.value);
  function offerPlanes(found) {
    const place = viewer.querySelector(".planes");
    for (const [name, colour] of Object.entries(found)) {
      if (place.querySelector(`[value="${CSS.escape(name)}"]`)) continue;
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name });
      const key = document.createElement("span");
      key.className = "plane-key";
      key.style.background = colour;
      label.append(box, key, name);
      place.append(label);
      box.addEventListener("change", draw);
    }
  }

  // Moving and zooming.
  const place = (panel, event) => {
    const box = panel.canvas.getBoundingClientRect();
    return {
      x: at.x + (event.clientX - box.left - box.width / 2) / at.scale,
      y: at.y - (event.clientY - box.top - box.height / 2) / at.scale,
    };
  };
  function zoom(factor, fixed = at) {
    const scale = Math.min(Math.max(at.scale * factor, 0.02), 40);
    at.x = fixed.x + ((at.x - fixed.x) * at.scale) / scale;
    at.y = fixed.y + ((at.y - fixed.y) * at.scale) / scale;
    at.scale = scale;
    draw();
  }
  for (const panel of panels) {
    const { canvas } = panel;
    let drag = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(2 ** (-event.deltaY / 300), place(panel, event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, y: event.clientY, moved: 0 };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        at.x -= (event.clientX - drag.x) / at.scale;
        at.y += (event.clientY - drag.y) / at.scale;
        drag = { x: event.clientX, y: event.clientY, moved: drag.moved + 1 };
        draw();
      }
      read(place(panel, event), panel);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && drag.moved < 3 && isTrimmed(panel)) open(place(panel, event));
      drag = null;
    });
    panel.figure.querySelector(".shown").addEventListener("change", (event) => {
      panel.figure.classList.toggle("away", !event.target.checked);
      if (event.target.checked && !panel.facts) load(panel);
      draw();
    });
    if (shown().includes(panel)) load(panel);
  }

  function open({ x, y }) {
    if (!sourcesChoice?.checked) return;
    const near = Math.max(10, 10 / at.scale);
    const [nearest] = sources
      .map((source) => [Math.hypot(source.x - x, source.y - y), source])
      .filter(([distance]) => distance < near)
      .sort((one, other) => one[0] - other[0]);
    if (nearest) location.assign(`${root}/source?${new URLSearchParams({ id: nearest[1].source_id_str })}`);
  }

  // Values under the pointer: the last place that was asked for, one question at a time.
  let wantedPlace = null;
  let isReading = false;
  async function read(pixel, panel) {
    wantedPlace = { x: Math.floor(pixel.x), y: Math.floor(pixel.y), panel };
    if (isReading) return;
    isReading = true;
    while (wantedPlace) {
      const { x, y, panel: over } = wantedPlace;
      wantedPlace = null;
      const { facts } = over;
      if (!facts || x < 0 || y < 0 || x >= facts.width || y >= facts.height) break;
      const kinds = panels.filter((panel) => panel.facts).map((panel) => `&kind=${panel.kind}`).join("");
      const answer = await fetch(address("/picture/values", { x, y }) + kinds);
      if (answer.ok) showValues(x, y, await answer.json(), over);
      await new Promise((done) => setTimeout(done, 60));
    }
    isReading = false;
  }
  function showValues(x, y, values, over) {
    const sky = isTrimmed(over) && Object.values(values).find((one) => one.ra !== null);
    const where = sky ? `   RA ${sky.ra.toFixed(5)}°  Dec ${sky.dec.toFixed(5)}°` : "";
    viewer.querySelector(".at").textContent = `x ${x}  y ${y}${where}`;
    for (const panel of panels) {
      const found = values[panel.kind];
      const number = found?.value === null || found === undefined ? "" : found.value.toPrecision(5);
      const scale = number && panel.facts?.nanojansky;
      const told = scale ? `, ${(found.value * scale).toPrecision(5)} nJy` : "";
      const unit = (number && panel.facts?.unit ? ` ${panel.facts.unit}` : "") + told;
      panel.figure.querySelector(".value").textContent = `${number}${unit} ${(found?.planes ?? []).join(" ")}`;
    }
  }

  // What the bar and the keys do.
  const actions = {
    in: () => zoom(2),
    out: () => zoom(0.5),
    fit: () => { fit(); draw(); },
    one: () => zoom(1 / at.scale),
  };
  for (const button of viewer.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  const move = (x, y) => () => { at.x += (60 * x) / at.scale; at.y += (60 * y) / at.scale; draw(); };
  const keys = {
    "+": actions.in, "-": actions.out, 0: actions.fit, "=": actions.one,
    ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select")) return;
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  });
  scaleChoice.addEventListener("change", draw);
  sourcesChoice?.addEventListener("change", draw);
  addEventListener("resize", draw);
  addEventListener("theme-changed", draw);

  if (viewer.dataset.sources === "yes") {
    nightTable(`${root}/api/sources?${new URLSearchParams({ visit, detector, limit: 5000 })}`).then((found) => {
      sources = found;
      viewer.querySelector(".sources-count").textContent = String(found.length);
      draw();
    });
  }
})();
