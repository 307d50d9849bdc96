/* The flow of the prior between z and ε, layer by layer (docs/model.md, "Prior flow"). A layer is a list of
 * steps {moved, forward, inverse}: the dimensions that a step changes, and the maps of a code in place.
 * forward(), which goes towards ε, gives the log-determinant. */
const Flow = (() => {
  /* The dimensions that a coupling changes, and those that it reads. */
  const split = (d, layer) => {
    let splits = 1;
    for (let i = 1; 2 ** i <= Math.floor(d / 2); i++) splits++;
    const which = Math.floor(layer / 2) % splits, moved = [], kept = [];
    for (let j = 0; j < d; j++) {
      const second = which === 0 ? j >= Math.floor(d / 2) : ((j >> (which - 1)) & 1) === 1;
      (second === (layer % 2 === 0) ? moved : kept).push(j);
    }
    return {moved, kept};
  };

  const compress = (v) => v / Math.sqrt(1 + (0.2 * v) ** 2);

  /* The transforms of n numbers in order: {forward, inverse} of numbers by the outputs of a network. */
  const chain = (transforms, n) => {
    const starts = transforms.map((_, t) => transforms.slice(0, t).reduce((sum, {width}) => sum + width, 0));
    const rawOf = (out, t, i) => (p) => out[(starts[t] + p) * n + i];
    return {
      forward: (out, numbers) => {
        let logDet = 0;
        transforms.forEach((transform, t) => {
          for (let i = 0; i < n; i++) {
            const [moved, log] = transform.forward(numbers[i], rawOf(out, t, i));
            numbers[i] = moved;
            logDet += log;
          }
        });
        return logDet;
      },
      inverse: (out, numbers) => {
        for (let t = transforms.length - 1; t >= 0; t--)
          for (let i = 0; i < n; i++) numbers[i] = transforms[t].inverse(numbers[i], rawOf(out, t, i));
      },
    };
  };

  const coupling = (transforms, isCompressed) => (tensors, settings, d, layer) => {
    const {moved, kept} = split(d, layer), network = Network.mlp(tensors, `prior.flow.${layer}`, 2, "leaky");
    const map = chain(transforms.map((transform) => transform(settings)), moved.length);
    const outputs = (x) => network(Float64Array.from(kept, (j) => (isCompressed ? compress(x[j]) : x[j])));
    const run = (way, x) => {
      const numbers = Float64Array.from(moved, (j) => x[j]), logDet = map[way](outputs(x), numbers);
      moved.forEach((j, i) => (x[j] = numbers[i]));
      return logDet;
    };
    return {moved, forward: (x) => run("forward", x), inverse: (x) => run("inverse", x)};
  };

  /* The other direction gives one more dimension its value in every iteration. */
  const autoregressive = (tensors, settings, d, layer) => {
    const network = Network.mlp(tensors, `prior.flow.${layer}`, 2, "leaky");
    const map = chain([Transforms.affine(settings)], d);
    const outputs = (x) => network(x.map(compress));
    return {
      moved: Array.from({length: d}, (_, j) => j),
      forward: (x) => map.forward(outputs(x), x),
      inverse: (x) => {
        const eps = x.slice();
        for (let i = 0; i < d; i++) {
          const out = outputs(x);
          x.set(eps);
          map.inverse(out, x);
        }
      },
    };
  };

  const logScales = (tensors, settings, name) =>
    Float64Array.from(tensors(name).values, (raw) => Number(settings.log_scale_bound) * Math.tanh(raw));

  const scaling = (tensors, settings, d, layer) => {
    const s = logScales(tensors, settings, `prior.flow.${layer}.scaling.log_scale`);
    const shift = tensors(`prior.flow.${layer}.scaling.shift`).values;
    return {
      moved: Array.from(s, (_, j) => j),
      forward: (x) => {
        x.forEach((v, j) => (x[j] = (v - shift[j]) * Math.exp(-s[j])));
        return -s.reduce((sum, v) => sum + v);
      },
      inverse: (x) => x.forEach((v, j) => (x[j] = v * Math.exp(s[j]) + shift[j])),
    };
  };

  /* L·diag(e^s)·U in even layers, and U·diag(e^s)·L in odd ones. */
  const linear = (tensors, settings, d, layer) => {
    const name = `prior.flow.${layer}.linear.`, s = logScales(tensors, settings, name + "log_scale");
    const triangle = (isLower) => ({isLower, values: tensors(name + (isLower ? "lower" : "upper")).values});
    const first = triangle(layer % 2 === 1), second = triangle(layer % 2 === 0);
    /* x plus (sign 1) or less (sign −1) the triangle's product. Rows are in such an order that a product
       reads old numbers, and a solution new ones. */
    const apply = ({isLower, values}, sign, x) => {
      for (let step = 0; step < d; step++) {
        const i = isLower === sign < 0 ? step : d - 1 - step;
        for (let j = isLower ? 0 : i + 1; j < (isLower ? i : d); j++) x[i] += sign * values[i * d + j] * x[j];
      }
    };
    return {
      moved: Array.from(s, (_, j) => j),
      forward: (x) => {
        apply(first, 1, x);
        x.forEach((v, j) => (x[j] = v * Math.exp(s[j])));
        apply(second, 1, x);
        return s.reduce((sum, v) => sum + v);
      },
      inverse: (x) => {
        apply(second, -1, x);
        x.forEach((v, j) => (x[j] = v * Math.exp(-s[j])));
        apply(first, -1, x);
      },
    };
  };

  /* The steps of a layer of each flow. */
  const flows = {
    realnvp: [coupling([Transforms.affine], false)],
    spline: [coupling([Transforms.affine, Transforms.spline], true)],
    "gk-coupling": [coupling([Transforms.gk], true)],
    maf: [autoregressive],
    glow: [scaling, linear, coupling([Transforms.affine], true)],
  };

  const create = (tensors, settings, d) => {
    const steps = flows[settings.prior_flow] || [], count = steps.length ? Number(settings.prior_layers) : 0;
    const layers = Array.from({length: count}, (_, l) => steps.map((step) => step(tensors, settings, d, l)));

    /* z to ε: {eps, logDet, steps}, where steps are z, the result of each layer, and so ε, each
     * with the sum of log-determinants so far. */
    const normalise = (z) => {
      let x = Float64Array.from(z), logDet = 0;
      const results = [{x, logDet}];
      for (const layer of layers) {
        x = Float64Array.from(x);
        for (const step of layer) logDet += step.forward(x);
        results.push({x, logDet});
      }
      return {eps: x, logDet, steps: results};
    };

    /* ε to z. */
    const generate = (eps) => {
      const x = Float64Array.from(eps);
      for (let l = layers.length - 1; l >= 0; l--)
        for (let i = layers[l].length - 1; i >= 0; i--) layers[l][i].inverse(x);
      return x;
    };

    return {
      layers: layers.length,
      normalise,
      generate,
      moved: (l) => [...new Set(layers[l].flatMap(({moved}) => moved))],
      movesHalf:
        Boolean(steps.length) && layers.every((layer) => layer.length === 1 && layer[0].moved.length < d)
    };
  };

  return {create};
})();
