// The desk's live part: follows /v1/live and shows what it says. All outside text goes in through textContent.
"use strict";

const texts = JSON.parse(document.body.dataset.texts);
const states = new Map(); // "kind/pbx/key" → payload
const link = document.getElementById("link");
const calls = document.getElementById("calls");
let drawing = false;
let refreshing = null;

function element(tag, content, className) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined && content !== null) made.textContent = String(content);
  return made;
}

function card(title, state, facts) {
  const made = element("article", null, `card ${state}`);
  made.append(element("h3", title));
  const list = element("dl");
  for (const [name, value] of facts) list.append(element("dt", name), element("dd", value));
  made.append(list);
  return made;
}

function duration(since) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  if (!Number.isFinite(seconds)) return "–";
  const rest = `${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}

function queueCard(queue) {
  const waiting = Array.isArray(queue.waiting) ? queue.waiting : [];
  const words = texts.console;
  const oldest = waiting.map((caller) => caller.waiting_since).filter(Boolean).sort()[0];
  const made = card(texts.lines[queue.queue] ?? queue.queue, waiting.length ? "busy" : "available", [
    [words.waiting, queue.waiting_count ?? waiting.length],
    [words.longest_wait, oldest ? duration(oldest) : "–"],
    [words.agents_available, `${queue.agents_available ?? "–"} / ${queue.agents_total ?? "–"}`],
    [words.in_talk, queue.calls_in_talk ?? "–"],
  ]);
  if (waiting.length) {
    const list = element("ol");
    for (const caller of waiting) list.append(element("li", `${caller.caller_number} · ${duration(caller.waiting_since)}`));
    made.append(list);
  }
  return made;
}

function agentCard(agent) {
  const words = texts.console;
  const known = Object.hasOwn(texts.states, agent.state) ? agent.state : "unavailable";
  const title = agent.name && agent.name !== agent.agent ? `${agent.agent} ${agent.name}` : agent.agent;
  return card(title, known, [
    [words.state, agent.pause_reason && texts.acts[agent.pause_reason] && known === "paused"
      ? `${texts.states[known]}（${texts.acts[agent.pause_reason]}）` : texts.states[known]],
    [words.since, duration(agent.since)],
    [words.with, agent.caller_number || "–"],
  ]);
}

function alertLine(alert) {
  const text = texts.alerts[alert.kind] ?? `${alert.kind} ${alert.key}`;
  const facts = alert.facts ?? {};
  const said = text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(facts, name) ? String(facts[name]) : whole));
  const by = alert.acknowledged_by ? ` · ${alert.acknowledged_by}` : "";
  return element("p", `${said} · ${duration(alert.raised_at)}${by}`, alert.severity === "critical" ? "critical" : "warning");
}

function drawAlerts() {
  const standing = [...states].filter(([name]) => name.startsWith("alert/")).map(([, alert]) => alert);
  standing.sort((one, other) => (one.severity === "critical" ? 0 : 1) - (other.severity === "critical" ? 0 : 1));
  document.getElementById("alerts").replaceChildren(...standing.map(alertLine));
}

function draw() {
  drawing = false;
  drawAlerts();
  show("queues", "queue", queueCard, texts.console.no_queues);
  show("agents", "agent", agentCard, texts.console.no_agents);
}

function byPlace(one, other) {
  const urgent = (name) => (name.endsWith("/emergency") ? 1 : 0);
  return urgent(one) - urgent(other) || one.localeCompare(other);
}

function show(place, kind, toCard, nothing) {
  const names = [...states.keys()].filter((name) => name.startsWith(`${kind}/`)).sort(byPlace);
  const cards = names.map((name) => toCard(states.get(name)));
  document.getElementById(place).replaceChildren(...(cards.length ? cards : [element("p", nothing, "empty")]));
}

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function remember(state) {
  const name = `${state.kind}/${state.pbx}/${state.key}`;
  if (state.payload === null) states.delete(name);
  else states.set(name, state.payload);
  redraw();
}

function callChanged() {
  if (new URLSearchParams(location.search).has("cursor")) return;
  refreshing ??= setTimeout(refreshCalls, 300);
}

async function refreshCalls() {
  refreshing = null;
  const asked = new URLSearchParams(location.search);
  asked.set("lang", document.documentElement.lang.startsWith("zh") ? "zh" : "en");
  const answer = await fetch(`/calls?${asked}`).catch(() => null);
  if (!answer || !answer.ok) return;
  const table = new DOMParser().parseFromString(await answer.text(), "text/html");
  calls.replaceChildren(...table.body.childNodes);
}

function say(state, text) {
  link.className = state;
  link.textContent = text;
}

function follow() {
  const source = new EventSource("/v1/live");
  source.addEventListener("snapshot", (event) => {
    states.clear();
    JSON.parse(event.data).states.forEach(remember);
    say("up", texts.console.live);
    redraw();
    callChanged();
  });
  for (const kind of ["queue", "agent", "alert"]) source.addEventListener(kind, (event) => remember(JSON.parse(event.data)));
  source.addEventListener("call", callChanged);
  source.onerror = () => {
    say("down", texts.console.offline);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    setTimeout(follow, 3000);
  };
}

setInterval(redraw, 1000);
follow();
