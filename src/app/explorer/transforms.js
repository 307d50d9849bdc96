/* Conditional transforms of single numbers, whose raw parameters a network computes (docs/model.md, "Prior
 * flow"). A transform is {width, forward, inverse}: the raw parameters of a number, and the two maps by
 * raw(p), the raw parameter p. forward() gives [y, log ∂y/∂x]. */
const Transforms = (() => {
  const {gkQuantile, gkLogSlope, gkScore} = Numbers;

  const affine = (settings) => {
    const bound = Number(settings.log_scale_bound);
    return {
      width: 2,
      forward: (x, raw) => {
        const s = bound * Math.tanh(raw(0));
        return [(x - raw(1)) * Math.exp(-s), -s];
      },
      inverse: (y, raw) => y * Math.exp(bound * Math.tanh(raw(0))) + raw(1),
    };
  };

  const spline = (settings) => {
    const bins = Number(settings.spline_bins), edge = Number(settings.spline_bound);
    const bound = Number(settings.log_scale_bound);

    /* Sizes of the bins by their logits, raw(first) and up. */
    const sizes = (raw, first) => {
      let greatest = -Infinity, sum = 0;
      for (let k = 0; k < bins; k++) greatest = Math.max(greatest, raw(first + k));
      for (let k = 0; k < bins; k++) sum += Math.exp(raw(first + k) - greatest);
      return Array.from(
        {length: bins}, (_, k) => 2 * edge * (0.4 / bins + 0.6 * Math.exp(raw(first + k) - greatest) / sum));
    };

    /* The bin with x = place, or with y = place. */
    const find = (raw, place, byHeight) => {
      const widths = sizes(raw, 0), heights = sizes(raw, bins);
      const slope = (k) => (k < 0 || k >= bins - 1 ? 1 : Math.exp(bound * Math.tanh(raw(2 * bins + k))));
      let x0 = -edge, y0 = -edge, k = 0;
      for (; k < bins - 1 && place >= (byHeight ? y0 + heights[k] : x0 + widths[k]); k++) {
        x0 += widths[k];
        y0 += heights[k];
      }
      const w = widths[k], h = heights[k], s = h / w, start = slope(k - 1), end = slope(k);
      return {x0, y0, w, h, s, start, end, twist: start + end - 2 * s};
    };

    return {
      width: 3 * bins - 1,
      forward: (x, raw) => {
        if (!(Math.abs(x) < edge)) return [x, 0];
        const {x0, y0, w, h, s, start, end, twist} = find(raw, x, false);
        const xi = (x - x0) / w, both = xi * (1 - xi), below = s + twist * both;
        const slope = s * s * (end * xi * xi + 2 * s * both + start * (1 - xi) ** 2) / (below * below);
        return [y0 + h * (s * xi * xi + start * both) / below, Math.log(slope)];
      },
      inverse: (y, raw) => {
        if (!(Math.abs(y) < edge)) return y;
        const {x0, y0, w, h, s, start, twist} = find(raw, y, true), rise = y - y0, bend = rise * twist;
        const a2 = h * (s - start) + bend, a1 = h * start - bend;
        return x0 + w * 2 * s * rise / (a1 + Math.sqrt(Math.max(0, a1 * a1 + 4 * a2 * s * rise)));
      },
    };
  };

  /* The inverse of a g-and-k quantile function. */
  const gk = (settings) => {
    const bound = Number(settings.log_scale_bound);
    const repeats = Math.ceil(Number(settings.prior_layers) / 2), c = 1 - 0.2 ** (1 / repeats);
    const shape = (raw) => {
      const t = Math.tanh(raw(3));
      return {
        A: raw(1),
        logB: bound * Math.tanh(raw(0)),
        g: 2 * Math.tanh(raw(2) / 2),
        k: (t < 0 ? 0.05 : 0.5) / repeats * t
      };
    };
    return {
      width: 4,
      forward: (x, raw) => {
        const {A, logB, g, k} = shape(raw), y = gkScore((x - A) / Math.exp(logB), g, k, undefined, c);
        return [y, -logB - gkLogSlope(y, g, k, c)];
      },
      inverse: (y, raw) => {
        const {A, logB, g, k} = shape(raw);
        return A + Math.exp(logB) * gkQuantile(y, g, k, c);
      },
    };
  };

  return {affine, spline, gk};
})();
