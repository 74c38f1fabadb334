// The worklist's buttons: ask the API, then show the list anew. What it refuses is told.
"use strict";

const fault = document.getElementById("fault");

async function act(button) {
  const note = button.closest("tr").querySelector("input[name=note]").value;
  const closing = button.dataset.do !== "take";
  const path = `/v1/follow-ups/${button.dataset.entry}/${closing ? "close" : "take"}`;
  const body = closing ? JSON.stringify({ state: button.dataset.do, note }) : undefined;
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (answer.ok) {
    location.reload();
  } else {
    fault.textContent = `${document.body.dataset.refused} ${(await answer.json()).detail}`;
  }
}

for (const button of document.querySelectorAll("button[data-do]")) {
  button.addEventListener("click", () => act(button).catch((error) => { fault.textContent = String(error); }));
}
