/* p(x | z) from the decoder's output (docs/model.md, "Encoder and decoder" to "Continuous numbers"):
 * the mean image, and −log p(x | z) in nats. */
const Likelihood = (() => {
  const {HALF_LOG_2PI, sigmoid, softplus, gkQuantile, gkLogSlope, gkScore, normalCdf, logSumExp} = Numbers;
  const FLOOR = 1e-6, LEVELS = 256;
  const limit = (x, low, high) => Math.max(low, Math.min(high, x));
  const clampLogScale = (x) => limit(x, -7, 3);

  /* --- Binary pixels --- */

  const bernoulli = (n) => ({
    mean: (out) => Float64Array.from({length: n}, (_, i) => sigmoid(out[i])),
    cost: (out, x) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += softplus(out[i]) - x[i] * out[i];
      return sum;
    },
  });

  /* --- Levels --- */

  /* The upper edges of levels 0 … 254, by the logits of the widths, or equal widths. */
  const edgesOf = (tensors) => {
    const logits = tensors("likelihood.edges"), edges = new Float64Array(LEVELS - 1);
    const scaled = logits ? Float64Array.from(logits.values, (v) => 8 * v) : new Float64Array(LEVELS);
    const total = logSumExp(scaled);
    let sum = 0;
    for (let v = 0; v < LEVELS - 1; v++) {
      sum += Math.exp(scaled[v] - total);
      edges[v] = -1 - 1 / 255 + (2 + 2 / 255) * sum;
    }
    return edges;
  };

  const middlesOf = (edges) => Float64Array.from(
    {length: LEVELS},
    (_, v) => ((v === 0 ? -1 - 1 / 255 : edges[v - 1]) + (v === LEVELS - 1 ? 1 + 1 / 255 : edges[v])) / 2);

  const levelOf = (x) => limit(Math.floor(x * 255 + 0.5), 0, 255);

  /* The two families of components. A value has a score, and `between` is the probability of an interval of
   * scores, mirrored so that nothing cancels. LevelSums has sums over all edges. */
  const logistic = {
    parameters: 2,
    read: (c, out, at, step) => {
      c.location = out[at];
      c.scale = Math.exp(clampLogScale(out[at + step]));
      return c;
    },
    score: (c, edge) => (edge - c.location) / c.scale,
    sum: LevelSums.logistic,
    between: (a, b) => {
      if (a + b > 0) [a, b] = [-b, -a];
      const upper = sigmoid(b);
      return a === -Infinity ? upper : upper * -Math.expm1(a - b) * sigmoid(-a);
    },
  };
  const gk = {
    parameters: 4,
    read: (c, out, at, step) => {
      c.location = out[at];
      c.scale = Math.exp(clampLogScale(out[at + step]));
      c.g = 8 * Math.tanh(out[at + 2 * step] / 8);
      c.k = Math.min(-0.05 + softplus(out[at + 3 * step]), 4);
      return c;
    },
    score: (c, edge) => gkScore((edge - c.location) / c.scale, c.g, c.k),
    sum: LevelSums.gk,
    between: (a, b) => {
      if (a + b > 0) [a, b] = [-b, -a];
      if (b - a < 0.02 && a > -38) {  // Simpson's rule of the normal density
        const density = (x) => Math.exp(-x * x / 2 - HALF_LOG_2PI);
        return (b - a) / 6 * (density(a) + 4 * density((a + b) / 2) + density(b));
      }
      return normalCdf(b) - normalCdf(a);
    },
  };

  /* A mixture of K components for each of n values; see levels() for the order of the outputs. */
  const levels = (family, n, K, tensors, colour) => {
    const edges = edgesOf(tensors), middles = middlesOf(edges), logits = K > 1 ? K : 0;
    const coefficients = (logits + family.parameters * K) * n;

    const list = Array.from({length: K}, () => ({location: 0, scale: 1, g: 0, k: 0, weight: 1}));

    /* The components of value i, which the next call changes; `earlier` are t of red and of green. */
    const componentsOf = (out, i, earlier) => {
      let greatest = -Infinity, sum = 0;
      for (let k = 0; logits && k < K; k++) greatest = Math.max(greatest, out[k * n + i]);
      for (let k = 0; k < K; k++) {
        const component = family.read(list[k], out, (logits + k) * n + i, K * n);
        const channel = colour ? i % 3 : 0, c = coefficients + k * n + i - channel;
        if (channel === 1) component.location += out[c] * earlier[0];
        if (channel === 2) component.location += out[c + 1] * earlier[0] + out[c + 2] * earlier[1];
        component.weight = logits ? Math.exp(out[k * n + i] - greatest) : 1;
        sum += component.weight;
      }
      for (const component of list) component.weight /= sum;
      return list;
    };

    /* The mean level, as the sum over edges of the probability above them. */
    const meanOf = (components) => {
      let mean = 0;
      for (const c of components) mean += c.weight * family.sum(c, edges);
      return Math.min(1, ((1 - FLOOR) * mean + FLOOR * 127.5) / 255);
    };

    const middleAt = (x) => {
      const v = x * 255, below = limit(Math.floor(v), 0, 254), part = limit(v - below, 0, 1);
      return middles[below] + part * (middles[below + 1] - middles[below]);
    };

    const each = (image, visit) => {
      const earlier = [0, 0];
      for (let i = 0; i < n; i++) {
        if (colour && i % 3) earlier[i % 3 - 1] = middleAt(image[i - 1]);
        visit(i, earlier);
      }
    };

    return {
      mean: (out) => {
        const image = new Float64Array(n);
        each(image, (i, earlier) => (image[i] = meanOf(componentsOf(out, i, earlier))));
        return image;
      },
      cost: (out, x) => {
        let sum = 0;
        const rounded = Float64Array.from(x, (value) => levelOf(value) / 255);
        each(rounded, (i, earlier) => {
          const v = levelOf(x[i]);
          let p = 0;
          for (const c of componentsOf(out, i, earlier))
            p += c.weight *
              family.between(
                v === 0 ? -Infinity : family.score(c, edges[v - 1]),
                v === LEVELS - 1 ? Infinity : family.score(c, edges[v]));
          sum -= Math.log((1 - FLOOR) * p + FLOOR / LEVELS);
        });
        return sum;
      },
    };
  };

  /* --- Continuous numbers --- */

  const density = (withShapes, n, width) => {
    const volume = HALF_LOG_2PI + Math.log(width) - Math.log(2);
    const read = (out, i) => withShapes ?
      gk.read({}, out, i, n) :
      {location: out[i], scale: Math.exp(clampLogScale(out[n + i])), g: 0, k: 0};
    return {
      mean: (out) => Float64Array.from(
        {length: n},
        (_, i) => {
          const c = read(out, i);
          let sum = c.location;
          for (let z = -10; withShapes && z <= 10; z += 0.125)
            sum += Math.exp(-z * z / 2 - HALF_LOG_2PI) / 8 * c.scale * gkQuantile(z, c.g, c.k);
          return (sum + 1) / 2;
        }),
      cost: (out, x) => {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const c = read(out, i), z = gkScore((2 * x[i] - 1 - c.location) / c.scale, c.g, c.k);
          sum += volume + z * z / 2 + Math.log(c.scale) + gkLogSlope(z, c.g, c.k);
        }
        return sum;
      },
    };
  };

  const create = (tensors, about) => {
    const {settings, height, width, channels} = about, n = height * width * channels;
    const K = Number(settings.likelihood_components);
    switch (settings.likelihood) {
      case "logistic-mixture":
        return levels(logistic, n, K, tensors, channels > 1);
      case "gk":
        return levels(gk, n, 1, tensors, channels > 1);
      case "gk-mixture":
        return levels(gk, n, K, tensors, channels > 1);
      case "normal-density":
        return density(false, n, about.range[1] - about.range[0] || 1);
      case "gk-density":
        return density(true, n, about.range[1] - about.range[0] || 1);
      default:
        return bernoulli(n);
    }
  };

  return {create};
})();
