/* The view "Change": sliders for properties of the image, for main directions, and for each number. */
const ViewChange = (() => {
  const {make, card, button, slider, choice} = Page;
  let parts = {}, known = null;

  /* Directions in z: the properties, then the main directions; computed once. */
  const directionsOf = (app) => {
    if (!known) {
      const {cloud} = app.examples, styles = Examples.styles(app.model, cloud, app.isInk);
      const pca = Examples.principal(cloud.count, cloud.code, app.model.d, 6);
      known = {
        styles,
        main: pca.directions.map((v, i) => ({name: `Direction ${i + 1}`, step: v.map((x) => x * pca.sd[i])}))
      };
    }
    return known;
  };

  /* The code from which the sliders count. It moves with every other change of the code. */
  const restart = (app) => {
    parts.start = app.state.z;
    parts.offsets = new Map();
    for (const element of parts.relative) element.set(0);
  };

  const move = (app, direction, value) => {
    parts.offsets.set(direction, value);
    const z = Float64Array.from(parts.start);
    for (const [{step}, size] of parts.offsets)
      for (let j = 0; j < z.length; j++) z[j] += size * step[j];
    parts.own = true;
    app.moveTo(z, "sliders");
    parts.own = false;
  };

  const relative = (app, direction) => {
    const element = slider(
      direction.name + (direction.ends ? `: ${direction.ends}` : ""),
      {low: -3, high: 3, step: 0.05, value: 0, digits: 1}, (value) => move(app, direction, value));
    parts.relative.push(element);
    return element;
  };

  /* Sliders of all numbers of z or of ε. */
  const dimensions = (app) => {
    const inZ = app.state.sp === "z", {cloud} = app.examples, at = inZ ? cloud.code : cloud.eps;
    const now = inZ ? app.state.z : app.model.toEps(app.state.z);
    parts.numbers = Array.from({length: app.model.d}, (_, j) => {
      const [low, high] = Pictures.range(Array.from({length: cloud.count}, (_, i) => at(i)[j]), 0.25);
      return slider(
        `${inZ ? "z" : "ε"} ${j}`, {low: low.toFixed(2), high: high.toFixed(2), step: 0.01, value: now[j]},
        (value) => {
          const next = Float64Array.from(inZ ? app.state.z : app.model.toEps(app.state.z));
          next[j] = value;
          parts.moving = j;
          app.moveTo(inZ ? next : app.model.toZ(next), "sliders");
          parts.moving = -1;
        });
    });
    parts.list.replaceChildren(...parts.numbers);
  };

  const showNumbers = (app) => {
    const now = app.state.sp === "z" ? app.state.z : app.model.toEps(app.state.z);
    parts.numbers.forEach((element, j) => j !== parts.moving && element.set(now[j]));
  };

  return {
    id: "change",
    title: "Change",
    build: (app) => {
      parts = {relative: [], moving: -1, list: make("div", {class: "many"})};
      const {styles, main} = directionsOf(app);
      parts.space = app.model.flow.layers ? choice(
                                              "Which numbers", [["z", "Codes z"], ["eps", "Base space ε"]],
                                              app.state.sp, (sp) => app.update({sp})) :
                                            "";
      const undo = button("Undo these changes", () => {
        parts.own = true;
        app.moveTo(parts.start, "sliders");
        parts.own = false;
        restart(app);
      });
      const cards = [make(
        "div", {class: "columns"},
        card(
          "Change what you see",
          `Move a slider and watch your ${app.noun}. The steps were found by comparing ` +
            "the codes of the page’s images, so a change looks natural and is not exact.",
          ...styles.map((direction) => relative(app, direction)), undo),
        card(
          "Change along main directions",
          "The directions in which codes vary most. Nobody told the model what they mean: try them.",
          ...main.map((direction) => relative(app, direction))))];
      cards.push(card(
        "All numbers of the code",
        app.model.flow.layers ?
          "z is what the decoder draws from. ε is the same code on the other side of the flow, where the base is." :
          "z is what the decoder draws from.",
        parts.space, make("p", {}), parts.list));
      dimensions(app);
      restart(app);
      return cards;
    },
    update: (app, changed) => {
      if (changed.has("sp")) {
        parts.space.set(app.state.sp);
        dimensions(app);
      }
      if (!changed.has("z")) return;
      if (!parts.own) restart(app);
      showNumbers(app);
    },
  };
})();
