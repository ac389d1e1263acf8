// Pictures are fetched a few at a time as they come into sight: a browser opens six connections to a
// server, and one has to be free for the news of the night.
"use strict";
(() => {
  const atOnce = 4;
  const waiting = [];
  let underWay = 0;

  function next() {
    while (underWay < atOnce && waiting.length) {
      const picture = waiting.shift();
      if (!picture.isConnected) continue;
      underWay += 1;
      const done = (isThere) => {
        underWay -= 1;
        if (!isThere) sayMissing(picture);
        next();
      };
      picture.addEventListener("load", () => done(true), { once: true });
      picture.addEventListener("error", () => done(false), { once: true });
      picture.setAttribute(picture instanceof SVGElement ? "href" : "src", picture.dataset.src);
    }
  }

  // While a night goes on, what was found is known before its images are written.
  function sayMissing(picture) {
    if (picture instanceof SVGElement) return;
    const isLive = document.querySelector(".connection").dataset.live === "yes";
    const word = document.createElement("span");
    word.className = "missing";
    word.textContent = isLive ? "not written yet" : "not kept";
    picture.replaceWith(word);
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      waiting.push(target);
    }
    next();
  }, { rootMargin: "300px" });

  function find() {
    for (const picture of document.querySelectorAll("img[data-src]:not([src])")) seen.observe(picture);
    waiting.push(...document.querySelectorAll("image[data-src]:not([href])"));
    next();
  }
  // A page that is renewed keeps the pictures that it has.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(["src", "href"].includes(name) && node.dataset?.src);
  document.addEventListener("htmx:afterSwap", find);
  find();
})();
