/* The flow of the prior, a RealNVP between z and ε, layer by layer. */
const Flow = (() => {
  /* The dimensions that a layer changes, and those that it reads (docs/model.md, "Prior flow"). */
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

  const create = (tensors, settings, d) => {
    const layers = [];
    const count = settings.prior_flow === "realnvp" ? Number(settings.prior_layers) : 0;
    const bound = Number(settings.log_scale_bound);
    for (let i = 0; i < count; i++)
      layers.push({...split(d, i), network: Network.mlp(tensors, `prior.flow.${i}`, 2, "leaky")});

    /* The log-scales and the shifts of a layer. */
    const coupling = (layer, x) => {
      const out = layer.network(Float64Array.from(layer.kept, (j) => x[j]));
      const n = layer.moved.length;
      for (let i = 0; i < n; i++) out[i] = bound * Math.tanh(out[i]);
      return {scale: out.subarray(0, n), shift: out.subarray(n)};
    };

    /* z to ε: {eps, logDet, steps}, where steps are z, the result of each layer, and so ε, each
     * with the sum of log-determinants so far. */
    const normalise = (z) => {
      let x = Float64Array.from(z), logDet = 0;
      const steps = [{x, logDet}];
      for (const layer of layers) {
        const {scale, shift} = coupling(layer, x);
        x = Float64Array.from(x);
        layer.moved.forEach((j, i) => {
          x[j] = (x[j] - shift[i]) * Math.exp(-scale[i]);
          logDet -= scale[i];
        });
        steps.push({x, logDet});
      }
      return {eps: x, logDet, steps};
    };

    /* ε to z. */
    const generate = (eps) => {
      const x = Float64Array.from(eps);
      for (let l = layers.length - 1; l >= 0; l--) {
        const {scale, shift} = coupling(layers[l], x);
        layers[l].moved.forEach((j, i) => (x[j] = x[j] * Math.exp(scale[i]) + shift[i]));
      }
      return x;
    };

    return {layers: layers.length, normalise, generate, moved: (l) => layers[l].moved};
  };

  return {create};
})();
