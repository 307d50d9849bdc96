/* The view "Map": all codes in two dimensions, and the current one to drag. */
const ViewMap = (() => {
  const {make, card, choice, plot} = Page;
  const {dot} = Numbers;
  let parts = {}, maps = {};

  /* The main directions of the codes in z or in ε, computed once. */
  const mapOf = (app) => {
    const {sp} = app.state, {cloud} = app.examples;
    if (!maps[sp]) {
      const at = sp === "z" ? cloud.code : cloud.eps;
      const pca = Examples.principal(cloud.count, at, app.model.d, 2);
      if (pca.directions.length < 2) pca.directions.push(new Float64Array(app.model.d));
      const place = (x) =>
        pca.directions.map((v) => dot(v, Float64Array.from(x, (value, j) => value - pca.mean[j])));
      maps[sp] = {...pca, place, places: Array.from({length: cloud.count}, (_, i) => place(at(i)))};
    }
    return maps[sp];
  };
  const point = (app) => (app.state.sp === "z" ? app.state.z : app.model.toEps(app.state.z));

  const kindOf = (app, i) => {
    const {labels} = app.examples.cloud;
    if (app.state.by === "component")
      return app.componentOf && app.componentOf[i] >= 0 ? app.componentOf[i] : null;
    return labels ? labels[i] : null;
  };

  const draw = (app) => {
    const map = mapOf(app), all = [...map.places, map.place(point(app))];
    const frame = Pictures.frame(
      parts.plot, innerWidth < 600 ? 0.95 : 0.68, Pictures.range(all.map((p) => p[0])),
      Pictures.range(all.map((p) => p[1])), {x: "first main direction", y: "second main direction"});
    const {context} = frame;
    context.textAlign = "center";
    context.textBaseline = "middle";
    map.places.forEach(([px, py], i) => {
      const kind = kindOf(app, i);
      context.fillStyle = kind == null ? Pictures.colour("point") : Pictures.classColour(kind);
      if (kind == null)
        context.fillRect(frame.x(px) - 2, frame.y(py) - 2, 4, 4);
      else
        context.fillText(String(kind), frame.x(px), frame.y(py));
    });
    const [x, y] = map.place(point(app));
    Pictures.mark(frame, frame.x(x), frame.y(y), 9);
    parts.frame = frame;
  };

  /* Moves the current code within the map; the rest of the code stays as it is. */
  const moveTo = (app, x, y) => {
    const map = mapOf(app), from = point(app), [x0, y0] = map.place(from);
    const to = Float64Array.from(
      from, (v, j) => v + (x - x0) * map.directions[0][j] + (y - y0) * map.directions[1][j]);
    app.moveTo(app.state.sp === "z" ? to : app.model.toZ(to), "map");
  };

  const nearestOn = (app, x, y) => {
    let best = -1, least = 14 ** 2;
    mapOf(app).places.forEach(([px, py], i) => {
      const away = (parts.frame.x(px) - x) ** 2 + (parts.frame.y(py) - y) ** 2;
      if (away < least) [best, least] = [i, away];
    });
    return best;
  };

  const listen = (app, canvas) => {
    let start = null, dragging = false;
    const placeOf = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      start = placeOf(event);
      dragging = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [x, y] = placeOf(event);
      dragging = dragging || Math.hypot(x - start[0], y - start[1]) > 4;
      if (dragging) moveTo(app, parts.frame.fromX(x), parts.frame.fromY(y));
    });
    canvas.addEventListener("pointerup", () => {
      if (start && !dragging) {
        const near = nearestOn(app, ...start);
        if (near >= 0)
          app.useTrain(near);
        else
          moveTo(app, parts.frame.fromX(start[0]), parts.frame.fromY(start[1]));
      }
      start = null;
    });
    canvas.addEventListener("pointercancel", () => (start = null));
    canvas.addEventListener("keydown", (event) => {
      const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
      if (!steps) return;
      event.preventDefault();
      const map = mapOf(app), [x, y] = map.place(point(app));
      moveTo(app, x + steps[0] * map.sd[0] / 10, y + steps[1] * (map.sd[1] || 1) / 10);
    });
  };

  return {
    id: "map",
    title: "Map",
    build: (app) => {
      const {labels} = app.examples.cloud,
            whose = app.about.cloud === "training" ? "training image" : "draw of the model";
      parts = {
        plot: plot("Map of codes. The arrow keys move the current code.", {class: "plot drag", tabindex: "0"})
      };
      listen(app, parts.plot);
      const kinds = [];
      if (labels) kinds.push(["class", app.noun === "digit" ? "Show the digit" : "Show the class"]);
      if (app.model.base.components.length > 1) kinds.push(["component", "Show the component"]);
      if (!labels && kinds.length) app.state.by = "component";
      parts.by = kinds.length > 1 ?
        choice("What the marks show", kinds, app.state.by, (by) => app.update({by})) :
        null;
      parts.space = app.model.flow.layers ? choice(
                                              "Which space", [["z", "Codes z"], ["eps", "Base space ε"]],
                                              app.state.sp, (sp) => app.update({sp})) :
                                            null;
      return [card(
        "A map of all codes",
        `Each mark is a ${whose}; near marks are similar images. Drag the orange point, and ` +
          "see your image change. Click a mark to go there. The two directions are those in " +
          "which the codes vary most, " +
          "so the map is a shadow of all dimensions.",
        make("div", {class: "row apart"}, parts.by || "", parts.space || ""), make("p", {}), parts.plot)];
    },
    update: (app, changed) => {
      if (parts.by) parts.by.set(app.state.by);
      if (parts.space) parts.space.set(app.state.sp);
      if (!changed.has("kinds") || app.state.by === "component") draw(app);
    },
  };
})();
