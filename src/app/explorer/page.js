/* Elements of the page: short ways to make them, and controls that several views have. */
const Page = (() => {
  /* make("p", {class: "quiet"}, "text", child): functions are callbacks of the event of that name. */
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function")
        element.addEventListener(name, value);
      else if (value !== false && value != null)
        element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  };

  const card = (title, text, ...children) => make(
    "section", {class: "card"}, make("h2", {}, title), text ? make("p", {class: "quiet"}, text) : null,
    ...children);

  const button = (text, act, attributes = {}) =>
    make("button", {type: "button", click: act, ...attributes}, text);

  /* A button with an image. */
  const thumb = (values, image, label, act, caption = null) => {
    const canvas = make("canvas", {class: "picture", "aria-hidden": "true"});
    if (values) Pictures.show(canvas, values, image);
    const element = make(
      "button", {type: "button", class: "thumb", "aria-label": label, title: label, click: act}, canvas,
      ...(caption ? [].concat(caption).map((part) => make("span", {}, part)) : []));
    element.picture = canvas;
    return element;
  };

  const number = (value, digits = 2) =>
    (Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "–");

  /* A slider with its name and value. set(value) moves it without telling `changed`. */
  const slider = (name, {low, high, step, value, digits = 2, format, label}, changed) => {
    const shown = format || ((v) => number(v, digits));
    const output = make("output", {}, shown(value));
    const input =
      make("input", {type: "range", min: low, max: high, step, value, "aria-label": label || name});
    const text = () => input.setAttribute("aria-valuetext", shown(Number(input.value)));
    input.addEventListener("input", () => {
      output.textContent = shown(Number(input.value));
      text();
      changed(Number(input.value));
    });
    text();
    const element = make("div", {class: "slider"}, make("span", {}, name), output, input);
    element.set = (next) => {
      input.value = next;
      output.textContent = shown(next);
      text();
    };
    element.limits = (from, to) => {
      input.min = from;
      input.max = to;
    };
    element.input = input;
    return element;
  };

  /* A list to choose from; choices are [value, text]. */
  const select = (name, choices, value, changed) => {
    const element = make(
      "select", {change: () => changed(element.value)},
      ...choices.map(
        ([key, text]) => make("option", {value: key, selected: String(key) === String(value)}, text)));
    const label = make("label", {}, name, element);
    label.set = (next) => (element.value = next);
    return label;
  };

  /* Buttons of which one is pressed. */
  const choice = (name, choices, value, changed) => {
    const group = make("div", {class: "row", role: "group", "aria-label": name});
    const buttons =
      choices.map(([key, text]) => button(text, () => changed(key), {"aria-pressed": String(key === value)}));
    group.append(...buttons);
    group.set = (next) =>
      buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(choices[i][0] === next)));
    return group;
  };

  const figure = (caption, content) => make("figure", {}, content, make("figcaption", {}, caption));
  const picture = (label) => make("canvas", {class: "picture", role: "img", "aria-label": label});
  const plot = (label, attributes = {}) =>
    make("canvas", {class: "plot", role: "img", "aria-label": label, ...attributes});

  return {make, card, button, thumb, slider, select, choice, figure, picture, plot, number};
})();
