/* The model: encoder, posterior, flow, base, decoder and likelihood, and what they give together. */
const Model = (() => {
  const create = (about, tensors) => {
    const {settings, latent: d, height, width, channels} = about;
    const image = {height, width, channels}, values = height * width * channels;
    const inputMean = tensors("encoder.input_mean").values, isConv = settings.net === "conv";
    const encoder = isConv ? Network.convEncoder(tensors, image, Number(settings.conv_blocks)) :
                             Network.mlp(tensors, "encoder", Number(settings.layers), settings.block);
    const decoder = isConv ? Network.convDecoder(tensors, image, Number(settings.conv_blocks)) :
                             Network.mlp(tensors, "decoder", Number(settings.layers), settings.block);
    const posteriorOf = Posterior.create(tensors, settings, d);
    const flow = Flow.create(tensors, settings, d), base = Base.create(tensors, settings, d);
    const likelihood = Likelihood.create(tensors, about);

    /* The posterior of an image, which has the form that the model sees. */
    const encode = (x) => posteriorOf(encoder(Float64Array.from(x, (v, i) => v - inputMean[i])));
    /* The code of an image: z at the noise 0. */
    const code = (x) => encode(x).draw(new Float64Array(d)).z;

    const outputs = (z) => decoder(z);
    const decode = (z) => likelihood.mean(decoder(z));
    const costOf = (outputs, x) => likelihood.cost(outputs, x);
    const cost = (x, z) => likelihood.cost(decoder(z), x);

    const logPrior = (z) => {
      const {eps, logDet} = flow.normalise(z);
      return base.density(eps) + logDet;
    };

    /* The parts of −ELBO at one draw of the posterior. */
    const bound = (x, posterior, u) => {
      const {z, logQ} = posterior.draw(u), redrawing = cost(x, z), logP = logPrior(z);
      return {z, redrawing, code: logQ - logP, total: redrawing + logQ - logP};
    };

    /* The mean −ELBO of an image over some draws, always the same ones. */
    const negElbo = (x, posterior, draws = 16) => {
      const random = Numbers.random(1), mean = {redrawing: 0, code: 0, total: 0};
      for (let i = 0; i < draws; i++) {
        const one = bound(x, posterior, random.normals(d));
        for (const part of Object.keys(mean)) mean[part] += one[part] / draws;
      }
      return mean;
    };

    /* An image as the model sees it: black or white for a model of binary pixels. */
    const target = (x) =>
      (about.pixels === "binary"   ? Float64Array.from(x, (v) => (v >= 0.5 ? 1 : 0)) :
         about.pixels === "levels" ? Float64Array.from(x, (v) => Math.round(255 * v) / 255) :
                                     Float64Array.from(x));

    return {
      about,
      d,
      image,
      values,
      encode,
      code,
      outputs,
      decode,
      cost,
      costOf,
      logPrior,
      bound,
      negElbo,
      target,
      flow,
      base,
      toEps: (z) => flow.normalise(z).eps,
      toZ: (eps) => flow.generate(eps)
    };
  };

  return {create};
})();
