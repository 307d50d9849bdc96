/* The view "About": what the words mean, how exact the page is, and the keys. */
const ViewAbout = (() => {
  const {make, card, button, number} = Page;
  let parts = {};

  const words = [
    ["Code, z", "the few numbers that an image becomes"],
    ["Encoder", "the network that guesses the code of an image, and how sure it is"],
    ["Decoder", "the network that draws an image from a code"],
    [
      "Base, ε",
      "simple random numbers from which all codes come; here a distribution that can have skew and heavy tails"
    ],
    ["Flow", "the map between ε and z; it can be undone exactly"],
    ["Nat", "a unit of information: 1.44 bits"],
    ["Cost, −ELBO", "about how many nats it takes to describe the image with this model; lower is better"],
  ];
  const keys = [
    ["1 – 8", "choose a view"], ["← →", "move a slider or the point on the map; change the view on a tab"],
    ["A, B", "keep the image as A or B"], ["R", "draw new images"], ["Tab", "go to the next control"]
  ];

  const row = (...cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));

  const compare = (app) => {
    const worst = app.compare();
    parts.checked.replaceChildren(
      ...Object.entries(worst).map(([name, error]) => row(name, error.toExponential(1).replace("-", "−"))));
  };

  /* A field for a link, for those who cannot paste it elsewhere on the page, as on a phone. */
  const linkCard = (app) => {
    const field = make("input", {type: "text", "aria-label": "Link to a view", placeholder: "…#v=map&z=…"});
    const status = make("p", {class: "quiet", role: "status"});
    const use = () => {
      if (!app.openLink(field.value)) status.textContent = "This is not a link to a view of this model.";
    };
    field.addEventListener("keydown", (event) => event.key === "Enter" && use());
    return card(
      "Open a link",
      "“Copy link” makes a link to what you see. Whoever has this file can paste it here, or anywhere on the page.",
      make("div", {class: "row"}, field, button("Open", use)), status);
  };

  return {
    id: "about",
    title: "About",
    build: (app) => {
      const {about} = app,
            description =
              make("table", {}, make("tbody", {}, ...words.map(([word, meaning]) => row(word, meaning))));
      parts = {checked: make("tbody")};
      const rounding = about.neg_elbo == null ? "" :
                                                ` Over the test images of the page, the mean −ELBO is ${
                                                  number(about.neg_elbo_rounded, 4)} nats with them ` +
          `and ${number(about.neg_elbo, 4)} with the model’s own weights.`;
      const settings = make("tbody");
      for (const [name, value] of Object.entries(about.settings)) settings.append(row(name, value));
      return [
        card("What the words mean", null, description),
        card(
          "How exact this page is",
          "The weights of the networks are rounded to float16." + rounding +
            " The table compares the page’s numbers with those " +
            "that gkvae computed from the same rounded weights: the greatest difference, relative to 1 plus " +
            "the number.",
          make("table", {class: "numbers"}, parts.checked)),
        linkCard(app),
        card(
          "Keys", null,
          make(
            "table", {}, make("tbody", {}, ...keys.map(([key, what]) => row(make("kbd", {}, key), what))))),
        card(
          "The model", null,
          make("details", {}, make("summary", {}, "All settings of the model"), make("table", {}, settings)))
      ];
    },
    update: (app, changed) => changed.has("v") && setTimeout(() => parts.checked && compare(app), 30),
  };
})();
