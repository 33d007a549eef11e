// A weapon's page: others that look like it, as links; nothing where they cannot be had.
"use strict";

const similar = document.getElementById("similar");

function link(weapon) {
  const item = document.createElement("li");
  const anchor = document.createElement("a");
  anchor.className = "choice";
  anchor.dataset.rarity = weapon.rarity;
  anchor.href = weapon.links.page;
  const picture = document.createElement("img");
  picture.className = "picture";
  picture.src = weapon.links.picture;
  picture.alt = "";
  const name = document.createElement("span");
  name.textContent = weapon.name;
  anchor.append(picture, name);
  item.append(anchor);
  return item;
}

fetch(similar.dataset.similar)
  .then((answer) => (answer.ok ? answer.json() : []))
  .then((weapons) => {
    document.getElementById("alike").replaceChildren(...weapons.map(link));
    similar.hidden = weapons.length === 0;
  });
