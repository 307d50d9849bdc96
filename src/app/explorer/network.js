/* The networks of encoder, decoder and couplings (docs/model.md). An image is stored row by row with
 * the channels of a pixel as neighbours. */
const Network = (() => {
  const {sigmoid} = Numbers;

  /* y = W x + b with W [outputs, inputs]; eight rows at a time, which share the reads of x. */
  const linear = (weight, bias, x) => {
    const outputs = bias.length, n = x.length, y = new Float64Array(outputs);
    let o = 0;
    for (; o + 8 <= outputs; o += 8) {
      const p = o * n, p1 = p + n, p2 = p1 + n, p3 = p2 + n, p4 = p3 + n, p5 = p4 + n, p6 = p5 + n,
            p7 = p6 + n;
      let y0 = 0, y1 = 0, y2 = 0, y3 = 0, y4 = 0, y5 = 0, y6 = 0, y7 = 0;
      for (let i = 0; i < n; i++) {
        const v = x[i];
        y0 += weight[p + i] * v;
        y1 += weight[p1 + i] * v;
        y2 += weight[p2 + i] * v;
        y3 += weight[p3 + i] * v;
        y4 += weight[p4 + i] * v;
        y5 += weight[p5 + i] * v;
        y6 += weight[p6 + i] * v;
        y7 += weight[p7 + i] * v;
      }
      y.set([y0, y1, y2, y3, y4, y5, y6, y7], o);
    }
    for (; o < outputs; o++)
      for (let i = 0; i < n; i++) y[o] += weight[o * n + i] * x[i];
    for (o = 0; o < outputs; o++) y[o] += bias[o];
    return y;
  };

  /* LayerNorm of x[first, first + n), then SiLU, in place. */
  const normSilu = (gain, shift, x, first, n) => {
    let mean = 0, variance = 0;
    for (let i = 0; i < n; i++) mean += x[first + i];
    mean /= n;
    for (let i = 0; i < n; i++) variance += (x[first + i] - mean) ** 2;
    const scale = 1 / Math.sqrt(variance / n + 1e-5);
    for (let i = 0; i < n; i++) {
      const h = (x[first + i] - mean) * scale * gain[i] + shift[i];
      x[first + i] = h * sigmoid(h);
    }
  };

  const parameters = (tensors, name) => ({
    weight: tensors(name + ".weight").values,
    bias: tensors(name + ".bias").values,
  });
  const apply = (layer, x) => linear(layer.weight, layer.bias, x);

  /* --- Perceptrons --- */

  const activations = {
    silu: (layer, h) => {
      normSilu(layer.norm.weight, layer.norm.bias, h, 0, h.length);
      return h;
    },
    residual: (layer, h, before, i) => {
      normSilu(layer.norm.weight, layer.norm.bias, h, 0, h.length);
      if (i > 0)
        for (let j = 0; j < h.length; j++) h[j] += before[j];
      return h;
    },
    gated: (layer, h) => {
      const n = h.length / 2;
      return Float64Array.from({length: n}, (_, j) => h[j] * sigmoid(h[n + j]));
    },
    leaky: (layer, h) => {
      for (let j = 0; j < h.length; j++)
        if (h[j] < 0) h[j] *= 0.01;
      return h;
    },
  };

  /* Returns the function of a perceptron with hidden layers of a form. */
  const mlp = (tensors, name, count, form) => {
    const layers = [];
    for (let i = 0; i < count; i++) {
      const layer = parameters(tensors, `${name}.layers.${i}.linear`);
      if (form === "silu" || form === "residual")
        layer.norm = parameters(tensors, `${name}.layers.${i}.norm`);
      layers.push(layer);
    }
    const output = parameters(tensors, name + ".output");
    return (x) => {
      layers.forEach((layer, i) => (x = activations[form](layer, apply(layer, x), x, i)));
      return apply(output, x);
    };
  };

  /* --- Convolutional networks --- */

  /* A map is {height, width, channels, values}. */
  const map = (height, width, channels, values) =>
    ({height, width, channels, values: values || new Float64Array(height * width * channels)});

  /* A convolution by a weight [kernel²·inputs, outputs]; outside the map is zero. Four outputs at a time have
     their sums in variables, which takes half the time of sums in an array. */
  const convolve = (layer, from, {withBias = true, stride = 1} = {}) => {
    const {weight, bias} = layer, {channels: inputs, width, values} = from, {outputs} = layer;
    const side = Math.round(Math.sqrt(weight.length / (inputs * outputs))), reach = (side - 1) / 2;
    const to = map(Math.ceil(from.height / stride), Math.ceil(width / stride), outputs);
    for (let toY = 0; toY < to.height; toY++)
      for (let toX = 0; toX < to.width; toX++) {
        const y = toY * stride - reach, x = toX * stride - reach;
        const top = Math.max(0, -y), bottom = Math.min(side, from.height - y);
        const left = Math.max(0, -x), right = Math.min(side, width - x);
        const place = (toY * to.width + toX) * outputs;
        for (let o = 0; o < outputs; o += 4) {
          let sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
          if (withBias) [sum0, sum1, sum2, sum3] = [bias[o], bias[o + 1], bias[o + 2], bias[o + 3]];
          for (let i = top; i < bottom; i++) {
            const first = ((y + i) * width + x + left) * inputs, count = (right - left) * inputs;
            let row = (i * side + left) * inputs * outputs + o;
            for (let k = first; k < first + count; k++, row += outputs) {
              const value = values[k];
              sum0 += value * weight[row];
              sum1 += value * weight[row + 1];
              sum2 += value * weight[row + 2];
              sum3 += value * weight[row + 3];
            }
          }
          to.values[place + o] = sum0;
          if (o + 1 < outputs) to.values[place + o + 1] = sum1;
          if (o + 2 < outputs) to.values[place + o + 2] = sum2;
          if (o + 3 < outputs) to.values[place + o + 3] = sum3;
        }
      }
    return to;
  };

  /* Each 2×2 pixels become one pixel with four times the channels; shuffle() is the inverse. */
  const unshuffle = (from) => {
    const to = map(from.height / 2, from.width / 2, 4 * from.channels), c = from.channels;
    for (let y = 0; y < from.height; y++)
      for (let x = 0; x < from.width; x++) {
        const place = ((y >> 1) * to.width + (x >> 1)) * to.channels + ((y & 1) * 2 + (x & 1)) * c;
        const at = (y * from.width + x) * c;
        for (let i = 0; i < c; i++) to.values[place + i] = from.values[at + i];
      }
    return to;
  };
  const shuffle = (from) => {
    const c = from.channels / 4, to = map(2 * from.height, 2 * from.width, c);
    for (let y = 0; y < to.height; y++)
      for (let x = 0; x < to.width; x++) {
        const at = ((y >> 1) * from.width + (x >> 1)) * from.channels + ((y & 1) * 2 + (x & 1)) * c;
        const place = (y * to.width + x) * c;
        for (let i = 0; i < c; i++) to.values[place + i] = from.values[at + i];
      }
    return to;
  };

  const normMap = (norm, from) => {
    const to = map(from.height, from.width, from.channels, Float64Array.from(from.values));
    for (let p = 0; p < to.values.length; p += to.channels)
      normSilu(norm.weight, norm.bias, to.values, p, to.channels);
    return to;
  };

  const conv = (tensors, name) => {
    const layer = parameters(tensors, name);
    layer.outputs = tensors(name + ".weight").shape[1];
    return layer;
  };

  /* Each channel by itself, by a weight [3·3, channels]; outside the map is zero. */
  const depthwise = (layer, from) => {
    const c = from.channels, to = map(from.height, from.width, c);
    for (let y = 0; y < from.height; y++)
      for (let x = 0; x < from.width; x++) {
        const place = (y * from.width + x) * c;
        for (let o = 0; o < c; o++) to.values[place + o] = layer.bias[o];
        for (let i = Math.max(0, 1 - y); i < Math.min(3, from.height + 1 - y); i++)
          for (let j = Math.max(0, 1 - x); j < Math.min(3, from.width + 1 - x); j++) {
            const at = ((y + i - 1) * from.width + x + j - 1) * c, row = (i * 3 + j) * c;
            for (let o = 0; o < c; o++) to.values[place + o] += from.values[at + o] * layer.weight[row + o];
          }
      }
    return to;
  };

  /* A convolution of a block: of all channels, or depthwise and then 1×1. */
  const blockConv = (tensors, block, number) => {
    const whole = conv(tensors, `${block}conv${number}`);
    if (!tensors(`${block}depthwise${number}.weight`)) return (x) => convolve(whole, x);
    const single = parameters(tensors, `${block}depthwise${number}`);
    return (x) => convolve(whole, depthwise(single, x));
  };

  /* Residual blocks: a map plus the convolutions of its normalised values. */
  const blocks = (tensors, name, count) => {
    const list = [];
    for (let i = 0; i < count; i++)
      list.push({
        norm: parameters(tensors, `${name}.${i}.norm`),
        one: blockConv(tensors, `${name}.${i}.`, 1),
        two: blockConv(tensors, `${name}.${i}.`, 2),
      });
    return (x) => {
      for (const block of list) {
        const h = block.one(normMap(block.norm, x));
        for (let i = 0; i < h.values.length; i++) h.values[i] *= sigmoid(h.values[i]);
        const branch = block.two(h);
        for (let i = 0; i < branch.values.length; i++) branch.values[i] += x.values[i];
        x = branch;
      }
      return x;
    };
  };

  const convEncoder = (tensors, image, count) => {
    const height = 4 * Math.ceil(image.height / 4), width = 4 * Math.ceil(image.width / 4);
    const input = conv(tensors, "encoder.input"), down = conv(tensors, "encoder.down");
    const half = blocks(tensors, "encoder.half", count), quarter = blocks(tensors, "encoder.quarter", count);
    const strideNorm = tensors("encoder.half.norm.weight") ? parameters(tensors, "encoder.half.norm") : null;
    const norm = parameters(tensors, "encoder.norm"), output = parameters(tensors, "encoder.output");
    return (x) => {
      const padded = map(height, width, image.channels), row = image.width * image.channels;
      for (let y = 0; y < image.height; y++)
        padded.values.set(x.subarray(y * row, (y + 1) * row), y * width * image.channels);
      const first = half(convolve(input, unshuffle(padded)));
      const second = strideNorm ? convolve(down, normMap(strideNorm, first), {stride: 2}) :
                                  convolve(down, unshuffle(first));
      return apply(output, normMap(norm, quarter(second)).values);
    };
  };

  const convDecoder = (tensors, image, count) => {
    const height = Math.ceil(image.height / 4), width = Math.ceil(image.width / 4);
    const input = parameters(tensors, "decoder.input"), up = conv(tensors, "decoder.up");
    const half = blocks(tensors, "decoder.half", count), quarter = blocks(tensors, "decoder.quarter", count);
    const norm = parameters(tensors, "decoder.norm"), output = conv(tensors, "decoder.output");
    const values = image.height * image.width * image.channels, planes = output.bias.length / values;
    return (z) => {
      const start = map(height, width, input.bias.length / (height * width), apply(input, z));
      const small =
        convolve(output, normMap(norm, half(shuffle(convolve(up, quarter(start))))), {withBias: false});
      const result = Float64Array.from(output.bias), channels = 4 * image.channels;
      for (let p = 0; p < planes; p++) {  // each number of a value has channels of its own
        const plane = map(small.height, small.width, channels);
        for (let i = 0; i < small.height * small.width; i++)
          for (let c = 0; c < channels; c++)
            plane.values[i * channels + c] = small.values[i * small.channels + p * channels + c];
        const whole = shuffle(plane), row = image.width * image.channels;
        for (let y = 0; y < image.height; y++)
          for (let i = 0; i < row; i++)
            result[p * values + y * row + i] += whole.values[y * whole.width * image.channels + i];
      }
      return result;
    };
  };

  return {mlp, convEncoder, convDecoder};
})();
