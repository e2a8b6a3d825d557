// Shows by itself what the citizen's phone has to show next. Without it the page works by buttons and by being loaded again.
"use strict";
(() => {
  const screen = document.querySelector("[data-mark]");
  if (!screen) return;
  const left = document.querySelector("[data-left]");
  const end = left ? performance.now() + 1000 * Number(left.dataset.left) : Infinity;
  const address = screen.dataset.state;

  async function look() {
    if (left) left.textContent = String(Math.max(0, Math.round((end - performance.now()) / 1000)));
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.ok && (await answer.json()).mark !== screen.dataset.mark) {
        location.reload();
        return;
      }
    } catch {
      // the simulator is being started again: ask later
    }
    setTimeout(look, 1000);
  }
  setTimeout(look, 1000);

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = button.dataset.done;
    });
  }
})();
