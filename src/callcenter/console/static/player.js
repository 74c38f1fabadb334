// Plays one recording: nothing is asked for before a reason is given, which is sent along and kept with the playback.
"use strict";

const player = document.getElementById("player");
const { dataset } = player ?? { dataset: {} };
const byId = (name) => document.getElementById(name);
const [audio, reason, playing, clock, canvas, fault] = ["audio", "reason", "play", "clock", "wave", "fault"].map(byId);
const seconds = Number(dataset.seconds);
let wave = null;
let sound = null; // Web Audio: made by the first press of a button, as browsers want it
let asked = ""; // the reason that the audio was last asked for with
let wanted = 0; // where to begin when nothing is loaded yet
let sitting = ""; // what we call all that is asked for with one reason: what was played of it is told under this name
let told = "";
let toldAt = 0;
const TELL_EVERY = 10_000; // milliseconds
const MOST_PARTS = 500;

function time(at) {
  const whole = Math.floor(at);
  const rest = `${String(Math.floor(whole / 60) % 60).padStart(whole >= 3600 ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
}

function given() {
  return reason.value.trim();
}

function here() {
  return audio.src && audio.readyState ? audio.currentTime : wanted;
}

function show() {
  clock.textContent = `${time(here())} / ${time(Math.round(seconds))}`;
  canvas.setAttribute("aria-valuenow", String(Math.round(here())));
  wave.moveTo(here());
  playing.textContent = audio.paused ? dataset.play : dataset.pause;
}

// A random UUID (RFC 9562, 4); crypto.randomUUID is not there on pages without TLS.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// The server knows what it sent, which is more than was heard: browsers ask ahead.
function report() {
  const { played } = audio;
  if (!sitting || !played.length) return;
  const parts = [...Array(Math.min(played.length, MOST_PARTS)).keys()].map((n) => [played.start(n), played.end(n)]);
  const body = JSON.stringify({ parts });
  if (body === told) return;
  told = body;
  toldAt = performance.now();
  const again = () => { told = ""; };
  const headers = { "Content-Type": "application/json" };
  fetch(`${dataset.listenings}/${sitting}/played`, { method: "POST", headers, body, keepalive: true })
    .then((answer) => answer.ok || again(), again);
}

function reportNowAndThen() {
  if (performance.now() - toldAt > TELL_EVERY) report();
}

// Another reason is another playback: the audio is asked for anew, from the same place on.
function load() {
  if (asked === given()) return;
  report();
  sitting = uuid();
  toldAt = performance.now();
  told = "";
  wanted = here();
  const speed = audio.playbackRate;
  asked = given();
  audio.src = `${dataset.audio}?reason=${encodeURIComponent(asked)}&listening=${sitting}`;
  audio.addEventListener("loadedmetadata", () => {
    audio.currentTime = wanted;
    audio.playbackRate = speed;
  }, { once: true });
}

function connect() {
  if (sound) return;
  const context = new AudioContext();
  const splitter = context.createChannelSplitter(2);
  const gains = [context.createGain(), context.createGain()];
  context.createMediaElementSource(audio).connect(splitter);
  gains.forEach((gain, channel) => {
    splitter.connect(gain, channel);
  });
  const merger = context.createChannelMerger(2);
  gains.forEach((gain, channel) => gain.connect(merger, 0, channel));
  merger.connect(context.destination);
  sound = { context, splitter, gains, merger };
  choose(document.querySelector("[data-side][aria-pressed=true]").dataset.side);
}

// A side alone is heard in both ears.
function choose(side) {
  press("side", side);
  if (!sound) return;
  const { gains, merger } = sound;
  gains.forEach((gain, channel) => {
    gain.disconnect();
    const mine = channel === 0 ? "left" : "right";
    if (side === "both") gain.connect(merger, 0, channel);
    if (side === mine) [0, 1].forEach((ear) => gain.connect(merger, 0, ear));
  });
}

function press(kind, value) {
  for (const button of document.querySelectorAll(`[data-${kind}]`)) {
    button.setAttribute("aria-pressed", String(button.dataset[kind] === value));
  }
}

function ready() {
  playing.disabled = !given();
  if (given()) fault.textContent = "";
}

async function play() {
  if (!given()) {
    fault.textContent = dataset.needed;
    reason.focus();
    return;
  }
  connect();
  load();
  await sound.context.resume();
  await audio.play();
}

async function refused() {
  const answer = await fetch(audio.src, { method: "HEAD" }).catch(() => null);
  fault.textContent = `${dataset.refused} ${answer ? answer.status : ""}`;
  asked = "";
}

function seek(second) {
  wanted = Math.min(Math.max(second, 0), seconds);
  if (audio.src && audio.readyState) audio.currentTime = wanted;
  show();
}

function begin() {
  wave = new Waveform(canvas, seconds);
  const markers = [...document.querySelectorAll("[data-second]")];
  wave.marks = markers.map((button) => Number(button.dataset.second));
  reason.addEventListener("input", ready);
  playing.addEventListener("click", () => (audio.paused ? play() : audio.pause()));
  canvas.addEventListener("click", (event) => seek(wave.secondAt(event.clientX)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
    if (step) seek(here() + step);
  });
  for (const button of markers) {
    button.addEventListener("click", () => {
      seek(Number(button.dataset.second));
      if (audio.paused) play();
    });
  }
  for (const button of document.querySelectorAll("[data-speed]")) {
    button.addEventListener("click", () => {
      audio.playbackRate = audio.defaultPlaybackRate = Number(button.dataset.speed);
      press("speed", button.dataset.speed);
    });
  }
  for (const button of document.querySelectorAll("[data-side]")) button.addEventListener("click", () => choose(button.dataset.side));
  for (const name of ["timeupdate", "seeking", "seeked", "play", "pause", "ended"]) audio.addEventListener(name, show);
  audio.addEventListener("timeupdate", reportNowAndThen);
  for (const name of ["pause", "ended", "seeked"]) audio.addEventListener(name, report);
  window.addEventListener("pagehide", report);
  document.addEventListener("visibilitychange", report);
  audio.addEventListener("error", refused);
  ready();
  show();
  fetch(dataset.waveform).then((answer) => (answer.ok ? answer.json() : null)).then((drawn) => drawn && wave.show(drawn.left, drawn.right));
}

if (player) begin();
