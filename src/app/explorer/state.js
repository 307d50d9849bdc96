/* The state of the page, which is also in the address, so that a view can be shared. */
const State = (() => {
  const SCALE = 2048;  // codes are in the address as whole multiples of 1/SCALE

  const packCode = (z) => {
    const bytes = new Uint8Array(2 * z.length);
    z.forEach((v, i) => {
      const whole = Math.max(-32768, Math.min(32767, Math.round(v * SCALE))) & 0xffff;
      bytes[2 * i] = whole & 255;
      bytes[2 * i + 1] = whole >> 8;
    });
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  };
  const unpackCode = (text, d) => {
    try {
      const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
      if (bytes.length !== 2 * d) return null;
      return Float64Array.from({length: d}, (_, i) => {
        const whole = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
        return (whole > 32767 ? whole - 65536 : whole) / SCALE;
      });
    } catch (error) {
      return null;
    }
  };

  /* What a key may be, and what it is at first. */
  const whole = (most) => (text) => {
    const n = Number(text);
    return Number.isInteger(n) && n >= 0 && n <= most ? n : undefined;
  };
  const number = (low, high) => (text) => {
    const n = Number(text);
    return text !== "" && n >= low && n <= high ? n : undefined;
  };
  const word = (...words) => (text) => (words.includes(text) ? text : undefined);

  const read = (text, parsers) => {
    const state = {};
    for (const [key, value] of new URLSearchParams(text.replace(/^#/, ""))) {
      const parsed = parsers[key] && parsers[key](value);
      if (parsed !== undefined && parsed !== null) state[key] = parsed;
    }
    return state;
  };

  /* `fixed` are the values that need not be in the address. */
  const write = (state, fixed) => {
    const pairs = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (value == null || value === fixed[key]) continue;
      pairs.set(key, value instanceof Float64Array ? packCode(value) : String(value));
    }
    return "#" + pairs;
  };

  return {read, write, unpackCode, whole, number, word};
})();
