/* A better code of an image: a few steps of Levenberg–Marquardt on −log p(x, z), as gkvae's refinement
 * in MAP mode. Jacobians are central differences. Only for pixels that are binary or mean levels. */
const Refine = (() => {
  const {sigmoid, dot, solve, gkLogSlope, gkScore} = Numbers;
  const STEP = 1e-4;  // of the differences

  const available = (model) => model.about.settings.likelihood === "bernoulli" && !model.base.isStudent;

  /* The derivatives of outputs, ε and the objective in each dimension of z. */
  const differences = (model, x, z) => {
    const at = (j, h) => {
      const moved = Float64Array.from(z);
      moved[j] += h;
      const {eps, logDet} = model.flow.normalise(moved), outputs = model.outputs(moved);
      return {outputs, eps, value: model.costOf(outputs, x) - model.base.density(eps) - logDet};
    };
    return Array.from(z, (_, j) => {
      const up = at(j, STEP), down = at(j, -STEP), half = 1 / (2 * STEP);
      return {
        outputs: up.outputs.map((v, i) => (v - down.outputs[i]) * half),
        eps: up.eps.map((v, i) => (v - down.eps[i]) * half),
        slope: (up.value - down.value) * half,
      };
    });
  };

  /* The derivative of the component's independent scores in one dimension of z. */
  const scoreSlope = (component, eps, moved) => {
    const d = eps.length, scaled = moved.map((v, j) => {
      const {A, B, g, k} = component, score = gkScore((eps[j] - A[j]) / B[j], g[j], k[j]);
      return v * Math.exp(-gkLogSlope(score, g[j], k[j])) / B[j];
    });
    if (!component.W) return scaled;
    return scaled.map((_, j) => {
      let sum = 0;
      for (let i = 0; i <= j; i++) sum += scaled[i] * component.W[i * d + j];
      return sum;
    });
  };

  /* The Gauss–Newton curvature at z: that of the pixels, and that of the likeliest component. */
  const curvature = (model, z, slopes) => {
    const d = z.length, eps = model.toEps(z), joint = model.base.joint(eps);
    const component = model.base.components[joint.indexOf(Math.max(...joint))];
    const weight = model.outputs(z).map((v) => Math.sqrt(sigmoid(v) * sigmoid(-v)));
    const rows = slopes.map((slope) => ({
                              pixels: slope.outputs.map((v, i) => v * weight[i]),
                              scores: scoreSlope(component, eps, slope.eps),
                            }));
    const matrix = new Float64Array(d * d);
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++)
        matrix[i * d + j] = dot(rows[i].pixels, rows[j].pixels) + dot(rows[i].scores, rows[j].scores);
    return matrix;
  };

  /* Returns {z, before, after}: the code after some accepted steps, and −log p(x, z). */
  const run = (model, x, start, steps = 3) => {
    const d = start.length, objective = (z) => model.cost(x, z) - model.logPrior(z);
    let z = Float64Array.from(start), value = objective(z), damping = 0.1;
    const before = value;
    for (let step = 0; step < steps; step++) {
      const slopes = differences(model, x, z), matrix = curvature(model, z, slopes);
      const against = slopes.map(({slope}) => -slope);
      for (let attempt = 0; attempt < 6; attempt++, damping *= 10) {
        const damped = Float64Array.from(matrix);
        for (let j = 0; j < d; j++) damped[j * d + j] *= 1 + damping;
        const move = solve(d, damped, against), next = z.map((v, j) => v + move[j]), lower = objective(next);
        if (!(lower < value)) continue;
        z = next;
        value = lower;
        damping /= 10;
        break;
      }
    }
    return {z, before, after: value};
  };

  return {available, run};
})();
