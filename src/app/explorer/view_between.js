/* The view "Between": the path from image A to image B. */
const ViewBetween = (() => {
  const {make, card, button, thumb, slider, choice, figure, picture} = Page;
  const STEPS = 11;
  let parts = {};

  /* The code at a place t of the path: straight in the base's space, through the flow, or in z. */
  const pathOf = (app) => {
    const {a, b, way} = app.state, {model} = app;
    if (way === "line" || !model.flow.layers) return (t) => Numbers.mix(a, b, t);
    const from = model.toEps(a), to = model.toEps(b);
    return (t) => model.toZ(Numbers.mix(from, to, t));
  };

  const showEnds = (app) => {
    for (const end of ["a", "b"])
      Pictures.show(parts[end], app.model.decode(app.state[end]), app.model.image);
    parts.path = pathOf(app);
    parts.strip.replaceChildren(...Array.from({length: STEPS}, (_, i) => {
      const t = i / (STEPS - 1);
      return thumb(
        app.model.decode(parts.path(t)), app.model.image, `${Math.round(100 * t)} % of the way`,
        () => go(app, t));
    }));
  };

  const showHere = (app) => {
    const {t} = app.state;
    parts.slider.set(t);
    Pictures.show(parts.here, app.model.decode(parts.path(t)), app.model.image);
    [...parts.strip.children].forEach(
      (element, i) => element.setAttribute("aria-pressed", String(Math.round(t * (STEPS - 1)) === i)));
  };

  const go = (app, t) => {
    parts.own = true;
    app.moveTo(parts.path(t), "path", {t});
    parts.own = false;
    showHere(app);
  };

  /* A test or training image for an end. */
  const chooser = (app, end) => {
    const {test, cloud} = app.examples, list = make("div", {class: "thumbs"});
    const fromTest = test.images.count > 0, count = Math.min(fromTest ? test.images.count : cloud.count, 60);
    const labels = fromTest ? test.labels : cloud.labels;
    const fill = () => {
      if (list.children.length) return;
      for (let i = 0; i < count; i++)
        list.append(thumb(
          fromTest ? test.images.at(i) : cloud.picture(i), app.model.image,
          `Image ${i}${app.classPhrase(labels && labels[i])} as ${end.toUpperCase()}`,
          () => app.update(
            {[end]: fromTest ? app.model.code(test.targets.at(i)) : Float64Array.from(cloud.code(i))})));
    };
    const details =
      make("details", {toggle: fill}, make("summary", {}, `Choose an image for ${end.toUpperCase()}`), list);
    return details;
  };

  const endCard = (app, end) => {
    parts[end] = picture(`Image ${end.toUpperCase()}`);
    return make(
      "div", {}, figure(end === "a" ? "A, the start" : "B, the end", parts[end]),
      make(
        "div", {class: "row"},
        button(`Use your image as ${end.toUpperCase()}`, () => app.update({[end]: app.state.z}))));
  };

  return {
    id: "between",
    title: "Between",
    build: (app) => {
      parts = {
        strip: make("div", {class: "strip", role: "group", "aria-label": "The path from A to B"}),
        here: picture("The image at the chosen place of the path")
      };
      parts.slider = slider(
        "Place on the path: A ↔ B",
        {low: 0, high: 1, step: 0.01, value: app.state.t, format: (t) => `${Math.round(100 * t)} %`},
        (t) => go(app, t));
      parts.way = app.model.flow.layers ?
        choice(
          "Which path", [["flow", "Along the flow"], ["line", "Straight line in z"]], app.state.way,
          (way) => app.update({way})) :
        "";
      return [
        card(
          `Find the ${app.noun} between two others`,
          "Choose A and B: draw them (“Draw”, then “Keep as A” or “Keep as B”) or take images below. " +
            "Then move along the path.",
          make(
            "div", {class: "three"}, endCard(app, "a"), figure("Between them", parts.here),
            endCard(app, "b")),
          make("p", {}), parts.slider, parts.strip, make("p", {}), parts.way,
          app.model.flow.layers ? make(
                                    "p", {class: "quiet small"},
                                    "Along the flow, the path is straight on the side of the base. " +
                                      "It stays among usual codes more than a straight line in z does.") :
                                  ""),
        make(
          "div", {class: "columns"}, card("A", null, chooser(app, "a")), card("B", null, chooser(app, "b")))
      ];
    },
    update: (app, changed) => {
      if (["a", "b", "way", "v"].some((key) => changed.has(key))) {
        if (parts.way) parts.way.set(app.state.way);
        showEnds(app);
        showHere(app);
      }
    },
  };
})();
