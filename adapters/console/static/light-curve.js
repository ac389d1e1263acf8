// The light curve of an object; each point is linked with its row of cutouts.
"use strict";
(async () => {
  const place = document.getElementById("curve");
  const root = document.documentElement.dataset.root;
  const seen = await nightTable(place.dataset.points);
  // Forced photometry of the exposures where the object was not among the detections.
  const exposure = (point) => `${point.visit}/${point.detector}`;
  const detected = new Set(seen.map(exposure));
  const forced = place.dataset.forced ? await nightTable(place.dataset.forced) : [];
  const moving = new Set((place.dataset.moving ?? "").split(" "));
  const points = [
    ...seen.map((point) => ({ ...point, kind: moving.has(point.source_id_str) ? "of a tracklet" : "" })),
    ...forced.filter((point) => !detected.has(exposure(point))).map((point) => ({ ...point, kind: "forced" })),
  ].sort((a, b) => a.mjd - b.mjd);
  const error = (point) => (point.kind === "forced" && flux === "science_flux" ? point.science_flux_err : point.flux_err) ?? 0;
  const bands = [...new Set(points.map((point) => point.band))].sort();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = ["--part-3", "--late", "--good", "--bad", "--busy", "--other"];
  const shapes = ["circle", "square", "diamond", "triangle"];
  // Within a night, time counts from the first point: an MJD has too many digits to tell minutes by.
  const first = Math.min(...points.map((point) => point.mjd));
  const span = Math.max(...points.map((point) => point.mjd)) - first;
  const since = first.toFixed(5);
  const scale = span > 3
    ? { name: "MJD", label: "MJD (TAI)", across: (mjd) => mjd }
    : span > 0.2
      ? { name: "hours", label: `hours since MJD ${since} (TAI)`, across: (mjd) => (mjd - first) * 24 }
      : { name: "minutes", label: `minutes since MJD ${since} (TAI)`, across: (mjd) => (mjd - first) * 1440 };
  const across = (point) => scale.across(point.mjd);
  let flux = "science_flux";
  let plot = null;
  let marked = null;

  function draw() {
    plot?.destroy();
    const isOf = ({ band, kind }) => (point) => point.band === band && point.kind === kind;
    const series = bands.flatMap((band) => ["", "of a tracklet", "forced"].map((kind) => ({ band, kind })))
      .filter((one) => points.some(isOf(one)));
    const data = [points.map(across), ...series.map((one) => points.map((point) => (isOf(one)(point) ? point[flux] : null)))];
    const whole = (number) => Math.round(number).toLocaleString("en");
    const told = (_, value, __, index) => (value === null || index === null ? "–"
      : `${whole(value)} ± ${whole(error(points[index]))} nJy`);
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "12px system-ui" };
    plot = new uPlot({
      width: place.clientWidth,
      height: 320,
      scales: { x: { time: false, range: padded }, y: { range: () => padded(null, ...extent()) } },
      cursor: { points: { size: 11 }, drag: { x: true, y: true } },
      axes: [
        { ...axis, label: scale.label, values: evenly, space: 100 },
        { ...axis, label: "flux, nJy", size: 80 },
      ],
      series: [{ label: scale.name }, ...series.map(({ band, kind }) => {
        const shade = kind === "of a tracklet" ? colour("--mark") : colour(colours[bands.indexOf(band) % colours.length]);
        const fill = kind === "forced" ? colour("--ground") || "transparent" : shade;
        // The fill of a series without paths is that of its square in the legend.
        return {
          label: [band || "–", kind].filter(Boolean).join(" "), value: told, stroke: shade, fill, paths: () => null, points: { show: true, size: 8, fill },
        };
      })],
      hooks: { draw: [bars], setCursor: [mark] },
    }, data, place);
    plot.over.addEventListener("click", () => {
      if (!marked) return;
      if (marked.kind === "forced") document.getElementById(row(marked))?.scrollIntoView({ block: "center" });
      else location.assign(`${root}/source?${new URLSearchParams({ id: marked.source_id_str })}`);
    });
  }

  // A margin, so that no point lies on the edge; a point alone stands in the middle.
  const padded = (_, low, high) => {
    if (low === null) return [0, 1];
    const margin = (high - low) * 0.08 || 1;
    return [low - margin, high + margin];
  };

  // As many digits as write the steps in full, such as 2.5.
  const evenly = (_, ticks) => {
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
    let digits = 0;
    while (digits < 8 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
    return ticks.map((tick) => tick.toFixed(digits));
  };
  // With their bars.
  const extent = () => {
    const known = points.filter((point) => point[flux] !== null);
    return known.length
      ? [Math.min(...known.map((point) => point[flux] - error(point))), Math.max(...known.map((point) => point[flux] + error(point)))]
      : [null, null];
  };

  function bars(chart) {
    const { ctx } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(chart.bbox.left, chart.bbox.top, chart.bbox.width, chart.bbox.height);
    ctx.clip();
    ctx.strokeStyle = colour("--quiet");
    ctx.lineWidth = devicePixelRatio;
    for (const point of points) {
      if (point[flux] === null || !error(point)) continue;
      const x = chart.valToPos(across(point), "x", true);
      ctx.beginPath();
      ctx.moveTo(x, chart.valToPos(point[flux] - error(point), "y", true));
      ctx.lineTo(x, chart.valToPos(point[flux] + error(point), "y", true));
      ctx.stroke();
    }
    ctx.restore();
  }

  const row = (point) => (point.kind === "forced" ? `forced-${point.visit}-${point.detector}` : `source-${point.source_id_str}`);

  function mark(chart) {
    const point = points[chart.cursor.idx];
    document.querySelector("tr.at")?.classList.remove("at");
    marked = null;
    if (chart.cursor.left < 0 || !point) return;
    marked = point;
    document.getElementById(row(point))?.classList.add("at");
  }

  for (const button of document.querySelectorAll("[data-flux]")) {
    button.addEventListener("click", () => {
      flux = button.dataset.flux;
      for (const one of document.querySelectorAll("[data-flux]")) one.ariaPressed = String(one === button);
      draw();
    });
  }
  flux = document.querySelector("[data-flux][aria-pressed=true]").dataset.flux;
  if (flux === "science_flux" && !points.some((point) => point.science_flux !== null)) document.querySelector("[data-flux=flux]").click();
  else draw();
  addEventListener("resize", () => plot.setSize({ width: place.clientWidth, height: 320 }));
  addEventListener("theme-changed", draw);
})();
