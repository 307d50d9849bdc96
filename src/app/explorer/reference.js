/* Compares the page's numbers with those that the C program computed from the same weights. */
const Reference = (() => {
  /* Returns the greatest differences by name; each is relative to 1 + the size of the number. */
  const compare = (model, tensors) => {
    const get = (name) => tensors("reference." + name).values;
    const n = get("log_prior").length, {d, values} = model, worst = {};
    const differ = (name, ours, theirs) => {
      const error = Math.abs(ours - theirs) / (1 + Math.abs(theirs));
      worst[name] = Math.max(worst[name] || 0, Number.isFinite(error) ? error : Infinity);
    };
    for (let r = 0; r < n; r++) {
      const row = (name, size) => get(name).subarray(r * size, (r + 1) * size);
      const all = (name, ours, theirs) => theirs.forEach((v, i) => differ(name, ours[i], v));
      const x = row("targets", values), posterior = model.encode(x), z = Float64Array.from(row("z", d));
      const drawn = posterior.draw(Float64Array.from(row("u", d))), there = model.flow.normalise(z);
      all("posterior mean", posterior.mean, row("mean", d));
      all("posterior scale", posterior.scale, row("scale", d));
      all("draw z", drawn.z, row("z", d));
      all("flow z to ε", there.eps, row("eps", d));
      all("flow ε to z", model.toZ(Float64Array.from(row("eps", d))), row("z", d));
      all("decoded image", model.decode(z), row("images", values));
      differ("log q(z|x)", drawn.logQ, get("log_q")[r]);
      differ("log p(z)", model.logPrior(z), get("log_prior")[r]);
      differ("log p(x|z)", -model.cost(x, z), -get("reconstruction")[r]);
      differ(
        "−ELBO", model.bound(x, posterior, Float64Array.from(row("u", d))).total,
        get("reconstruction")[r] + get("log_q")[r] - get("log_prior")[r]);
    }
    return worst;
  };

  return {compare};
})();
