/* The view "Draw": an image, what the model makes of it, and what that costs. */
const ViewDraw = (() => {
  const {make, card, button, thumb, figure, picture, plot, number} = Page;
  let parts = {};

  const inputCard = (app) => {
    const status = make("p", {class: "quiet", role: "status"});
    const use = (src) => (values) => {
      status.textContent = "";
      app.useImage(values, app.model.target(values), src);
    };
    const pad = Input.pad(app.model.image, app.isInk, use("drawn"));
    parts.clear = pad.clear;
    return card(
      `Draw ${app.aNoun}`, "Draw with a finger, a pen or the mouse. The model sees it after each stroke.",
      pad.element, make("p", {}), make("div", {class: "row"}, button("Clear the pad", pad.clear)),
      make("p", {}),
      Input.drop(app.model.image, app.isInk, use("dropped"), (text) => (status.textContent = text)), status);
  };

  const testCard = (app) => {
    const {images, labels} = app.examples.test;
    if (!images.count) return null;
    const list = make("div", {class: "thumbs"});
    const order = Array.from({length: images.count}, (_, i) => i);
    if (labels) order.sort((a, b) => labels[a] - labels[b] || a - b);
    for (const i of order)
      list.append(
        thumb(images.at(i), app.model.image, app.nameOf(app.examples.test, i), () => app.useTest(i)));
    return card("Or take a test image", "The model never saw these while it learned.", list);
  };

  const resultCard = () => {
    parts.seen = picture("What the model sees");
    parts.redrawn = picture("What the model draws from the code");
    parts.difference = picture("Where the two differ");
    parts.cost = make("div");
    return card(
      "What the model makes of it", null,
      make(
        "div", {class: "three"}, figure("The image", parts.seen),
        figure("Redrawn from its code", parts.redrawn),
        figure("Difference: blue is missing, orange is too much", parts.difference)),
      make("p", {}), parts.cost);
  };

  const codeCard = (app) => {
    parts.code = plot("The numbers of the code, each with its uncertainty");
    return card(
      "Its code",
      `The ${app.model.d} numbers that the image became. A dot is the number, and the bar is how unsure ` +
        "the model is of it (two standard deviations to each side).",
      parts.code);
  };

  const neighbourCard = (app) => {
    parts.near = make("div", {class: "thumbs large"});
    const what = app.about.cloud === "training" ? "The training images" : "The model’s own draws";
    return card(
      "What is similar", `${what} whose codes are nearest, nearest first, with the distance of the codes.`,
      parts.near);
  };

  const drawCode = (app) => {
    const {mean, scale} = app.input.posterior;
    const low = mean.map((v, j) => v - 2 * scale[j]), high = mean.map((v, j) => v + 2 * scale[j]);
    const frame = Pictures.frame(
      parts.code, 0.28, [-0.7, mean.length - 0.3], Pictures.range([...low, ...high, 0]), {y: "value"});
    Pictures.line(frame, [[-1, 0], [mean.length, 0]], Pictures.colour("line"), 1);
    mean.forEach((v, j) => {
      Pictures.line(frame, [[j, low[j]], [j, high[j]]], Pictures.colour("accent"), 3);
      frame.context.beginPath();
      frame.context.arc(frame.x(j), frame.y(v), 3.5, 0, 7);
      frame.context.fillStyle = Pictures.colour("second");
      frame.context.fill();
    });
  };

  const refinedText = (app) => {
    const {test} = app.examples, [kind, index] = app.input.src.split(":");
    if (kind !== "test" || !test.before) return null;
    const before = test.before[index], after = test.after[index];
    return make(
      "p", {},
      `The encoder guesses the code in one step. A search for the best code (three Gauss–Newton steps, ` +
        `computed by gkvae) lowers the cost from ${number(before, 1)} to ${number(after, 1)}. `,
      button("Show the better code", () => app.moveTo(test.refined.at(Number(index)), app.input.src)));
  };

  /* A search in the page for an image that the program has not refined. */
  const searchText = (app) => {
    const {input, model} = app;
    if (!Refine.available(model)) return null;
    const line = make("p", {}, "The encoder guesses the code in one step. A search may find a better one. ");
    line.append(button("Search for a better code", () => {
      line.textContent = "Searching…";
      setTimeout(() => {
        const {z, before, after} = Refine.run(model, input.target, model.code(input.target));
        line.textContent = after < before ?
          `Three Gauss–Newton steps made image and code together ${number(before - after, 1)} nats more ` +
            `probable. Your image is now drawn from the better code.` :
          "The search found no better code.";
        if (app.input === input) app.moveTo(z, input.src);
      }, 30);
    }));
    return line;
  };

  /* Where a cost lies among those of the test images: images that the model knows cost about as much. */
  const rankText = (app, cost) => {
    const {test} = app.examples;
    if (!test.before) return "";
    const sorted = Array.from(test.before).sort((a, b) => a - b), n = sorted.length;
    const at = (share) => number(sorted[Math.round(share * (n - 1))], 0);
    const below = sorted.filter((v) => v < cost).length,
          usual = `Nine in ten of the ${n} test images cost ` +
      `${at(0.05)} to ${at(0.95)} nats, and the middle one ${at(0.5)}. `;
    const place = below === n ? "This one costs more than all of them: the model does not know such images." :
      below === 0             ? "This one costs less than all of them: it is simple for the model." :
                                `This one costs more than ${Math.round(100 * below / n)} % of them` +
        (below / n > 0.95 ? ": it is unusual for the model." : ".");
    return make("p", {id: "cost-rank"}, usual + place);
  };

  const showCost = (app) => {
    const {target, posterior} = app.input, bound = app.model.negElbo(target, posterior);
    const unit = app.about.pixels === "continuous" ? "nats, of a density" : "nats";
    const fact = (name, value, note) => make(
      "div", {}, make("dt", {}, name), make("dd", {class: "big"}, number(value, 1)),
      make("dd", {class: "quiet small"}, note));
    parts.cost.replaceChildren(
      make(
        "dl", {class: "facts"}, fact("Cost of the image", bound.total, `−ELBO in ${unit}; lower is better`),
        fact("Redrawing it", bound.redrawing, "what the drawing gets wrong"),
        fact("Its code", bound.code, "how much the code says beyond the prior")),
      make("p", {}), rankText(app, bound.total), refinedText(app) || searchText(app) || "");
  };

  const showInput = (app) => {
    if (!app.input) return;
    const {target} = app.input, {model} = app, drawn = model.decode(model.code(target));
    Pictures.show(parts.seen, target, model.image);
    Pictures.show(parts.redrawn, drawn, model.image);
    Pictures.show(parts.difference, target.map((v, i) => v - drawn[i]), model.image, true);
    drawCode(app);
    const {cloud} = app.examples;
    parts.near.replaceChildren(
      ...cloud.nearest(model.code(target), 10)
        .map(
          ([i, away]) => thumb(
            cloud.picture(i), model.image, app.nameOf(cloud, i), () => app.useTrain(i), number(away, 2))));
    setTimeout(() => app.input && app.input.target === target && showCost(app), 30);
  };

  return {
    id: "draw",
    title: "Draw",
    build: (app) => {
      parts = {};
      const result = resultCard(), code = codeCard(app), near = neighbourCard(app), tests = testCard(app);
      parts.after = [result, code, near];
      return [make("div", {class: "columns"}, inputCard(app), result), ...(tests ? [tests] : []), code, near];
    },
    kept: () => parts.clear(),  // so that the next image can be drawn
    update: (app, changed) => {
      if (!changed.has("input")) return;
      parts.after.forEach((element) => (element.hidden = !app.input));
      showInput(app);
    },
  };
})();
