/* The images and codes that the page comes with, and directions in the space of codes: the main
 * directions of the codes (PCA), and the directions along which a property of the image changes. */
const Examples = (() => {
  const {dot, distance} = Numbers;

  /* Rows of a tensor; count is 0 without it. */
  const rows = (tensor) => {
    if (!tensor) return {count: 0, at: () => null};
    const [count, width] = [tensor.shape[0], tensor.shape[1] || 1];
    return {count, at: (i) => tensor.values.subarray(i * width, (i + 1) * width)};
  };
  /* The same as numbers: bytes stand for multiples of 1/255. */
  const images = (tensor) => {
    const all = rows(tensor), isBytes = tensor && tensor.values instanceof Uint8Array;
    return {count: all.count, at: (i) => Float64Array.from(all.at(i), (v) => (isBytes ? v / 255 : v))};
  };

  const open = (model, tensors) => {
    const get = (name) => tensors(name);
    const labelsOf = (name) => (get(name) ? get(name).values : null);
    const test = {
      images: images(get("test.images")),
      targets: images(get("test.targets")),
      labels: labelsOf("test.labels"),
      indices: labelsOf("test.indices"),
      before: labelsOf("test.before"),
      after: labelsOf("test.after"),
      refined: rows(get("test.refined.mean")),
      refinedScale: rows(get("test.refined.scale"))
    };
    const codes = rows(get("cloud.codes"));
    const cloud = {
      count: codes.count,
      code: codes.at,
      eps: rows(get("cloud.eps")).at,
      images: images(get("cloud.images")),
      labels: labelsOf("cloud.labels"),
      indices: labelsOf("cloud.indices"),
      logPrior: get("cloud.log_prior").values
    };
    const pictures = new Map();
    /* The image of a code of the cloud, or what the model draws from it. */
    cloud.picture = (i) => {
      if (!pictures.has(i))
        pictures.set(
          i, cloud.images.count ? cloud.images.at(i) : model.decode(Float64Array.from(cloud.code(i))));
      return pictures.get(i);
    };
    /* The nearest codes, as [index, distance], nearest first. */
    cloud.nearest = (z, n) => Array.from({length: cloud.count}, (_, i) => [i, distance(cloud.code(i), z)])
                                .sort((a, b) => a[1] - b[1])
                                .slice(0, n);
    /* The fraction of the cloud with a smaller log p(z). */
    cloud.rank = (logPrior) => cloud.logPrior.filter((v) => v < logPrior).length / cloud.count;
    return {test, cloud};
  };

  /* --- Main directions --- */

  const meanOf = (count, at, d) => {
    const mean = new Float64Array(d);
    for (let i = 0; i < count; i++) at(i).forEach((v, j) => (mean[j] += v / count));
    return mean;
  };

  /* The first directions of the principal components of points at(0), …, by orthogonal iteration:
   * {mean, directions: [unit vector …], sd: […]}. */
  const principal = (count, at, d, wanted) => {
    const mean = meanOf(count, at, d), n = Math.min(wanted, d), random = Numbers.random(7);
    const centred = Array.from({length: count}, (_, i) => Float64Array.from(at(i), (v, j) => v - mean[j]));
    let directions = Array.from({length: n}, () => random.normals(d)), sd = [];
    for (let round = 0; round < 40; round++) {
      const next = directions.map((v) => {
        const sum = new Float64Array(d);
        for (const x of centred) {
          const along = dot(x, v);
          for (let j = 0; j < d; j++) sum[j] += along * x[j] / count;
        }
        return sum;
      });
      sd = [];
      next.forEach((v, i) => {
        for (let k = 0; k < i; k++) {
          const along = dot(v, next[k]);
          for (let j = 0; j < d; j++) v[j] -= along * next[k][j];
        }
        const size = Math.sqrt(dot(v, v)) || 1;
        sd.push(Math.sqrt(size));
        for (let j = 0; j < d; j++) v[j] /= size;
      });
      directions = next;
    }
    /* The sign is arbitrary: the largest element is positive. */
    for (const v of directions) {
      const largest = v.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
      if (largest < 0)
        for (let j = 0; j < d; j++) v[j] = -v[j];
    }
    return {mean, directions, sd};
  };

  /* --- Properties of an image --- */

  const luma = (x, image, p) => {
    if (image.channels === 1) return x[p];
    return 0.299 * x[3 * p] + 0.587 * x[3 * p + 1] + 0.114 * x[3 * p + 2];
  };

  /* Sums over pixels: ink, moments about the centre, and the length of the outline. */
  const moments = (x, image) => {
    const {height, width} = image;
    let ink = 1e-9, mx = 0, my = 0, outline = 1e-9;
    const value = (i, j) => (i < height && j < width ? luma(x, image, i * width + j) : 0);
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const v = value(i, j);
        ink += v;
        mx += v * j;
        my += v * i;
        outline += Math.hypot(value(i + 1, j) - v, value(i, j + 1) - v);
      }
    mx /= ink;
    my /= ink;
    let xx = 0, xy = 0, yy = 1e-9;
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const v = value(i, j);
        xx += v * (j - mx) ** 2;
        xy += v * (j - mx) * (i - my);
        yy += v * (i - my) ** 2;
      }
    return {ink, xx, xy, yy, outline};
  };

  const properties = [
    {name: "Stroke thickness", ends: "thinner ↔ thicker", of: (m) => 2 * m.ink / m.outline},
    {name: "Slant", ends: "leaning left ↔ leaning right", of: (m) => -m.xy / m.yy},
    {name: "Width", ends: "narrow ↔ wide", of: (m) => Math.sqrt(m.xx / m.ink)},
    {name: "Height", ends: "low ↔ tall", of: (m) => Math.sqrt(m.yy / m.ink)},
  ];
  const brightness = [{name: "Brightness", ends: "darker ↔ brighter", of: (m) => m.ink}];

  /* The direction of each property: the regression of codes on the property, for images of one
   * class, and so the step of a code for one standard deviation of the property. */
  const styles = (model, cloud, isInk) => {
    const {d} = model, list = isInk ? properties : brightness;
    const measured = Array.from({length: cloud.count}, (_, i) => moments(cloud.picture(i), model.image));
    const group = (i) => (cloud.labels ? cloud.labels[i] : 0);
    const groups = new Map();
    for (let i = 0; i < cloud.count; i++) {
      if (!groups.has(group(i))) groups.set(group(i), []);
      groups.get(group(i)).push(i);
    }
    const codeMean = new Map([...groups].map(
      ([label, members]) => [label, meanOf(members.length, (i) => cloud.code(members[i]), d)]));
    return list.map((property) => {
      const step = new Float64Array(d);
      let variance = 0;
      for (const [label, members] of groups) {
        const values = members.map((i) => property.of(measured[i]));
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        members.forEach((i, m) => {
          const away = values[m] - mean, code = cloud.code(i);
          variance += away * away / cloud.count;
          for (let j = 0; j < d; j++) step[j] += away * (code[j] - codeMean.get(label)[j]) / cloud.count;
        });
      }
      const sd = Math.sqrt(variance) || 1;
      return {name: property.name, ends: property.ends, step: step.map((v) => v / sd)};
    });
  };

  return {open, principal, styles};
})();
