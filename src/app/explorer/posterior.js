/* The posterior q(z | x) from the encoder's output (docs/model.md, "Posterior"). */
const Posterior = (() => {
  const {HALF_LOG_2PI, gkQuantile, gkLogSlope, softplus, dot} = Numbers;

  const elu = (x) => (x >= 0 ? x : Math.max(Math.expm1(x), -1 + 2 ** -23));
  const shapeG = (raw) => 4 * Math.tanh(raw / 4);
  const shapeK = (raw) => (raw >= 0 ? 2 * Math.tanh(raw / 2) : 0.059 * Math.expm1(raw / 0.059));

  /* Sylvester flows with M columns and H reflections. */
  const sylvester = (columns, reflections) => {
    const sizes = (d) => {
      const M = Math.min(columns, d), H = Math.min(reflections, d), triangle = M * (M + 1) / 2;
      return {M, H, upper: H * d, inner: H * d + triangle, shift: H * d + 2 * triangle};
    };
    /* Reflects x by the v of raw(i·d) and up. */
    const reflect = (raw, i, x) => {
      const v = x.map((_, j) => raw[i * x.length + j] + (j === i ? 1 : 0)), norm = dot(v, v);
      const along = norm > 1e-30 ? 2 * dot(v, x) / norm : 0;
      return x.map((value, j) => value - along * v[j]);
    };
    /* A triangle whose rows begin at `place`, times x; and its diagonal. */
    const times = (raw, place, M, start, x) => {
      const diagonal = new Float64Array(M), product = new Float64Array(M);
      for (let i = 0; i < M; i++) {
        diagonal[i] = (1 - 2 ** -20) * Math.tanh(start + raw[place++]);
        product[i] = diagonal[i] * x[i];
        for (let j = i + 1; j < M; j++) product[i] += raw[place++] * x[j];
      }
      return {diagonal, product};
    };
    return {
      width: (d) => sizes(d).shift + sizes(d).M,
      apply: (raw, z, d) => {
        const {M, H, upper, inner, shift} = sizes(d);
        let y = z, move = new Float64Array(d), logDet = 0;
        for (let i = 0; i < H; i++) y = reflect(raw, i, y);
        const first = times(raw, inner, M, 1, y);
        const t = first.product.map((v, i) => Math.tanh(v + raw[shift + i])),
              second = times(raw, upper, M, 0, t);
        move.set(second.product);
        for (let i = 0; i < M; i++)
          logDet += Math.log1p((1 - t[i] * t[i]) * first.diagonal[i] * second.diagonal[i]);
        for (let i = H - 1; i >= 0; i--) move = reflect(raw, i, move);
        return {z: z.map((v, j) => v + move[j]), logDet};
      },
    };
  };

  const flows = {
    planar: {
      width: (d) => 2 * d + 1,
      apply: (raw, z, d) => {
        const u = raw.subarray(0, d), w = raw.subarray(d, 2 * d);
        const inner = dot(w, u), valid = elu(inner), norm = dot(w, w);
        const along = (valid - inner) / (norm > 0 ? norm : 1), t = Math.tanh(dot(w, z) + raw[2 * d]);
        return {z: z.map((v, j) => v + (u[j] + along * w[j]) * t), logDet: Math.log1p((1 - t * t) * valid)};
      },
    },
    radial: {
      width: (d) => d + 2,
      apply: (raw, z, d) => {
        const alpha = 1e-3 + softplus(raw[d]), beta = alpha * elu(raw[d + 1]);
        const away = z.map((v, j) => v - raw[j]), h = 1 / (alpha + Math.sqrt(dot(away, away)));
        return {
          z: z.map((v, j) => v + beta * h * away[j]),
          logDet: (d - 1) * Math.log1p(beta * h) + Math.log1p(alpha * beta * h * h),
        };
      },
    },
    /* The dimensions are in descending order in layers of an odd number. */
    iaf: {
      width: (d) => d * d + d,
      apply: (raw, z, d, layer) => {
        const place = (p) => (layer % 2 ? d - 1 - p : p), moved = new Float64Array(d);
        let shiftAt = 2 * d, scaleAt = 2 * d + (d * (d - 1)) / 2, logDet = 0;
        for (let p = 0; p < d; p++) {
          let shift = 0, scale = 0;
          for (let q = 0; q < p; q++) {
            shift += raw[shiftAt++] * z[place(q)];
            scale += raw[scaleAt++] * z[place(q)];
          }
          const factor = p > 0 ? 1 / Math.sqrt(p) : 0, s = 2 * Math.tanh(raw[d + p] + factor * scale);
          moved[place(p)] = Math.exp(s) * z[place(p)] + raw[p] + factor * shift;
          logDet += s;
        }
        return {z: moved, logDet};
      },
    },
    "sylvester-orthogonal": sylvester(8, 8),
    "sylvester-householder": sylvester(64, 4),
  };

  /* Returns of(encoded): {mean, scale, draw(u)}; draw() gives z and log q(z | x). */
  const create = (tensors, settings, d) => {
    const shared = settings.posterior === "gk" ?
      {g: tensors("posterior.raw_g").values, k: tensors("posterior.raw_k").values} :
      null;

    return (encoded) => {
      const mean = encoded.slice(0, d);
      const logScale = encoded.slice(d, 2 * d).map((raw) => 7 * Math.tanh(raw / 7));
      let used = 2 * d, mixing = null, g = null, k = null;
      if (settings.posterior === "full") {
        mixing = encoded.subarray(used, used + (d * (d - 1)) / 2);
        used += (d * (d - 1)) / 2;
      } else if (settings.posterior === "gk-amortized") {
        g = encoded.slice(used, used + d).map(shapeG);
        k = encoded.slice(used + d, used + 2 * d).map(shapeK);
        used += 2 * d;
      } else if (shared) {
        g = Float64Array.from(shared.g, shapeG);
        k = Float64Array.from(shared.k, shapeK);
      }

      const draw = (u) => {
        let logQ = 0, at = 0;
        let z = new Float64Array(d);
        for (let j = 0; j < d; j++) {
          let noise = g ? gkQuantile(u[j], g[j], k[j]) : u[j];
          for (let i = 0; mixing && i < j; i++) noise += mixing[at++] * u[i];
          z[j] = mean[j] + Math.exp(logScale[j]) * noise;
          logQ -= HALF_LOG_2PI + u[j] * u[j] / 2 + logScale[j] + (g ? gkLogSlope(u[j], g[j], k[j]) : 0);
        }
        const flow = flows[settings.posterior_flow];
        for (let i = 0; flow && i < Number(settings.posterior_layers); i++) {
          const width = flow.width(d), start = used + i * width;
          const moved = flow.apply(encoded.subarray(start, start + width), z, d, i);
          z = moved.z;
          logQ -= moved.logDet;
        }
        return {z, logQ};
      };
      return {mean, scale: logScale.map(Math.exp), draw};
    };
  };

  return {create};
})();
