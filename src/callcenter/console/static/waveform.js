// Draws a recording: the caller above, what he heard below, the place that is played. `Waveform` is used by player.js.
"use strict";

class Waveform {
  constructor(canvas, seconds) {
    this.canvas = canvas;
    this.seconds = seconds;
    this.sides = [[], []];
    this.marks = [];
    this.at = 0;
    this.gain = 1;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(left, right) {
    const loudest = Math.max(0.01, ...left.map(Math.abs), ...right.map(Math.abs));
    this.gain = Math.min(0.95 / loudest, 4); // both by the same, so that they can be compared; noise stays small
    this.sides = [left, right];
    this.draw();
  }

  // Where in the recording a place on the canvas is, in seconds.
  secondAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(Math.max((clientX - box.left) / box.width, 0), 1) * this.seconds;
  }

  moveTo(second) {
    this.at = second;
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const style = getComputedStyle(canvas);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const played = this.seconds ? (this.at / this.seconds) * width : 0;
    const colours = ["--accent", "--good"].map((name) => style.getPropertyValue(name));
    this.sides.forEach((peaks, n) => this.drawSide(pen, peaks, colours[n], n * height / 2, width, height / 2, played));
    pen.globalAlpha = 1;
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(0, height / 2 - scale / 2, width, scale);
    pen.fillStyle = style.getPropertyValue("--warn");
    for (const second of this.marks) pen.fillRect((second / this.seconds) * width, 0, scale, height);
    pen.fillStyle = style.getPropertyValue("--bad");
    pen.fillRect(Math.min(played, width - 2 * scale), 0, 2 * scale, height);
  }

  // One column a pixel: the peak furthest from 0 of what falls into it. What was played is drawn fully, the rest faintly.
  drawSide(pen, peaks, colour, top, width, height, played) {
    pen.fillStyle = colour;
    const middle = top + height / 2;
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor((x / width) * peaks.length);
      const last = Math.max(first + 1, Math.floor(((x + 1) / width) * peaks.length));
      let high = 0;
      for (let n = first; n < last && n < peaks.length; n += 1) high = Math.max(high, Math.abs(peaks[n]));
      pen.globalAlpha = x <= played ? 1 : 0.55;
      const half = Math.max(high * this.gain * (height / 2 - 2), 0.5);
      pen.fillRect(x, middle - half, 1, half * 2);
    }
  }
}
