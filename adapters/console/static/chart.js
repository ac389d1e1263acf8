// North, east and a scale on finding charts, by what the image says of three of its pixels.
"use strict";
(() => {
  const svg = (name, given, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };

  async function place(chart) {
    const [x, y] = [Number(chart.dataset.x), Number(chart.dataset.y)];
    // Towards the middle of the image, where there are pixels.
    const [dx, dy] = [x > 60 ? -40 : 40, y > 60 ? -40 : 40];
    const look = async (at_x, at_y) => (await nightTable(`${chart.dataset.values}&${new URLSearchParams({ x: at_x, y: at_y })}`)).calibrated;
    const [here, right, up] = [await look(x, y), await look(x + dx, y), await look(x, y + dy)];
    if ([here, right, up].some((one) => (one?.ra ?? null) === null)) return;
    const shrink = Math.cos((here.dec * Math.PI) / 180);
    // Arcseconds east and north for each pixel.
    const off = (one, pixels) => [
      ((((one.ra - here.ra + 540) % 360) - 180) * shrink * 3600) / pixels,
      ((one.dec - here.dec) * 3600) / pixels,
    ];
    const [[a, c], [b, d]] = [off(right, dx), off(up, dy)];
    const area = a * d - b * c;
    const scale = Math.sqrt(Math.abs(area));
    if (!scale) return;
    // Pixels for each arcsecond north, and east.
    for (const [word, [to_x, to_y]] of [["N", [-b / area, a / area]], ["E", [d / area, -c / area]]]) {
      const length = Math.hypot(to_x, to_y);
      const [end_x, end_y] = [(to_x / length) * 34, (-to_y / length) * 34];
      chart.append(svg("path", { d: `M450 64l${end_x} ${end_y}` }));
      chart.append(svg("text", { x: 450 + end_x * 1.35, y: 69 + end_y * 1.35, "text-anchor": "middle" }, word));
    }
    const arcseconds = [1, 2, 5, 10, 20, 30, 60, 120, 300].filter((one) => one / scale <= 90).pop() ?? 1;
    // Two pixels of the drawing are one of the image.
    chart.append(svg("path", { d: `M20 490h${(2 * arcseconds) / scale}` }));
    chart.append(svg("text", { x: 20, y: 482 }, `${arcseconds}\u2033`));
    const told = chart.parentElement.querySelector(".chart-sky");
    if (told) told.textContent = `; ${scale.toFixed(2)}\u2033 a pixel`;
  }

  for (const chart of document.querySelectorAll(".chart[data-values]")) place(chart);
})();
