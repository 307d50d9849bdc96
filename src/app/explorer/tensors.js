"use strict";

/* The arrays of the page: base64 text to typed arrays, by the entries of the description.
 * Numbers are little-endian; float16 becomes float32. */
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

  /* Returns get(name): {values, shape}, or null if there is no such array. */
  const open = (entries, text) => {
    const bytes = bytesOf(text);
    const view = new DataView(bytes.buffer);
    const table = halves();
    const read = {
      f32: (entry, n) => Float32Array.from({ length: n }, (_, i) => view.getFloat32(entry.offset + 4 * i, true)),
      u8: (entry, n) => bytes.subarray(entry.offset, entry.offset + n),
      f16: (entry, n) => {
        const values = new Float32Array(n);
        for (let i = 0; i < n; i++) values[i] = table[view.getUint16(entry.offset + 2 * i, true)];
        return values;
      },
    };
    const opened = new Map();
    return (name) => {
      const entry = entries[name];
      if (!entry) return null;
      if (!opened.has(name))
        opened.set(name, { values: read[entry.type](entry, sizeOf(entry.shape)), shape: entry.shape });
      return opened.get(name);
    };
  };

  return { open, half };
})();
