/* Sums over the edges between levels of the probability of a number above each, which are mean levels. A mean
 * image needs one for each component of each value, so both are made for speed: `gk` is exact to 2e-4 levels
 * on average, and to 0.02 next to the bound of k; `logistic` to 4e-5. */
const LevelSums = (() => {
  const {HALF_LOG_2PI, gkQuantile, gkScore, normalCdf, sigmoid} = Numbers;

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

  /* Positive normal scores, closer to each other near 0, where skewness bends Q. */
  const scores = [], SCORE_REACH = 5;
  for (let z = 0; z <= SCORE_REACH; z += z < 2 ? 1 / 16 : 1 / 8) scores.push(z);
  const nodes = scores.length - 1, all = 2 * nodes + 1, FEW = 8;
  const squares = Float64Array.from(scores, (z) => z * z);
  const logs = squares.map(Math.log1p), shares = squares.map((square) => square / (1 + square));
  const signed = (i) => (i < nodes ? -scores[nodes - i] : scores[i - nodes]);
  const above = Float64Array.from({length: all}, (_, i) => normalCdf(-signed(i)));
  const density = Float64Array.from({length: all}, (_, i) => Math.exp(-(signed(i) ** 2) / 2 - HALF_LOG_2PI));
  const x = new Float64Array(all), slope = new Float64Array(all);

  /* Writes x = Q(z) of every node, and the slope of the probability above x. */
  const placeNodes = ({location, scale, g, k}) => {
    for (let i = 0; i <= nodes; i++) {
      const e = Math.exp(-Math.abs(g) * scores[i]), size = 0.8 * (1 - e) / (1 + e),
            skew = g < 0 ? -size : size;
      const power = scale * Math.exp(k * logs[i]), tail = 1 + 2 * k * shares[i];
      const bend = 0.8 * Math.abs(g) * scores[i] * 2 * e / ((1 + e) * (1 + e));  // c g z/2 sech²(gz/2)
      const up = nodes + i, down = nodes - i, turn = g < 0 ? -bend : bend;
      x[up] = location + power * scores[i] * (1 + skew);
      x[down] = location - power * scores[i] * (1 - skew);
      slope[up] = -density[up] / (power * ((1 + skew) * tail + turn));
      slope[down] = -density[down] / (power * ((1 - skew) * tail - turn));
    }
  };

  const gk = (c, edges) => {
    const reach = (z) => c.location + c.scale * gkQuantile(z, c.g, c.k);
    const first = firstFrom(edges, reach(-SCORE_REACH)), end = firstFrom(edges, reach(SCORE_REACH));
    let sum = first;
    if (end - first <= FEW) {
      for (let v = first; v < end; v++)
        sum += normalCdf(-gkScore((edges[v] - c.location) / c.scale, c.g, c.k));
      return sum;
    }
    placeNodes(c);
    /* Between two nodes, the cubic polynomial that has their probabilities and slopes (Hermite). */
    for (let v = first, i = 0; v < end && i + 1 < all; i++) {
      if (edges[v] >= x[i + 1]) continue;
      const width = x[i + 1] - x[i], by = 1 / width, fall = above[i] - above[i + 1];
      const start = slope[i] * width, finish = slope[i + 1] * width;
      const square = -3 * fall - 2 * start - finish, cube = 2 * fall + start + finish;
      for (; v < end && edges[v] < x[i + 1]; v++) {
        const t = (edges[v] - x[i]) * by;
        sum += above[i] + t * (start + t * (square + t * cube));
      }
    }
    return sum;
  };

  return {logistic, gk};
})();
