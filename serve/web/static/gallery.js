// The gallery: asks for more weapons at its end, on the button and on F; a new creativity or type starts it anew.
"use strict";

const gallery = document.getElementById("gallery");
const mould = document.getElementById("mould");
const status = document.getElementById("status");
const tools = document.getElementById("tools");
const creativity = document.getElementById("creativity");
const creativityShown = document.getElementById("creativity-shown");
const type = document.getElementById("type");
const more = document.getElementById("more");

const BATCH = 12;
const RETRIES = 5;
let asking = null; // the request under way, so that a new wish can end it
let atEnd = false;

function cast(weapon) {
  const slot = mould.content.firstElementChild.cloneNode(true);
  const find = (name) => slot.querySelector("." + name);
  find("card").dataset.rarity = weapon.rarity;
  find("card").href = weapon.links.page;
  find("name").textContent = weapon.name;
  find("type").textContent = weapon.type;
  find("rarity").textContent = weapon.rarity;
  find("flavour").textContent = weapon.flavour;
  find("picture").src = weapon.links.picture;
  find("picture").alt = weapon.type + " drawn by a generator";
  for (const perk of weapon.perks) {
    const line = document.createElement("li");
    line.textContent = perk.name;
    line.title = perk.text;
    find("perks").append(line);
  }
  return slot;
}

function wish() {
  const query = new URLSearchParams({ n: BATCH });
  if (Number(creativity.value) !== 1) query.set("truncation", creativity.value);
  if (type && type.value) query.set("type", type.value);
  return gallery.dataset.weapons + "?" + query;
}

async function ask(signal) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(wish(), { signal });
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({}));
    if (answer.status !== 503 || attempt >= RETRIES) throw new Error(problem.detail || "The forge is silent.");
    say("The forge is hot; a moment …");
    const seconds = Number(answer.headers.get("Retry-After")) || 2;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

function say(text) { status.textContent = text; }

async function forge({ anew = false, follow = false } = {}) {
  if (asking && !anew) return;
  if (asking) asking.abort();
  const mine = asking = new AbortController();
  gallery.setAttribute("aria-busy", "true");
  try {
    const weapons = await ask(mine.signal);
    const slots = weapons.map(cast);
    slots.forEach((slot, index) => slot.style.setProperty("--turn", index));
    if (anew) gallery.replaceChildren(...slots);
    else gallery.append(...slots);
    say("");
    if (follow) slots[0].scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
    if (anew) scrollTo({ top: 0 });
  } catch (error) {
    if (error.name !== "AbortError") say(error.message + " Press F or ‘Forge more’ to try again.");
    return;
  } finally {
    if (asking === mine) {
      asking = null;
      gallery.removeAttribute("aria-busy");
    }
  }
  if (atEnd) requestAnimationFrame(() => { if (nearEnd()) forge(); });
}

function calm() { return matchMedia("(prefers-reduced-motion: reduce)").matches; }
function nearEnd() { return more.getBoundingClientRect().top < innerHeight + 600; }

function walk(key) {
  const cards = [...gallery.querySelectorAll(".card")];
  const at = cards.indexOf(document.activeElement);
  if (at < 0) return false;
  const top = cards[0].getBoundingClientRect().top;
  const columns = Math.max(1, cards.findIndex((card) => card.getBoundingClientRect().top > top + 4));
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
  const next = cards[at + step];
  if (!step || !next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

tools.addEventListener("submit", (event) => {
  event.preventDefault();
  forge({ follow: true });
});
creativity.addEventListener("input", () => { creativityShown.textContent = Number(creativity.value).toFixed(2); });
creativity.addEventListener("change", () => forge({ anew: true }));
if (type) type.addEventListener("change", () => forge({ anew: true }));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "f" || event.key === "F") forge({ follow: true });
  else if (event.key.startsWith("Arrow") && walk(event.key)) event.preventDefault();
});

// A page that the browser restores keeps the controls' old values: the figure must agree with the slider.
creativityShown.textContent = Number(creativity.value).toFixed(2);
new IntersectionObserver((entries) => {
  atEnd = entries.some((entry) => entry.isIntersecting);
  if (atEnd) forge();
}, { rootMargin: "600px" }).observe(more);
