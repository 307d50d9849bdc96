"use strict";

/* The arrays of the page: compressed bytes in base64 to typed arrays, by the entries of the
 * description. float16 becomes float32. */
const Tensors = (() => {
  const bytesOf = (text) => {
    const binary = atob(text.trim());
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  };

  /* The number of a float16 (IEEE 754 binary16). */
  const half = (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  };

  /* All 65536 float16 numbers, since a table is faster than arithmetic. */
  const halves = () => {
    const table = new Float32Array(65536);
    for (let i = 0; i < 65536; i++) table[i] = half(i);
    return table;
  };

  const sizeOf = (shape) => shape.reduce((product, n) => product * n, 1);

  /* The bytes of zlib's format. */
  const inflate = async (bytes) => {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  /* Resolves to get(name): {values, shape}, or null if there is no such array. Of an array come the
   * lowest bytes of all elements, then the next ones. */
  const open = async (entries, text) => {
    const bytes = await inflate(bytesOf(text)), table = halves();
    const read = {
      u8: (at, n) => bytes.subarray(at, at + n),
      f16: (at, n) => {
        const values = new Float32Array(n);
        for (let i = 0; i < n; i++) values[i] = table[bytes[at + i] | (bytes[at + n + i] << 8)];
        return values;
      },
      f32: (at, n) => {
        const whole = new Uint32Array(n);
        for (let i = 0; i < n; i++)
          whole[i] = bytes[at + i] | (bytes[at + n + i] << 8) | (bytes[at + 2 * n + i] << 16) |
            (bytes[at + 3 * n + i] << 24);
        return new Float32Array(whole.buffer);
      },
    };
    const opened = new Map();
    return (name) => {
      const entry = entries[name];
      if (!entry) return null;
      if (!opened.has(name))
        opened.set(name, {values: read[entry.type](entry.offset, sizeOf(entry.shape)), shape: entry.shape});
      return opened.get(name);
    };
  };

  return {open, half};
})();
