/* Functions of numbers: the normal and the g-and-k distribution, random numbers, small matrices. */
const Numbers = (() => {
  const HALF_LOG_2PI = 0.9189385332046727;
  const C = 0.8;  // the constant of the g-and-k distribution

  const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : 1 - 1 / (1 + Math.exp(x)));
  const softplus = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

  const logSumExp = (values) => {
    let greatest = -Infinity;
    for (const v of values) greatest = Math.max(greatest, v);
    if (!Number.isFinite(greatest)) return greatest;
    let sum = 0;
    for (const v of values) sum += Math.exp(v - greatest);
    return greatest + Math.log(sum);
  };

  /* Φ(−x) for x ≥ 0: the rational function of Hart (1968) in the form of West (2005), and a
   * continued fraction in the far tail. */
  const upperTail = (x) => {
    const density = Math.exp(-x * x / 2);
    if (x >= 7.07106781186547)
      return density / (x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 0.65))))) / 2.5066282746310002;
    const above =
      (((((3.52624965998911e-2 * x + 0.700383064443688) * x + 6.37396220353165) * x + 33.912866078383) * x +
        112.079291497871) *
         x +
       221.213596169931) *
        x +
      220.206867912376;
    const below =
      ((((((8.83883476483184e-2 * x + 1.75566716318264) * x + 16.064177579207) * x + 86.7807322029461) * x +
         296.564248779674) *
          x +
        637.333633378831) *
         x +
       793.826512519948) *
        x +
      440.413735824752;
    return density * above / below;
  };
  const normalCdf = (x) => (x > 0 ? 1 - upperTail(x) : upperTail(-x));

  /* Φ⁻¹(p), by Newton's method from a logistic start. */
  const normalQuantile = (p) => {
    if (p > 0.5) return -normalQuantile(1 - p);
    let x = Math.max(Math.log(p / (1 - p)) / 1.702, -8);
    for (let i = 0; i < 60; i++) {
      const step = (upperTail(-x) - p) / Math.exp(-x * x / 2 - HALF_LOG_2PI);
      x -= Math.max(-0.5, Math.min(0.5, step));
      if (Math.abs(step) < 1e-13) break;
    }
    return x;
  };

  /* --- The g-and-k distribution with A = 0 and B = 1 --- */

  const gkQuantile = (z, g, k, c = C) => (1 + c * Math.tanh(g * z / 2)) * z * (1 + z * z) ** k;

  const gkLogSlope = (z, g, k, c = C) => {
    const t = Math.tanh(g * z / 2);
    const inner = (1 + c * t) * (1 + (2 * k + 1) * z * z) / (1 + z * z) + c * g * z / 2 * (1 - t * t);
    return Math.log(inner) + k * Math.log1p(z * z);
  };

  /* z with Q(z) = y: Newton's steps within a bracket, halved when they leave it. One evaluation
   * gives both Q and its slope. `near` is a guess. */
  const gkScore = (y, g, k, near = Math.max(-8, Math.min(8, y)), c = C) => {
    if ((g === 0 && k === 0) || y === 0) return y;
    let low = y < 0 ? -Infinity : 0, high = y < 0 ? 0 : Infinity;
    let z = near < low || near > high ? y : near;
    for (let i = 0; i < 300; i++) {
      const square = z * z, t = Math.tanh(g * z / 2), skew = 1 + c * t,
            power = Math.exp(k * Math.log1p(square));
      const error = skew * z * power - y;
      const slope = power * (skew * (1 + (2 * k + 1) * square) / (1 + square) + c * g * z / 2 * (1 - t * t));
      if (error < 0)
        low = z;
      else
        high = z;
      let next = z - error / slope;
      if (!(next > low && next < high))
        next = low === -Infinity ? 2 * high - 1 : high === Infinity ? 2 * low + 1 : (low + high) / 2;
      const moved = Math.abs(next - z);
      z = next;
      if (moved <= 1e-10 * (1 + Math.abs(z))) break;
    }
    return z;
  };

  /* The least k for which Q with this g is increasing, as far as a grid of z shows. */
  const gkLeastK = (g) => {
    const valid = (k) => {
      for (let z = -40; z <= 40; z += 0.1)
        if (!Number.isFinite(gkLogSlope(z, g, k))) return false;
      return true;
    };
    let low = -0.5, high = 0;
    if (!valid(high)) return 0;
    for (let i = 0; i < 12; i++) {
      const middle = (low + high) / 2;
      if (valid(middle))
        high = middle;
      else
        low = middle;
    }
    return high + 0.002;
  };

  /* --- Random numbers --- */

  /* A stream of uniform numbers on (0, 1) and of normal ones, by a seed (mulberry32). */
  const random = (seed) => {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const normals = (n) => Float64Array.from({length: n}, normal);
    return {uniform, normal, normals};
  };

  /* --- Vectors and small matrices --- */

  const dot = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  };
  const distance = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
    return Math.sqrt(sum);
  };
  const mix = (a, b, t) => Float64Array.from(a, (v, i) => (1 - t) * v + t * b[i]);

  /* Solves A x = b of n unknowns for a symmetric, positive definite A (rows), by Cholesky. */
  const solve = (n, matrix, right) => {
    const l = Float64Array.from(matrix), x = Float64Array.from(right);
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < j; k++)
        for (let i = j; i < n; i++) l[i * n + j] -= l[i * n + k] * l[j * n + k];
      const root = Math.sqrt(Math.max(l[j * n + j], 1e-30));
      for (let i = j; i < n; i++) l[i * n + j] /= root;
    }
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
      x[i] /= l[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
      x[i] /= l[i * n + i];
    }
    return x;
  };

  return {
    HALF_LOG_2PI,
    sigmoid,
    softplus,
    logSumExp,
    normalCdf,
    normalQuantile,
    gkQuantile,
    gkLogSlope,
    gkScore,
    gkLeastK,
    random,
    dot,
    distance,
    mix,
    solve
  };
})();
