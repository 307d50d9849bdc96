/* Images from the user: a pad to draw on, and pictures that are dropped or chosen. */
const Input = (() => {
  const {make} = Page;
  const SIDE = 280;  // pixels of the pad

  /* An image of the model's size in grey or colour, from a canvas that has it. */
  const valuesOf = (canvas, image) => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
    const values = new Float64Array(image.width * image.height * image.channels);
    for (let p = 0; p < image.width * image.height; p++) {
      const [r, g, b] = [data[4 * p], data[4 * p + 1], data[4 * p + 2]];
      if (image.channels === 1)
        values[p] = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
      else
        values.set([r / 255, g / 255, b / 255], 3 * p);
    }
    return values;
  };

  const canvasOf = (width, height) => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    return {canvas, context};
  };

  /* Draws part of a canvas smaller, by halves, so that thin strokes are averaged and not lost. */
  const shrink = (from, box, image, place) => {
    let {canvas} = canvasOf(Math.max(1, Math.round(box.w)), Math.max(1, Math.round(box.h)));
    canvas.getContext("2d").drawImage(from, box.x, box.y, box.w, box.h, 0, 0, canvas.width, canvas.height);
    while (canvas.width > 2 * place.w && canvas.height > 2 * place.h) {
      const half = canvasOf(Math.ceil(canvas.width / 2), Math.ceil(canvas.height / 2));
      half.context.drawImage(canvas, 0, 0, half.canvas.width, half.canvas.height);
      canvas = half.canvas;
    }
    const result = canvasOf(image.width, image.height);
    result.context.drawImage(canvas, place.x, place.y, place.w, place.h);
    return result.canvas;
  };

  /* The box of pixels above a threshold, and their centre of mass; null for a black canvas. */
  const inkOf = (canvas) => {
    const {width, height} = canvas, {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
    let x0 = width, x1 = -1, y0 = height, y1 = -1, sum = 0, mx = 0, my = 0;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const v = data[4 * (y * width + x)];
        if (v < 40) continue;
        x0 = Math.min(x0, x);
        x1 = Math.max(x1, x);
        y0 = Math.min(y0, y);
        y1 = Math.max(y1, y);
        sum += v;
        mx += v * x;
        my += v * y;
      }
    return sum > 0 ? {x: x0, y: y0, w: x1 - x0 + 1, h: y1 - y0 + 1, mx: mx / sum, my: my / sum} : null;
  };

  /* As MNIST's images were made: the ink fits 20 of 28 pixels, with its centre of mass in the middle. */
  const centred = (canvas, image) => {
    const ink = inkOf(canvas);
    if (!ink) return null;
    const size = Math.min(image.width, image.height) * 20 / 28, scale = size / Math.max(ink.w, ink.h);
    const place = {
      x: image.width / 2 - (ink.mx - ink.x) * scale,
      y: image.height / 2 - (ink.my - ink.y) * scale,
      w: ink.w * scale,
      h: ink.h * scale
    };
    return valuesOf(shrink(canvas, ink, image, place), image);
  };

  /* A pad; changed(values) is called after each stroke. Returns {element, clear}. Ink is white on black; for
   * other images the colours can be chosen. */
  const pad = (image, isInk, changed) => {
    const {canvas, context} = canvasOf(SIDE, isInk ? SIDE : Math.round(SIDE * image.height / image.width));
    canvas.className = "picture pad";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "A pad to draw on with a finger, a pen or a mouse");
    context.lineWidth = SIDE * 2.3 / 28;
    context.lineCap = context.lineJoin = "round";
    const colour = (name, value) => {
      const input =
        make("input", {type: "color", value, "aria-label": name, input: () => isEmpty && clear()});
      return {input, label: make("label", {}, name, input)};
    };
    const pen = colour("Pen", isInk ? "#ffffff" : "#b3261e"),
          ground = colour("Ground", isInk ? "#000000" : "#f5f5f2");
    let last = null, isEmpty = true;
    const placeOf = (event) => {
      const box = canvas.getBoundingClientRect();
      return {
        x: (event.clientX - box.left) * SIDE / box.width,
        y: (event.clientY - box.top) * canvas.height / box.height
      };
    };
    const draw = (event) => {
      if (!last) return;
      const next = placeOf(event);
      context.strokeStyle = pen.input.value;
      context.beginPath();
      context.moveTo(last.x, last.y);
      context.lineTo(next.x, next.y + 0.01);
      context.stroke();
      last = next;
    };
    const take = () => {
      const whole = {x: 0, y: 0, w: canvas.width, h: canvas.height};
      const values = isInk ?
        centred(canvas, image) :
        valuesOf(shrink(canvas, whole, image, {x: 0, y: 0, w: image.width, h: image.height}), image);
      if (values) changed(values);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (isEmpty) fill();
      isEmpty = false;
      last = placeOf(event);
      draw(event);
    });
    canvas.addEventListener("pointermove", draw);
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => {
        if (last) take();
        last = null;
      });
    const fill = () => {
      context.fillStyle = ground.input.value;
      context.fillRect(0, 0, canvas.width, canvas.height);
    };
    const clear = () => {
      fill();
      context.fillStyle = isInk ? "#9aa3ad" : pen.input.value;
      context.font = "22px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("draw here", SIDE / 2, canvas.height / 2);
      isEmpty = true;
    };
    clear();
    const colours = isInk ? "" : make("div", {class: "row"}, pen.label, ground.label);
    return {element: make("div", {}, canvas, colours), clear};
  };

  /* Reads a picture. Ink on paper becomes bright on black for a model of such images. */
  const read = async (file, image, isInk) => {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 1000 / Math.max(bitmap.width, bitmap.height));
    const {canvas, context} =
      canvasOf(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    const {width, height} = canvas;
    context.fillStyle = isInk ? "#000" : "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
    const isSame = bitmap.width === image.width && bitmap.height === image.height;
    if (!isInk || isSame)
      return valuesOf(
        shrink(
          canvas, {x: 0, y: 0, w: width, h: height}, image, {x: 0, y: 0, w: image.width, h: image.height}),
        image);
    const {data} = context.getImageData(0, 0, width, height);
    let border = 0, count = 0, most = 1;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (x === 0 || y === 0 || x === width - 1 || y === height - 1) {
          border += data[4 * (y * width + x)];
          count++;
        }
    const paper = border / count, isDark = paper > 127;
    const pixels = context.getImageData(0, 0, width, height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const v = (pixels.data[i] + pixels.data[i + 1] + pixels.data[i + 2]) / 3;
      most = Math.max(most, Math.abs(v - paper));
      pixels.data[i] = isDark ? Math.max(0, paper - v) : Math.max(0, v - paper);
    }
    for (let i = 0; i < pixels.data.length; i += 4) {
      const v = pixels.data[i] / most;
      pixels.data[i] = pixels.data[i + 1] = pixels.data[i + 2] = v < 0.15 ? 0 : Math.min(255, 300 * v);
    }
    context.putImageData(pixels, 0, 0);
    return centred(canvas, image);
  };

  /* A place to drop a picture on, or to choose one. used(values) gets it, failed(text) a reason. */
  const drop = (image, isInk, used, failed) => {
    const take = async (file) => {
      if (!file) return;
      try {
        const values = await read(file, image, isInk);
        if (values)
          used(values);
        else
          failed("This picture has no ink on it.");
      } catch (error) {
        failed("This file is not a picture that the browser can read. Take a PNG or a JPEG.");
      }
    };
    const chooser = make("input", {
      type: "file",
      accept: "image/*",
      "aria-label": "Choose a picture",
      change: () => take(chooser.files[0])
    });
    const element = make(
      "div", {
        class: "drop",
        dragover: (event) => {
          event.preventDefault();
          element.classList.add("over");
        },
        dragleave: () => element.classList.remove("over"),
        drop: (event) => {
          event.preventDefault();
          element.classList.remove("over");
          take(event.dataTransfer.files[0]);
        }
      },
      make("p", {}, "Or drop a picture here:"), chooser);
    return element;
  };

  return {pad, drop};
})();
