// Orders what a search found as one ZIP and follows the job until it can be fetched.
"use strict";

const order = document.getElementById("export");

async function follow(id) {
  const bar = order.querySelector("progress");
  const said = order.querySelector("output");
  const job = await (await fetch(`/v1/recording-exports/${id}`)).json();
  bar.hidden = false;
  bar.max = job.total;
  bar.value = job.done;
  said.textContent = `${job.done} / ${job.total}`;
  if (job.state === "queued" || job.state === "running") {
    setTimeout(() => follow(id).catch(() => follow(id)), 1000);
  } else if (job.state === "done") {
    const link = document.createElement("a");
    link.href = `/v1/recording-exports/${id}/file`;
    link.textContent = `${order.dataset.ready} (${(job.bytes / 1e6).toFixed(1)} MB)`;
    said.replaceChildren(link);
  } else {
    said.textContent = `${order.dataset.failed} ${job.reason ?? ""}`;
  }
}

async function start() {
  const body = { filters: JSON.parse(order.dataset.filters), reason: order.elements.reason.value };
  for (const name of ["min_seconds", "max_seconds", "min_talk", "max_talk"]) {
    if (name in body.filters) body.filters[name] = Number(body.filters[name]);
  }
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/v1/recording-exports", { method: "POST", headers, body: JSON.stringify(body) });
  const told = await answer.json();
  if (answer.ok) await follow(told.id);
  else order.querySelector("output").textContent = `${order.dataset.refused} ${told.detail}`;
}

order?.addEventListener("submit", (event) => {
  event.preventDefault();
  start().catch((error) => { order.querySelector("output").textContent = String(error); });
});
