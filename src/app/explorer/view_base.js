/* The view "Base": the components of the base, and the margins of one, with sliders for A, B, g and k. */
const ViewBase = (() => {
  const {make, card, button, thumb, slider, select, plot, figure, number} = Page;
  const DIGITS = 12, LEVELS = 41;
  let parts = {};

  const describe = (app, c) => {
    const {base} = app.model, kind = app.kinds && app.kinds[c];
    const weight = `${number(100 * Math.exp(base.components[c].logWeight), 1)} %`;
    if (!kind || kind.label == null) return [`${c}: ${weight}`, ""];
    return [`${c}: ${weight}`, `${kind.label} (${Math.round(100 * kind.share)} %)`];
  };

  /* --- All components --- */

  /* The component of the current image. */
  const nearestComponent = (app) => {
    const joint = app.model.base.joint(app.model.toEps(app.state.z));
    return joint.indexOf(Math.max(...joint));
  };

  /* How much the image changes when each dimension moves by B from the component's centre. */
  const effects = (app) => {
    const {model, state} = app, middle = model.base.median(state.c), image = model.decode(model.toZ(middle));
    return Array.from({length: model.d}, (_, j) => {
      const moved = Float64Array.from(middle);
      moved[j] += model.base.components[state.c].B[j];
      return Numbers.distance(model.decode(model.toZ(moved)), image);
    });
  };

  const gallery = (app) => {
    const {base, image} = app.model, wanted = parts.wanted;
    const order = base.components.map((_, c) => c)
                    .filter((c) => wanted === "any" || (app.kinds && String(app.kinds[c].label) === wanted))
                    .sort((a, b) => base.components[b].logWeight - base.components[a].logWeight);
    parts.gallery.replaceChildren(...order.map((c) => {
      const element = thumb(
        app.model.decode(app.model.toZ(base.median(c))), image,
        `Component ${c}: ${describe(app, c).join(", ")}`,
        () => app.moveTo(app.model.toZ(base.median(c)), "component", {c}), describe(app, c));
      element.setAttribute("aria-pressed", String(c === app.state.c));
      return element;
    }));
    if (!order.length)
      parts.gallery.append(
        make("p", {class: "quiet"}, app.kinds ? "No component draws mostly this one." : "One moment…"));
  };

  const galleryCard = (app) => {
    const {labels} = app.examples.cloud;
    parts.gallery = make("div", {class: "thumbs large"});
    parts.wanted = "any";
    const present = labels ? [...new Set(labels)].sort((a, b) => a - b) : [];
    const picker = present.length ? select(
                                      `Show components that mostly draw`,
                                      [["any", "any class"], ...present.map((v) => [v, String(v)])], "any",
                                      (value) => {
                                        parts.wanted = value;
                                        gallery(app);
                                      }) :
                                    "";
    return card(
      "The components of the base",
      "The base is a mixture: each component is one cluster of codes. Its picture is what its " +
        "centre draws; below are its number and weight" +
        (labels ? ", and the class of most of its images." : "."),
      picker, make("p", {}), parts.gallery);
  };

  /* --- One margin --- */

  const quantile = (app, z) => app.model.base.marginQuantile(app.state.c, app.state.j, z);

  const drawDensity = (app) => {
    const {base} = app.model, {c, j} = app.state, ends = [quantile(app, -3.2), quantile(app, 3.2)];
    const xs = Array.from({length: 161}, (_, i) => ends[0] + i / 160 * (ends[1] - ends[0]));
    const own = xs.map((x) => base.marginDensity(c, j, x)), whole = xs.map((x) => base.marginAt(j, x));
    const frame = Pictures.frame(
      parts.density, 0.6, ends,
      [
        0,
        1.08 *
          Math.max(
            ...own,
            ...(base.components.length > 1 ? whole.map((v) => Math.min(v, 2 * Math.max(...own))) : []), 1e-9)
      ],
      {x: `ε ${j}`, y: "density"});
    if (base.components.length > 1)
      Pictures.line(frame, xs.map((x, i) => [x, whole[i]]), Pictures.colour("quiet"), 2, [5, 4]);
    Pictures.line(frame, xs.map((x, i) => [x, own[i]]), Pictures.colour("accent"), 3);
    const here = app.model.toEps(app.state.z)[j];
    Pictures.line(frame, [[here, 0], [here, 1e9]], Pictures.colour("second"), 2);
  };

  const drawQQ = (app) => {
    const zs = Array.from({length: LEVELS}, (_, i) => -3 + 6 * i / (LEVELS - 1)),
          values = zs.map((z) => quantile(app, z));
    const middle = quantile(app, 0), slope = (quantile(app, 0.6745) - quantile(app, -0.6745)) / 1.349;
    const frame = Pictures.frame(
      parts.qq, 0.6, [-3.1, 3.1], Pictures.range([...values, middle - 3 * slope, middle + 3 * slope]),
      {x: "quantile of a normal distribution", y: "of this one"});
    Pictures.line(
      frame, [[-3.1, middle - 3.1 * slope], [3.1, middle + 3.1 * slope]], Pictures.colour("quiet"), 2,
      [5, 4]);
    Pictures.line(frame, zs.map((z, i) => [z, values[i]]), Pictures.colour("accent"), 3);
  };

  /* Draws of the component from the same noise, so that only the sliders change them. */
  const drawDigits = (app) => {
    const random = Numbers.random(5), {model, state} = app;
    const images =
      Array.from({length: DIGITS}, () => model.toZ(model.base.generate(state.c, random.normals(model.d))));
    if (!parts.digits.children.length)
      parts.digits.append(...images.map(
        (_, i) => thumb(
          null, model.image, `Draw ${i + 1} of the component`, () => app.moveTo(parts.codes[i], "draw"))));
    parts.codes = images;
    images.forEach((z, i) => Pictures.show(parts.digits.children[i].picture, model.decode(z), model.image));
  };

  const limits = (component, j) => {
    const {A, B} = component.original;
    return {
      A: [A[j] - 4 * B[j], A[j] + 4 * B[j]],
      B: [Math.log(B[j] / 6), Math.log(B[j] * 6)],
      g: [-3, 3],
      k: [-0.3, 1.2]
    };
  };
  /* The sliders of a margin; that of B is of its logarithm. */
  const sliders = (app) => {
    const set = (key, value) => {
      const component = app.model.base.components[app.state.c], {j} = app.state;
      component[key][j] = key === "B" ? Math.exp(value) : value;
      if (key === "g" || key === "k") {
        const least = Numbers.gkLeastK(component.g[j]);
        if (component.k[j] < least) {
          component.k[j] = least;
          parts.k.set(least);
        }
      }
      parts.changed.hidden = false;
      drawMargin(app);
    };
    const names = {A: "A, the middle", B: "B, the spread", g: "g, the skew", k: "k, the weight of the tails"};
    for (const key of ["A", "B", "g", "k"])
      parts[key] = slider(
        names[key], {
          low: -1,
          high: 1,
          step: "any",
          value: 0,
          format: key === "B" ? (v) => number(Math.exp(v), 3) : (v) => number(v, 3)
        },
        (value) => set(key, value));
    return [parts.A, parts.B, parts.g, parts.k];
  };

  const showSliders = (app) => {
    const component = app.model.base.components[app.state.c], {j} = app.state;
    if (!component.original) return;
    const of = limits(component, j);
    for (const key of ["A", "B", "g", "k"]) {
      parts[key].limits(...of[key]);
      parts[key].set(key === "B" ? Math.log(component.B[j]) : component[key][j]);
    }
  };

  const drawMargin = (app) => {
    drawDensity(app);
    drawQQ(app);
    drawDigits(app);
  };

  const reset = (app) => {
    for (const c of app.model.base.components)
      for (const key of ["A", "B", "g", "k"]) c[key].set(c.original[key]);
    parts.changed.hidden = true;
    showSliders(app);
    drawMargin(app);
  };

  const marginCard = (app) => {
    const isOne = app.model.base.components.length === 1, whole = isOne ? "base" : "component";
    parts.density = plot(`Density of one dimension of the ${whole}`);
    parts.qq = plot("Quantiles of the dimension against those of a normal distribution");
    parts.digits = make("div", {class: "thumbs"});
    parts.changed = make(
      "p", {class: "row", hidden: true}, "The base is changed on this page only. ",
      button("Back to what was learned", () => reset(app)));
    parts.title = make("h2", {}, "");
    parts.dimension = slider(
      "Dimension of ε", {low: 0, high: app.model.d - 1, step: 1, value: app.state.j, digits: 0},
      (j) => app.update({j}));
    return make(
      "section", {class: "card"}, parts.title,
      make(
        "p", {class: "quiet"},
        `${isOne ? "The base" : "A component"} gives each dimension of ε a g-and-k ` +
          "distribution of its own: g = k = 0 is the normal one. Move a slider: the density, the plot of " +
          "quantiles and the images change together."),
      parts.effect = make("p", {class: "quiet"}), parts.dimension,
      make(
        "div", {class: "columns"},
        figure(
          isOne ? "Density of the base; your image, orange" :
                  "Density: this component, solid; the whole base, dashed; your image, orange",
          parts.density),
        figure("Quantiles: a normal distribution is the dashed line", parts.qq)),
      make("p", {}),
      make(
        "div", {class: "columns"}, make("div", {}, ...sliders(app), parts.changed),
        make(
          "div", {}, make("h3", {}, `Images of this ${whole}, always from the same noise`), parts.digits)));
  };

  const studentCard = (app) => {
    parts.density = plot("Density of one dimension of the base");
    parts.dimension = slider(
      "Dimension of ε", {low: 0, high: app.model.d - 1, step: 1, value: app.state.j, digits: 0},
      (j) => app.update({j}));
    return card(
      "The base",
      "Each dimension of ε has a Student’s t distribution, whose tails are heavier than normal ones.",
      parts.dimension, figure("Its density", parts.density));
  };

  const drawStudent = (app) => {
    const {j} = app.state, xs = Array.from({length: 161}, (_, i) => -6 + 12 * i / 160),
          component = app.model.base.components[0];
    const points = xs.map(
      (x) =>
        [component.A[j] + component.B[j] * x,
         app.model.base.marginAt(j, component.A[j] + component.B[j] * x)]);
    const frame = Pictures.frame(
      parts.density, 0.5, [points[0][0], points[160][0]], [0, 1.08 * Math.max(...points.map((p) => p[1]))],
      {x: `ε ${j}`, y: "density"});
    Pictures.line(frame, points, Pictures.colour("accent"), 3);
  };

  return {
    id: "base",
    build: (app) => {
      parts = {};
      if (app.state.c == null) app.state.c = nearestComponent(app);
      if (app.state.j == null)
        app.state.j = effects(app).reduce((best, v, j, all) => (v > all[best] ? j : best), 0);
      if (app.model.base.isStudent) return [studentCard(app)];
      return app.model.base.components.length > 1 ? [galleryCard(app), marginCard(app)] : [marginCard(app)];
    },
    update: (app, changed) => {
      const any = (...keys) => keys.some((key) => changed.has(key));
      parts.dimension.set(app.state.j);
      if (app.model.base.isStudent) return void (any("v", "j") && drawStudent(app));
      const many = app.model.base.components.length > 1;
      if (many && any("v", "kinds", "c")) gallery(app);
      if (any("v", "c", "j", "kinds")) {
        parts.title.textContent =
          `${many ? `Component ${app.state.c}, dimension` : "Dimension"} ${app.state.j}`;
        parts.changed.hidden = app.model.base.components.every(
          (c) => ["A", "B", "g", "k"].every((key) => c[key].every((v, i) => v === c.original[key][i])));
        const all = effects(app), rank = 1 + all.filter((v) => v > all[app.state.j]).length;
        parts.effect.textContent = `Of the ${all.length} dimensions, this one has the ${
          rank === 1 ? "greatest" : `${rank}. greatest`} effect on the image.`;
        showSliders(app);
        drawMargin(app);
      } else if (any("z")) {
        drawDensity(app);
      }
    },
  };
})();
