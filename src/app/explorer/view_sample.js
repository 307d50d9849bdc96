/* The view "New images": draws from the model. */
const ViewSample = (() => {
  const { make, card, button, thumb, slider, select } = Page;
  const COUNT = 40;
  let parts = {};

  const draw = (app) => {
    const { model, state } = app, random = Numbers.random(state.seed), { base } = model;
    const drawn = Array.from({ length: COUNT }, () => {
      const wanted = state.k == null ? -1 : state.k;
      const component = state.only == null ? base.pick(random, wanted) : state.only;
      return { component, z: model.toZ(base.draw(random, component, state.T)) };
    });
    parts.grid.replaceChildren(...drawn.map(({ z, component }, i) =>
      thumb(model.decode(z), model.image, `Draw ${i + 1}` + (base.components.length > 1 ? ` from component ${component}` : ""),
        () => app.moveTo(z, "draw"))));
  };

  return {
    id: "sample", title: `New images`,
    build: (app) => {
      parts = { grid: make("div", { class: "thumbs large" }) };
      const { about } = app;
      parts.temperature = slider("Temperature", { low: 0, high: 1.5, step: 0.05, value: app.state.T,
        format: (T) => `${T.toFixed(2)}${T === 1 ? ", as learned" : T < 1 ? ", more typical" : ", more unusual"}` }, (T) => app.update({ T }));
      const classes = Array.from({ length: about.classes }, (_, i) => [i, String(i)]);
      const picker = about.classes ? select("Class", [["any", "any"], ...classes], app.state.k == null ? "any" : app.state.k,
        (k) => app.update({ k: k === "any" ? null : Number(k) })) : "";
      return [card("Images that the model makes up", "Each starts as random numbers from the base, goes through the flow, and is " +
        `drawn by the decoder. Click one to make it your image.`,
      make("div", { class: "row" }, button("Draw new ones", () => app.update({ seed: 1 + Math.floor(Math.random() * 999998) }),
        { class: "primary", title: "Key R" }), picker), make("p", {}), parts.temperature, parts.grid)];
    },
    update: (app, changed) => {
      if (["T", "k", "seed", "v"].some((key) => changed.has(key))) draw(app);
      parts.temperature.set(app.state.T);
    },
  };
})();
