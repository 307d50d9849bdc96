/* The view "Flow": the codes layer by layer, from z to ε. */
const ViewFlow = (() => {
  const {make, card, slider, plot, figure, number} = Page;
  let parts = {}, stages = null;

  /* The cloud after each layer, computed once. */
  const stagesOf = (app) => {
    if (!stages) {
      const {cloud} = app.examples;
      stages = Array.from({length: app.model.flow.layers + 1}, () => []);
      for (let i = 0; i < cloud.count; i++)
        app.model.flow.normalise(cloud.code(i)).steps.forEach(({x}, s) => stages[s].push(x));
    }
    return stages;
  };

  const caption = (app, s) => {
    const layers = app.model.flow.layers;
    if (s === 0) return "z";
    return s === layers ? `ε, after layer ${s}: the base` : `after layer ${s}`;
  };

  const drawStage = (app, s, here) => {
    const {x: dx, y: dy} = app.state, points = stagesOf(app)[s], {labels} = app.examples.cloud;
    const frame = Pictures.frame(
      parts.plots[s], 0.9, Pictures.range([...points.map((p) => p[dx]), here[dx]]),
      Pictures.range([...points.map((p) => p[dy]), here[dy]]));
    points.forEach((p, i) => {
      frame.context.fillStyle = labels ? Pictures.classColour(labels[i]) : Pictures.colour("point");
      frame.context.fillRect(frame.x(p[dx]) - 1.5, frame.y(p[dy]) - 1.5, 3, 3);
    });
    Pictures.mark(frame, frame.x(here[dx]), frame.y(here[dy]), 6);
    if (s === 0) return;
    const moved = app.model.flow.moved(s - 1), [right, up] = [moved.includes(dx), moved.includes(dy)];
    parts.moves[s].textContent = right && up ? "both dimensions moved" :
      right                                  ? "moved to left and right" :
      up                                     ? "moved up and down" :
                                               "these two did not move";
  };

  const showNumbers = (app, there) => {
    const log = app.model.base.density(there.eps);
    const row = (name, value) => make("tr", {}, make("td", {}, name), make("td", {}, number(value, 3)));
    parts.numbers.replaceChildren(
      row("log density of ε under the base", log),
      row("log-determinant of all layers: how much the flow stretches space here", there.logDet),
      row("log density of z: their sum", log + there.logDet));
  };

  return {
    id: "flow",
    title: "Flow",
    build: (app) => {
      const layers = app.model.flow.layers;
      parts = {plots: [], moves: [], numbers: make("tbody")};
      const table = make(
        "table", {class: "numbers"},
        make(
          "thead", {},
          make("tr", {}, make("th", {scope: "col"}, "Of your image"), make("th", {scope: "col"}, "nats"))),
        parts.numbers);
      if (!layers)
        return [card(
          "No flow", "This model has no flow: the codes z are the numbers ε of the base themselves.", table)];
      for (let s = 0; s <= layers; s++) {
        parts.plots.push(plot(caption(app, s)));
        parts.moves.push(make("span", {}, s ? "" : "what the decoder draws from"));
      }
      const dimension = (name, key) => slider(
        name, {low: 0, high: app.model.d - 1, step: 1, value: app.state[key], digits: 0},
        (value) => app.update({[key]: value}));
      parts.x = dimension("Dimension to the right", "x");
      parts.y = dimension("Dimension upwards", "y");
      return [
        card(
          "How the flow moves codes, layer by layer",
          "The flow turns codes z into numbers ε of which the base is the " +
            "distribution, and back. " +
            (app.model.flow.movesHalf ? "Each layer moves half of the dimensions. " : "") +
            "The orange point is your " +
            "image; the small ones are " +
            (app.about.cloud === "training" ? "training images, coloured by class." : "draws of the model."),
          make("div", {class: "columns"}, parts.x, parts.y),
          make(
            "div", {class: "layers"},
            ...parts.plots.map(
              (canvas, s) => figure(make("span", {}, `${caption(app, s)}: `, parts.moves[s]), canvas)))),
        card("Densities", null, table)
      ];
    },
    update: (app, changed) => {
      if (!["v", "z", "x", "y"].some((key) => changed.has(key))) return;
      const there = app.model.flow.normalise(app.state.z);
      parts.plots.forEach((_, s) => drawStage(app, s, there.steps[s].x));
      showNumbers(app, there);
    },
  };
})();
