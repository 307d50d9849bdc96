/* The page as a whole: opens the model, keeps the state, and shows one view at a time. A view is
 * {id, title, build(app), update(app, changed)}: build() returns its elements, and update() is called
 * after a change of the keys in the set `changed`. */
(() => {
  const {make, number} = Page;
  const byId = (id) => document.getElementById(id);
  const about = JSON.parse(byId("description").textContent);
  const views = [ViewDraw, ViewMap, ViewChange, ViewBetween, ViewSample, ViewBase, ViewFlow, ViewAbout];
  const noun = /mnist|digit/i.test(about.dataset) && !/fashion/i.test(about.dataset) ? "digit" : "image";

  const app = {about, noun, aNoun: noun === "digit" ? "a digit" : "an image", state: {}, input: null};
  let shown = null, timer = 0, addressTimer = 0;

  /* --- State --- */

  const parsers = () => ({
    v: State.word(...views.map((view) => view.id)),
    z: (text) => State.unpackCode(text, about.latent),
    a: (text) => State.unpackCode(text, about.latent),
    b: (text) => State.unpackCode(text, about.latent),
    src: (text) =>
      (/^(test|train):\d+$|^(drawn|dropped|code|draw|path|map|sliders|component)$/.test(text) ? text :
                                                                                                undefined),
    c: State.whole(app.model.base.components.length - 1),
    j: State.whole(about.latent - 1),
    k: State.whole(255),
    seed: State.whole(999999),
    T: State.number(0, 2),
    t: State.number(0, 1),
    by: State.word("class", "component"),
    sp: State.word("z", "eps"),
    way: State.word("flow", "line"),
    x: State.whole(about.latent - 1),
    y: State.whole(about.latent - 1),
  });
  const fixed = {
    v: "draw",
    T: 1,
    t: 0.5,
    seed: 1,
    by: "class",
    sp: "z",
    way: "flow",
    x: 0,
    y: Math.min(1, about.latent - 1)
  };

  const writeAddress = () => {
    clearTimeout(addressTimer);
    addressTimer = setTimeout(() => history.replaceState(null, "", State.write(app.state, fixed)), 150);
  };

  app.update = (changes) => {
    Object.assign(app.state, changes);
    const changed = new Set(Object.keys(changes));
    if (changed.has("v")) note("");
    if (changed.has("z")) showCurrent();
    if (changed.has("v"))
      showView();
    else
      shown.update(app, changed);
    writeAddress();
  };

  /* Makes a code the current one; `src` says where it is from. */
  app.moveTo = (z, src, more = {}) => app.update({z: Float64Array.from(z), src, ...more});

  /* Makes an image in [0, 1] the input, and its code the current one. */
  app.useImage = (original, target, src) => {
    app.input = {original, target, src, posterior: app.model.encode(target)};
    app.moveTo(app.model.code(target), src, {input: true});
  };
  app.useTest = (i) =>
    app.useImage(app.examples.test.images.at(i), app.examples.test.targets.at(i), "test:" + i);
  app.useTrain = (i) => app.moveTo(app.examples.cloud.code(i), "train:" + i);

  app.classPhrase = (label) =>
    (label == null      ? "" :
       noun === "digit" ? `, ${label === 8 ? "an" : "a"} ${label}` :
                          `, of class ${label}`);
  /* "Test image 17, a 7": the number is that of the data set. */
  app.nameOf = (images, i) => {
    const what = images === app.examples.test ? "Test image" : images.indices ? "Training image" : "Draw";
    const label = images.labels ? app.classPhrase(images.labels[i]) : "";
    return `${what} ${images.indices ? images.indices[i] : i}${label}`;
  };
  app.sourceText = (src) => {
    const [kind, index] = String(src).split(":"), {test, cloud} = app.examples;
    switch (kind) {
      case "test":
        return `${app.nameOf(test, index)}, as the model redraws it.`;
      case "train":
        return `${app.nameOf(cloud, index)}, as the model redraws it.`;
      case "drawn":
        return `${app.input ? "Your" : "A"} drawing, as the model redraws it.`;
      case "dropped":
        return `${app.input ? "Your" : "A"} picture, as the model redraws it.`;
      case "draw":
        return `A new ${noun} that the model made up.`;
      case "path":
        return "A point on the path from A to B.";
      case "map":
        return "The place on the map that you chose.";
      case "sliders":
        return `${noun === "digit" ? "A digit" : "An image"} changed by the sliders.`;
      case "component":
        return `The centre of component ${app.state.c}.`;
      default:
        return "A code.";
    }
  };

  /* --- The current image --- */

  const classOfComponent = (c) => {
    const kinds = app.kinds && app.kinds[c];
    return kinds && kinds.label != null ?
      `, which mostly draws ${noun === "digit" ? kinds.label + "s" : "class " + kinds.label}` :
      "";
  };

  const showMeaning = () => {
    const {model, state, examples} = app, {eps, logDet} = model.flow.normalise(state.z);
    const joint = model.base.joint(eps), total = Numbers.logSumExp(joint),
          usual = examples.cloud.rank(total + logDet);
    const best = joint.indexOf(Math.max(...joint)), share = Math.exp(joint[best] - total);
    const crowd = about.cloud === "training" ? "training images" : "draws of the model";
    byId("current-meaning").textContent =
      `Log density of its code: ${number(total + logDet, 1)}. It is more usual than ${
        Math.round(100 * usual)} % of the ${crowd}.` +
      (joint.length > 1 ?
         ` It belongs to component ${best} (${Math.round(100 * share)} %)${classOfComponent(best)}.` :
         "");
  };

  const showCurrent = () => {
    Pictures.show(byId("current-image"), app.model.decode(app.state.z), app.model.image);
    byId("current-source").textContent = app.sourceText(app.state.src);
    clearTimeout(timer);
    timer = setTimeout(showMeaning, 120);
  };
  app.showMeaning = showMeaning;

  const note = (text) => {
    byId("current-note").textContent = text;
  };
  const keep = (end) => {
    app.update({[end]: app.state.z});
    note(`Kept as ${end.toUpperCase()}. “Between” shows the path from A to B.`);
    if (shown.kept) shown.kept();
  };
  const copyLink = async () => {
    history.replaceState(null, "", State.write(app.state, fixed));
    const withFile = location.protocol === "file:" ?
      " Send it with this file: who has the file pastes the link on the page." :
      "";
    try {
      await navigator.clipboard.writeText(location.href);
      note("The address of this view is copied." + withFile);
    } catch (error) {
      note("Copy the address from the browser’s address bar: it has this view." + withFile);
    }
  };

  /* Opens the view of a link to this page or to a copy of it. Returns whether it is one. */
  app.openLink = (text) => {
    const fragment = text.trim().replace(/^[^#]*/, "");
    if (!State.read(fragment, parsers()).z) return false;
    begin(fragment);
    writeAddress();
    note("The view of the link is open.");
    return true;
  };
  const pasted = (event) => {
    const typing = event.target.closest("input:not([type=range]), textarea");
    if (typing || !app.model) return;
    if (app.openLink(event.clipboardData.getData("text")))
      event.preventDefault();
    else if (event.clipboardData.getData("text").includes("#"))
      note("This link is not one of a view of this model.");
  };

  /* The labels that components mostly draw, in order; empty without labels. */
  app.labelsDrawn = () =>
    (app.kinds ?
       [...new Set(app.kinds.map((kind) => kind.label))].filter((v) => v != null).sort((a, b) => a - b) :
       []);

  /* --- Views --- */

  const showView = () => {
    shown = views.find((view) => view.id === app.state.v) || views[0];
    for (const tab of byId("tabs").children) {
      const chosen = tab.id === "tab-" + shown.id;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) tab.scrollIntoView({block: "nearest", inline: "nearest"});
    }
    const main = byId("main");
    main.setAttribute("aria-labelledby", "tab-" + shown.id);
    main.replaceChildren(...shown.build(app));
    shown.update(app, new Set(["v", "z", "input"]));
  };

  const tabs = () => {
    const list = byId("tabs");
    byId("main").setAttribute("role", "tabpanel");
    views.forEach(
      (view) => list.append(make(
        "button", {
          type: "button",
          role: "tab",
          id: "tab-" + view.id,
          "aria-controls": "main",
          "aria-selected": "false",
          click: () => app.model && app.update({v: view.id})
        },
        view.title || (/mixture|class/.test(about.settings.base) ? "Components" : "Base"))));
    list.addEventListener("keydown", (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (!step || !app.model) return;
      event.preventDefault();
      const next = (views.indexOf(shown) + step + views.length) % views.length;
      app.update({v: views[next].id});
      list.children[next].focus();
    });
  };

  const keys = (event) => {
    const typing = event.target.closest("input:not([type=range]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !app.model) return;
    if (event.key >= "1" && event.key <= String(views.length))
      app.update({v: views[event.key - 1].id});
    else if (event.key === "a")
      keep("a");
    else if (event.key === "b")
      keep("b");
    else if (event.key === "r")
      app.update({v: "sample", seed: 1 + Math.floor(Math.random() * 999998)});
    else
      return;
    event.preventDefault();
  };

  /* --- Start --- */

  /* Which label each component draws, by the codes of the cloud. It takes about a second for many
   * components, and is done in short turns. */
  const findKinds = () => {
    const {model, examples} = app, {cloud} = examples, K = model.base.components.length;
    const seen = Array.from({length: K}, () => ({counts: new Map(), total: 0}));
    app.componentOf = new Int32Array(cloud.count).fill(-1);
    let i = 0;
    const turn = () => {
      const until = performance.now() + 12;
      for (; i < cloud.count && performance.now() < until; i++) {
        const joint = model.base.joint(cloud.eps(i)), best = joint.indexOf(Math.max(...joint));
        app.componentOf[i] = best;
        seen[best].total++;
        if (cloud.labels)
          seen[best].counts.set(cloud.labels[i], (seen[best].counts.get(cloud.labels[i]) || 0) + 1);
      }
      if (i < cloud.count) return void setTimeout(turn, 4);
      app.kinds = seen.map(({counts, total}, c) => {
        const own = model.base.components[c].class;
        if (own >= 0) return {label: own, share: 1, total};
        const [label, most] = [...counts].sort((a, b) => b[1] - a[1])[0] || [null, 0];
        return {label, share: total ? most / total : 0, total};
      });
      showMeaning();
      shown.update(app, new Set(["kinds"]));
      document.documentElement.dataset.complete = "yes";
    };
    turn();
  };

  /* The images between which there is a path at first: a 4 and a 9, or else two of different classes. */
  const endsOf = ({labels, count}) => {
    const all = Array.from(labels || []), first = Math.max(0, all.indexOf(4)), nine = all.indexOf(9);
    const other = nine >= 0 ? nine : all.findIndex((label) => label !== all[first]);
    return [first, other >= 0 ? other : Math.min(1, count - 1)];
  };

  /* Starts with the state of the address, or with the first test image. */
  const begin = (address) => {
    const given = State.read(address, parsers());
    app.state = {...fixed, ...given};
    app.input = null;
    const [kind, index] = String(given.src || "").split(":"), {test, cloud} = app.examples;
    const [start, end] = endsOf(cloud);
    app.state.a = given.a || Float64Array.from(cloud.code(start));
    app.state.b = given.b || Float64Array.from(cloud.code(end));
    shown = views.find((view) => view.id === app.state.v);
    if (kind === "test" && Number(index) < test.images.count) {
      app.input = {original: test.images.at(index), target: test.targets.at(index), src: given.src};
      app.input.posterior = app.model.encode(app.input.target);
      app.state.z = given.z || app.model.code(app.input.target);
    } else if (given.z) {
      app.state.z = given.z;
      app.state.src = given.src && kind !== "test" && kind !== "train" ? given.src : "code";
      if (kind === "train" && Number(index) < cloud.count) app.state.src = given.src;
    } else if (test.images.count) {
      app.input = {original: test.images.at(0), target: test.targets.at(0), src: "test:0"};
      app.input.posterior = app.model.encode(app.input.target);
      app.state.z = app.model.code(app.input.target);
      app.state.src = "test:0";
    } else {
      app.state.z = Float64Array.from(cloud.code(0));
      app.state.src = "draw";
    }
    showCurrent();
    showView();
  };

  const open = async () => {
    const tensors = await Tensors.open(about.tensors, byId("arrays").textContent);
    app.tensors = tensors;
    app.model = Model.create(about, tensors);
    app.examples = Examples.open(app.model, tensors);
    app.isInk = about.channels === 1 &&
      tensors("encoder.input_mean").values.reduce((sum, v) => sum + v, 0) / app.model.values < 0.35;
    begin(location.hash);
    document.documentElement.dataset.ready = "yes";
    setTimeout(findKinds, 200);
  };

  const start = () => open().catch((error) => {
    byId("current-source").textContent =
      `The model cannot be read. The page needs a browser of 2023 or later. (${error.message})`;
    console.error(error);
  });

  byId("run-name").textContent = about.name;
  byId("summary").textContent =
    `This model of ${about.dataset} writes each ${noun} as ${about.latent} numbers, its code, and draws it ` +
    "again from them. Everything runs on this page, and nothing is sent anywhere.";
  byId("footer").textContent =
    `Made by gkvae ${about.version}. ${about.parameters.toLocaleString("en")} parameters, as float16.`;
  tabs();
  byId("keep-a").addEventListener("click", () => keep("a"));
  byId("keep-b").addEventListener("click", () => keep("b"));
  byId("copy-link").addEventListener("click", copyLink);
  document.addEventListener("keydown", keys);
  document.addEventListener("paste", pasted);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => app.model && showView());
  let width = innerWidth, resizing = 0;
  addEventListener("resize", () => {
    if (innerWidth === width || !app.model) return;  // a phone's bars change the height
    width = innerWidth;
    clearTimeout(resizing);
    resizing = setTimeout(showView, 120);
  });
  addEventListener("hashchange", () => app.model && begin(location.hash));
  /* Numbers of a page are for its user, and for its tests. */
  globalThis.explorer = app;
  app.compare = () => Reference.compare(app.model, app.tensors);
  requestAnimationFrame(() => setTimeout(start, 0));  // after the first paint
})();
