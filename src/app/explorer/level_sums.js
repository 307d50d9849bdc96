/* Sums over the edges between levels of the probability of a number above each, which are mean levels. A mean
 * image needs one for each component of each value, so both are made for speed: `gk` is exact to 2e-4 levels
 * on average, and to 0.02 next to the bound of k; `logistic` to 4e-5. */
const LevelSums = (() => {
  const {HALF_LOG_2PI, normalCdf, sigmoid} = Numbers;

  /* The first edge that is at least x. */
  const firstFrom = (edges, x) => {
    let low = 0, high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (edges[middle] < x)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  };

  /* --- Logistic distributions --- */

  const REACH = 22, PER_UNIT = 256;  // of the table of probabilities above a score
  const table =
    Float64Array.from({length: 2 * REACH * PER_UNIT + 2}, (_, i) => sigmoid(REACH - i / PER_UNIT));

  const logistic = (c, edges) => {
    const first = firstFrom(edges, c.location - REACH * c.scale), by = PER_UNIT / c.scale;
    const end = firstFrom(edges, c.location + REACH * c.scale), shift = REACH * PER_UNIT - c.location * by;
    let sum = first;
    for (let v = first; v < end; v++) {
      const place = shift + by * edges[v], below = Math.floor(place);
      sum += table[below] + (place - below) * (table[below + 1] - table[below]);
    }
    return sum;
  };

  /* --- g-and-k distributions --- */

  /* Normal scores from 0, closer to each other near 0, where skewness bends Q. */
  const C = 0.8, SCORE_REACH = 5, NEAR = 2, STEP = 1 / 16;
  const list = [];
  for (let z = 0; z <= SCORE_REACH; z += z < NEAR ? STEP : 2 * STEP) list.push(z);
  const scores = Float64Array.from(list);
  const nodes = scores.length - 1, all = 2 * nodes + 1;
  const logs = scores.map((z) => Math.log1p(z * z)), shares = scores.map((z) => 2 * z * z / (1 + z * z));
  const signed = (i) => (i < nodes ? -scores[nodes - i] : scores[i - nodes]);
  const above = Float64Array.from({length: all}, (_, i) => normalCdf(-signed(i)));
  const density = Float64Array.from(scores, (z) => Math.exp(-z * z / 2 - HALF_LOG_2PI));

  /* (1 + z²)^k of every node for multiples of 1/16 as k, from LEAST_K up; a row for each k. */
  const LEAST_K = -1 / 16, GREATEST_K = 4, ROWS = 16;
  const powers = Float64Array.from(
    {length: ((GREATEST_K - LEAST_K) * ROWS + 1) * (nodes + 1)},
    (_, i) => Math.exp((LEAST_K + Math.floor(i / (nodes + 1)) / ROWS) * logs[i % (nodes + 1)]));

  /* Of each node: x = Q(z), and of each score two parts of Q that its slope needs. */
  const x = new Float64Array(all);
  const power = new Float64Array(nodes + 1), turn = new Float64Array(nodes + 1);

  /* Writes x of both nodes of a score, from e = exp(−|g|z). */
  const placeNodes = ({location, scale, g, k}, i, e) => {
    const row = Math.round((k - LEAST_K) * ROWS), u = (k - LEAST_K - row / ROWS) * logs[i];
    /* exp(u) by its series: u is below 0.11. */
    power[i] =
      scale * powers[row * (nodes + 1) + i] * (1 + u * (1 + u / 2 * (1 + u / 3 * (1 + u / 4 * (1 + u / 5)))));
    turn[i] = (g < 0 ? e - 1 : 1 - e) / (1 + e);  // tanh(gz/2)
    const away = power[i] * scores[i], skew = C * away * turn[i];
    x[nodes + i] = location + away + skew;
    x[nodes - i] = location - away + skew;
  };

  /* Writes x from the middle outwards, until it is beyond the edges on both sides. Returns how many scores
   * that takes. */
  const placeUntil = (c, bottom, top) => {
    const near = Math.exp(-Math.abs(c.g) * STEP), far = near * near;
    for (let i = 0, e = 1; i < nodes; e *= scores[i] < NEAR ? near : far, i++) {
      placeNodes(c, i, e);
      if (x[nodes + i] > top && x[nodes - i] < bottom) return i;
    }
    return nodes;
  };

  /* The slope in x of the probability above the x of a node. */
  const slopeAt = (node, g, k) => {
    const i = node < nodes ? nodes - node : node - nodes, t = turn[i], side = node < nodes ? -C : C;
    const bend = g * scores[i] / 2 * (1 - t * t);
    return -density[i] / (power[i] * ((1 + side * t) * (1 + k * shares[i]) + side * bend));
  };

  const gk = (c, edges) => {
    const {g, k} = c, end = edges.length, bottom = edges[0], top = edges[end - 1];
    placeNodes(c, nodes, Math.exp(-Math.abs(g) * SCORE_REACH));
    if (x[all - 1] <= bottom) return 0;
    if (x[0] > top) return end;
    const reach = placeUntil(c, bottom, top), last = nodes + reach;
    let v = firstFrom(edges, x[nodes - reach]), sum = v, known = -1, finish = 0;
    /* Between two nodes, the cubic polynomial that has their probabilities and slopes (Hermite). */
    for (let i = nodes - reach, edge = edges[v]; i < last && v < end; i++) {
      const next = x[i + 1];
      if (edge >= next) continue;
      const here = x[i], top = above[i], width = next - here, by = 1 / width, fall = top - above[i + 1];
      const start = (known === i ? finish : slopeAt(i, g, k)) * width;
      finish = slopeAt(i + 1, g, k);
      known = i + 1;
      const drop = finish * width, square = -3 * fall - 2 * start - drop, cube = 2 * fall + start + drop;
      while (edge < next) {
        const t = (edge - here) * by;
        sum += top + t * (start + t * (square + t * cube));
        v++;
        edge = v < end ? edges[v] : Infinity;
      }
    }
    return sum;
  };

  return {logistic, gk};
})();
