// What every page has: the connection to the night, the clock, the theme, and the keys.
"use strict";
(() => {
  const root = document.documentElement.dataset.root;
  const live = () => document.getElementById("live");

  // The night: the server says that something changed, and the page asks for itself anew.
  const sign = document.querySelector(".connection-sign");
  const word = document.querySelector(".connection-word");
  let lastHeard = null;

  function say(state, text) {
    const place = document.querySelector(".connection");
    place.dataset.state = state;
    sign.textContent = state === "live" ? "●" : state === "kept" ? "■" : "○";
    word.textContent = text;
    place.title = state === "lost" ? "What is shown is from then" : "";
  }

  function follow() {
    const events = new EventSource(`${root}/events`);
    events.addEventListener("night", (event) => {
      const night = JSON.parse(event.data);
      lastHeard = new Date();
      if (night.is_live) say("live", "live");
      else say("kept", "kept night");
      const main = live();
      if (main.dataset.version !== String(night.version)) {
        htmx.ajax("GET", location.href, { target: main, select: "#live", swap: "morph:outerHTML" });
      }
    });
    events.onerror = () => {
      say("lost", `no connection${lastHeard ? ` since ${utc(lastHeard)}` : ""}`);
      // The browser tries again by itself, but for answers that are errors.
      if (events.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
    };
    addEventListener("pagehide", () => events.close(), { once: true });
  }

  // The clock, and the seconds of what goes on.
  const utc = (moment) => moment.toISOString().slice(11, 19);
  function tick() {
    document.getElementById("now").textContent = utc(new Date());
    for (const place of document.querySelectorAll("[data-since]")) {
      const seconds = Date.now() / 1000 - Number(place.dataset.since);
      place.textContent = `${Math.max(0, Math.round(seconds))}`;
    }
  }

  // A table of the API. Identifiers have more digits than JavaScript's numbers hold: use those as text.
  globalThis.nightTable = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) return [];
    return answer.json();
  };

  // The theme.
  const themes = ["", "light", "dark", "dome"];
  function nextTheme() {
    const now = document.documentElement.dataset.theme || "";
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    if (next) {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("theme", next);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    }
    nameTheme();
    dispatchEvent(new Event("theme-changed"));
  }
  function nameTheme() {
    document.getElementById("theme").textContent = document.documentElement.dataset.theme || "system";
  }

  // Rows that are gone through by j and k. A row with data-open shows itself at once.
  const rows = () => [...document.querySelectorAll("tr[data-open], tr[data-enter]")];
  function current() {
    return document.querySelector("tr.at") || document.querySelector("tr[aria-current=true]");
  }
  function step(by) {
    const all = rows();
    const now = all.indexOf(current());
    const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
    if (!next) return;
    for (const row of all) row.classList.remove("at");
    next.classList.add("at");
    next.scrollIntoView({ block: "nearest" });
    if (next.dataset.open) show(next.dataset.open);
  }
  // The same page of another choice, without leaving it.
  function show(address) {
    history.replaceState(null, "", address);
    const main = live();
    htmx.ajax("GET", address, { target: main, select: "#live", swap: "morph:outerHTML" });
  }

  const go = (selector) => document.querySelector(selector)?.click();
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    Enter: () => {
      const row = current();
      if (row) location.assign(row.dataset.enter || row.dataset.open);
    },
    "]": () => go("a[rel=next]"),
    "[": () => go("a[rel=prev]"),
    u: () => go("a[rel=up]"),
    t: nextTheme,
    "?": () => document.getElementById("help").showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
    if (event.key === "Enter" && event.target.closest("a, button")) return;
    const page = document.querySelectorAll("header nav a")[Number(event.key) - 1];
    if (page) page.click();
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-open]");
    if (row && !event.target.closest("a") && !String(getSelection())) show(row.dataset.open);
  });

  document.getElementById("theme").addEventListener("click", nextTheme);
  document.getElementById("help-button").addEventListener("click", keys["?"]);
  nameTheme();
  tick();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", tick);
  follow();
})();
