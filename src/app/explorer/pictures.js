/* Images on canvases, and plots. Colours come from the style sheet, so both schemes have them. */
const Pictures = (() => {
  /* Class colours that are apart for most kinds of sight, for each scheme. */
  const classColours = {
    light: [
      "#0a58a6", "#a8420a", "#137333", "#8a1c7c", "#5b5b00", "#b3261e", "#00696b", "#5f3dc4", "#7a4a12",
      "#3f4a56"
    ],
    dark: [
      "#82bdff", "#ffab73", "#7fd99a", "#f0a0e6", "#dcd667", "#ff9b94", "#6fd6d8", "#c0adff", "#e0b483",
      "#c3ccd6"
    ],
  };
  const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const classColour = (label) => classColours[isDark() ? "dark" : "light"][label % 10];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  /* Draws an image of values in [0, 1], one canvas pixel each. `signed` shows values in [−1, 1]
   * as orange below 0 and blue above, those of a colour image by the mean of its channels. */
  const show = (canvas, values, image, signed = false) => {
    const {height, width, channels} = image;
    canvas.width = width;
    canvas.height = height;
    const data = new ImageData(width, height);
    const mean = (p) => (values[3 * p] + values[3 * p + 1] + values[3 * p + 2]) / 3;
    for (let p = 0; p < height * width; p++)
      for (let c = 0; c < 3; c++) {
        const v = channels !== 3 ? values[p] : signed ? mean(p) : values[3 * p + c];
        const tint = v > 0 ? [0.45, 0.75, 1][c] : [1, 0.6, 0.3][c];
        data.data[4 * p + c] = Math.round(255 * Math.max(0, Math.min(1, signed ? Math.abs(v) * tint : v)));
        if (c === 0) data.data[4 * p + 3] = 255;
      }
    canvas.getContext("2d").putImageData(data, 0, 0);
  };

  /* Sizes a canvas to its box and its pixels to the screen's. Returns a context in CSS pixels. */
  const fit = (canvas, ratio) => {
    const width = Math.max(80, canvas.clientWidth || canvas.parentElement.clientWidth || 300);
    const height = Math.round(width * ratio), scale = devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + "px";
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.clearRect(0, 0, width, height);
    const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.8;
    context.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    return {context, width, height, size};
  };

  /* The least and the greatest of numbers, with a margin on both sides. */
  const range = (values, margin = 0.06) => {
    let low = Infinity, high = -Infinity;
    for (const v of values) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (!(high > low)) return [low - 1, high + 1];
    return [low - margin * (high - low), high + margin * (high - low)];
  };

  /* A frame for a plot: x and y map numbers to places. */
  const frame = (canvas, ratio, xRange, yRange, labels = {}) => {
    const {context, width, height, size} = fit(canvas, ratio);
    const left = labels.y ? 1.6 * size : 4, bottom = labels.x ? 2.9 * size : 4;
    const box = {left, top: 6, right: width - 6, bottom: height - bottom};
    const x = (v) => box.left + (v - xRange[0]) / (xRange[1] - xRange[0]) * (box.right - box.left);
    const y = (v) => box.bottom - (v - yRange[0]) / (yRange[1] - yRange[0]) * (box.bottom - box.top);
    context.strokeStyle = colour("grid");
    context.fillStyle = colour("quiet");
    context.lineWidth = 1;
    context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.textAlign = "center";
    if (labels.x) {
      context.fillText(labels.x, (box.left + box.right) / 2, height - 0.4 * size);
      const ends = [[xRange[0], "left", box.left], [xRange[1], "right", box.right]];
      for (const [value, align, at] of ends) {
        context.textAlign = align;
        context.fillText(value.toFixed(1).replace("-", "−"), at, box.bottom + 1.1 * size);
      }
    }
    if (labels.y) {
      context.save();
      context.translate(1.1 * size, (box.top + box.bottom) / 2);
      context.rotate(-Math.PI / 2);
      context.textAlign = "center";
      context.fillText(labels.y, 0, 0);
      context.restore();
    }
    return {
      context,
      box,
      x,
      y,
      size,
      fromX: (at) => xRange[0] + (at - box.left) / (box.right - box.left) * (xRange[1] - xRange[0]),
      fromY: (at) => yRange[0] + (box.bottom - at) / (box.bottom - box.top) * (yRange[1] - yRange[0])
    };
  };

  const line = (plot, points, stroke, width = 2, dash = []) => {
    const {context} = plot;
    context.save();
    context.beginPath();
    context.rect(plot.box.left, plot.box.top, plot.box.right - plot.box.left, plot.box.bottom - plot.box.top);
    context.clip();
    context.beginPath();
    points.forEach(
      ([px, py], i) => (i ? context.lineTo(plot.x(px), plot.y(py)) : context.moveTo(plot.x(px), plot.y(py))));
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke();
    context.restore();
  };

  /* The mark of the current code. */
  const mark = (plot, px, py, radius = 8) => {
    const {context} = plot;
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.fillStyle = colour("second");
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colour("card");
    context.stroke();
  };

  return {show, frame, line, mark, range, colour, classColour};
})();
