// The line between grey and colour follows the slider. Without this the pages read as well.
"use strict";
document.documentElement.classList.add("moves");
document.addEventListener("input", (event) => {
  const split = event.target.closest(".split");
  if (!split) return;
  split.classList.add("moved");
  split.style.setProperty("--at", `${event.target.value}%`);
});
