// A weapon's page: choose another weapon, and see what lies between the two.
"use strict";

const between = document.getElementById("between");
const choices = document.getElementById("choices");
const results = document.getElementById("results");
const morph = document.getElementById("morph");
const mix = document.getElementById("mix");
const layer = document.getElementById("layer");
const playStatus = document.getElementById("play-status");
const SHOWN = 8;
let other = null;

function choice(weapon) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "choice";
  button.dataset.rarity = weapon.rarity;
  const picture = document.createElement("img");
  picture.className = "picture";
  picture.src = weapon.links.picture;
  picture.alt = "";
  const name = document.createElement("span");
  name.textContent = weapon.name;
  button.append(picture, name);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => choose(weapon, button));
  item.append(button);
  return item;
}

async function offer() {
  playStatus.textContent = "";
  try {
    const answer = await fetch(between.dataset.weapons + "?n=" + SHOWN);
    if (!answer.ok) throw new Error((await answer.json()).detail);
    choices.replaceChildren(...(await answer.json()).map(choice));
    between.hidden = false;
  } catch (error) {
    playStatus.textContent = error.message;
  }
}

function choose(weapon, button) {
  for (const each of choices.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
  other = weapon;
  results.hidden = false;
  results.setAttribute("aria-busy", "true");
  morph.onload = () => results.removeAttribute("aria-busy");
  morph.onerror = () => { playStatus.textContent = "That morph could not be drawn; try another weapon."; };
  morph.src = between.dataset.self + "/morph/" + weapon.id + ".webp";
  morph.alt = "An animation: this weapon becomes " + weapon.name;
  document.getElementById("morph-caption").textContent = "It becomes " + weapon.name;
  document.getElementById("mix-figure").hidden = weapon.member !== between.dataset.member || weapon.styles < 2;
  layer.max = String(Math.max(1, weapon.styles - 1));
  layer.value = String(Math.max(1, Math.floor(weapon.styles / 2)));
  if (!document.getElementById("mix-figure").hidden) showMix();
}

function showMix() {
  mix.src = between.dataset.self + "/mix/" + other.id + ".png?layer=" + layer.value;
  mix.alt = "The build of this weapon with the colours of " + other.name;
}

layer.addEventListener("input", showMix);
document.getElementById("others").addEventListener("click", offer);
offer();
