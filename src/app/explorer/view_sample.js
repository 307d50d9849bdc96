/* The view "New images": draws from the model. */
const ViewSample = (() => {
  const {make, card, button, thumb, slider, select} = Page;
  const COUNT = 40;
  let parts = {};

  /* Whether a component draws the class that is wanted: its own class, or that of most of its images. */
  const acceptsOf = (app) => {
    const {k} = app.state;
    if (k == null) return () => true;
    if (app.about.classes) return (_, component) => component.class === k;
    if (!app.labelsDrawn().includes(k)) return () => true;
    return (i) => app.kinds[i].label === k;
  };

  const draw = (app) => {
    const accepts = acceptsOf(app);
    const {model, state} = app, random = Numbers.random(state.seed), {base} = model;
    const drawn = Array.from({length: COUNT}, () => {
      const component = base.pick(random, accepts);
      return {component, z: model.toZ(base.draw(random, component, state.T))};
    });
    parts.grid.replaceChildren(...drawn.map(
      ({z, component}, i) => thumb(
        model.decode(z), model.image,
        `Draw ${i + 1}` + (base.components.length > 1 ? ` from component ${component}` : ""),
        () => app.moveTo(z, "draw"))));
  };

  const pickerOf = (app) => {
    const {about, noun} = app,
                  labels =
                    about.classes ? Array.from({length: about.classes}, (_, i) => i) : app.labelsDrawn();
    if (labels.length < 2) return "";
    return select(
      about.classes ? `Draw the ${noun === "digit" ? noun : "class"}` : `From components that mostly draw`,
      [["any", "any"], ...labels.map((v) => [v, String(v)])], app.state.k == null ? "any" : app.state.k,
      (k) => app.update({k: k === "any" ? null : Number(k)}));
  };

  return {
    id: "sample",
    title: `New images`,
    build: (app) => {
      parts = {grid: make("div", {class: "thumbs large"})};
      parts.temperature = slider(
        "Temperature", {
          low: 0,
          high: 1.5,
          step: 0.05,
          value: app.state.T,
          format: (T) => `${T.toFixed(2)}${
            T === 1 ? ", as learned" :
              T < 1 ? ", more typical" :
                      ", more unusual"}`
        },
        (T) => app.update({T}));
      parts.picker = make("span");
      return [card(
        "Images that the model makes up",
        "Each starts as random numbers from the base" +
          (app.model.flow.layers ? ", goes through the flow, " : " ") +
          "and is drawn by the decoder. Click one to make it your image.",
        make(
          "div", {class: "row"},
          button(
            "Draw new ones", () => app.update({seed: 1 + Math.floor(Math.random() * 999998)}),
            {class: "primary", title: "Key R"}),
          parts.picker),
        make("p", {}), parts.temperature, parts.grid)];
    },
    update: (app, changed) => {
      if (changed.has("v") || changed.has("kinds")) parts.picker.replaceChildren(pickerOf(app));
      if (["T", "k", "seed", "v"].some((key) => changed.has(key)))
        draw(app);
      else if (changed.has("kinds") && app.state.k != null)
        draw(app);
      parts.temperature.set(app.state.T);
    },
  };
})();
