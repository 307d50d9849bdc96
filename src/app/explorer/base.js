/* The base, the distribution of ε (docs/model.md, "Base"). Every base but Student's t is a mixture
 * here, perhaps of one component. A component has a margin for each dimension, with location A,
 * scale B and shapes g and k, and a matrix W that makes its normal scores independent. */
const Base = (() => {
  const {HALF_LOG_2PI, logSumExp, gkQuantile, gkLogSlope, gkScore} = Numbers;

  /* The inverse of a triangular matrix [d, d]; `upper` says which half. */
  const triangularInverse = (d, matrix, upper) => {
    const inverse = new Float64Array(d * d);
    for (let c = 0; c < d; c++) {
      const order = Array.from({length: d}, (_, i) => (upper ? d - 1 - i : i));
      for (const r of order) {
        let sum = r === c ? 1 : 0;
        for (let i = 0; i < d; i++)
          if (i !== r) sum -= matrix[r * d + i] * inverse[i * d + c];
        inverse[r * d + c] = sum / matrix[r * d + r];
      }
    }
    return inverse;
  };

  const transpose = (d, matrix) =>
    Float64Array.from({length: d * d}, (_, i) => matrix[(i % d) * d + Math.floor(i / d)]);

  /* The margins of row c of the base's tensors; zeros and ones for a normal base. */
  const margins = (tensors, c, d) => {
    const row = (name, missing) => {
      const tensor = tensors("prior.base." + name);
      return tensor ? Float64Array.from(tensor.values.subarray(c * d, (c + 1) * d)) :
                      new Float64Array(d).fill(missing);
    };
    return {A: row("location", 0), B: row("scale", 1), g: row("g", 0), k: row("k", 0)};
  };

  const mixture = (tensors, settings, d) => {
    const logits = tensors("prior.base.logits");
    const weights = logits ? Float64Array.from(logits.values) : new Float64Array(1);
    const total = logSumExp(weights), whitening = tensors("prior.base.whitening");
    const cholesky = tensors("prior.base.cholesky");
    const perClass = settings.base === "gk-by-class" ? Number(settings.base_components) : 0;
    return Array.from(weights, (logit, c) => {
      const component = {...margins(tensors, c, d), logWeight: logit - total, W: null, unmix: null};
      if (whitening) component.W = Float64Array.from(whitening.values.subarray(c * d * d, (c + 1) * d * d));
      if (cholesky) component.W = transpose(d, triangularInverse(d, cholesky.values, false));
      if (component.W) component.unmix = triangularInverse(d, component.W, true);
      component.class = perClass ? Math.floor(c / perClass) : -1;
      component.original =
        {A: component.A.slice(), B: component.B.slice(), g: component.g.slice(), k: component.k.slice()};
      return component;
    });
  };

  /* log f(ε) of a component, without its weight. */
  const logDensity = (component, eps) => {
    const d = eps.length, scores = new Float64Array(d);
    let log = 0;
    for (let j = 0; j < d; j++) {
      const {A, B, g, k} = component;
      scores[j] = gkScore((eps[j] - A[j]) / B[j], g[j], k[j]);
      log -= Math.log(B[j]) + gkLogSlope(scores[j], g[j], k[j]) + HALF_LOG_2PI;
    }
    for (let j = 0; j < d; j++) {
      let w = scores[j];
      if (component.W) {
        w = 0;
        for (let i = 0; i <= j; i++) w += scores[i] * component.W[i * d + j];
        log += Math.log(component.W[j * d + j]);
      }
      log -= w * w / 2;
    }
    return log;
  };

  /* ε of independent normal scores. */
  const generate = (component, normals) => {
    const d = normals.length, eps = new Float64Array(d);
    for (let j = 0; j < d; j++) {
      let score = normals[j];
      if (component.unmix) {
        score = 0;
        for (let i = 0; i <= j; i++) score += normals[i] * component.unmix[i * d + j];
      }
      eps[j] = component.A[j] + component.B[j] * gkQuantile(score, component.g[j], component.k[j]);
    }
    return eps;
  };

  /* The standard deviation of the normal score of dimension j. */
  const scoreSd = (component, d, j) => {
    let sum = 0;
    for (let i = 0; component.unmix && i < d; i++) sum += component.unmix[i * d + j] ** 2;
    return component.unmix ? Math.sqrt(sum) : 1;
  };

  /* The density of dimension j of a component at x. */
  const marginDensity = (component, d, j, x) => {
    const sd = scoreSd(component, d, j);
    const score = gkScore((x - component.A[j]) / component.B[j], component.g[j], component.k[j]);
    return Math.exp(
             -((score / sd) ** 2) / 2 - HALF_LOG_2PI - gkLogSlope(score, component.g[j], component.k[j])) /
      (sd * component.B[j]);
  };

  /* The quantile of dimension j of a component at the normal score z. */
  const marginQuantile = (component, d, j, z) => component.A[j] +
    component.B[j] * gkQuantile(z * scoreSd(component, d, j), component.g[j], component.k[j]);

  /* log Γ(x) by Stirling's series. */
  const logGamma = (x) => {
    let shift = 0;
    while (x < 8) shift -= Math.log(x++);
    const y = 1 / (x * x);
    return shift + (x - 0.5) * Math.log(x) - x + HALF_LOG_2PI + (1 / 12 - y * (1 / 360 - y / 1260)) / x;
  };

  /* Independent Student's t, as a component with functions of its own. */
  const student = (tensors, d) => {
    const {A, B} = margins(tensors, 0, d);
    const freedom = Float64Array.from(tensors("prior.base.log_freedom").values, Math.exp);
    const constant =
      freedom.map((nu) => logGamma((nu + 1) / 2) - logGamma(nu / 2) - Math.log(nu * Math.PI) / 2);
    const margin = (j, x) =>
      constant[j] - Math.log(B[j]) - (freedom[j] + 1) / 2 * Math.log1p(((x - A[j]) / B[j]) ** 2 / freedom[j]);
    /* A normal score over the root of a mean of squares of ν others, to the nearest whole ν. */
    const draw = (normals, random) => Float64Array.from(normals, (score, j) => {
      const nu = Math.max(1, Math.min(200, Math.round(freedom[j])));
      let squares = 0;
      for (let i = 0; i < nu; i++) squares += random.normal() ** 2;
      return A[j] + B[j] * score / Math.sqrt(squares / nu);
    });
    return {A, B, freedom, margin, draw};
  };

  const create = (tensors, settings, d) => {
    const t = settings.base === "student-t" ? student(tensors, d) : null;
    const components = t ? [{...margins(tensors, 0, d), logWeight: 0, W: null, unmix: null, class: -1}] :
                           mixture(tensors, settings, d);

    /* log(π f(ε)) of each component. */
    const joint = (eps) => {
      if (!t) return Float64Array.from(components, (c) => c.logWeight + logDensity(c, eps));
      let sum = 0;
      for (let j = 0; j < d; j++) sum += t.margin(j, eps[j]);
      return Float64Array.of(sum);
    };
    const density = (eps) => logSumExp(joint(eps));
    const responsibilities = (eps) => {
      const logs = joint(eps), total = logSumExp(logs);
      return logs.map((log) => Math.exp(log - total));
    };

    /* A component at random, by weight, among those that accepts(index, component) is true of. */
    const pick = (random, accepts) => {
      const chosen = components.map((c, i) => (accepts(i, c) ? i : -1)).filter((i) => i >= 0);
      let left = random.uniform() * chosen.reduce((sum, i) => sum + Math.exp(components[i].logWeight), 0);
      for (const i of chosen)
        if ((left -= Math.exp(components[i].logWeight)) < 0) return i;
      return chosen[chosen.length - 1];
    };

    const draw = (random, component, temperature) => {
      const normals = random.normals(d).map((v) => v * temperature);
      return t ? t.draw(normals, random) : generate(components[component], normals);
    };

    const marginAt = (j, x) => t ?
      Math.exp(t.margin(j, x)) :
      components.reduce((sum, c) => sum + Math.exp(c.logWeight) * marginDensity(c, d, j, x), 0);

    return {
      components,
      hasShapes: !t && Boolean(tensors("prior.base.g")),
      isStudent: Boolean(t),
      joint,
      density,
      responsibilities,
      pick,
      draw,
      marginAt,
      median: (c) => Float64Array.from(components[c].A),
      generate: (c, normals) =>
        (t ? Float64Array.from(normals, (v, j) => t.A[j] + t.B[j] * v) : generate(components[c], normals)),
      marginDensity: (c, j, x) => (t ? Math.exp(t.margin(j, x)) : marginDensity(components[c], d, j, x)),
      marginQuantile: (c, j, z) => marginQuantile(components[c], d, j, z)
    };
  };

  return {create};
})();
