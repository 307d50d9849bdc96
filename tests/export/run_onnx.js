// The comparison of check_onnx.py in ONNX Runtime for Node: usage: node run_onnx.js FOLDER.
// Ends with 77 where the package onnxruntime-node cannot be loaded (NODE_PATH says where to look for it).
"use strict";
const fs = require("fs");
const path = require("path");

let ort;
try {
  ort = require("onnxruntime-node");
} catch {
  console.log("skipped: no Node package onnxruntime-node");
  process.exit(77);
}

const TOLERANCE = 1e-5;

// A .npy file of float32: its rows and its numbers.
function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /\((\d+), (\d*)/.exec(bytes.toString("latin1", 10, start));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  return { rows: Number(shape[1]), values };
}

// The arrays PART.KIND.NAME.npy beside a graph.
function arrays(graph, kind) {
  const folder = path.dirname(graph);
  const prefix = `${path.basename(graph, ".onnx")}.${kind}.`;
  const found = {};
  for (const file of fs.readdirSync(folder).filter((f) => f.startsWith(prefix)))
    found[file.slice(prefix.length, -".npy".length)] = readNpy(path.join(folder, file));
  return found;
}

async function main(root) {
  const worst = {};
  let count = 0, failed = false;
  for (const name of fs.readdirSync(root).sort()) {
    const folder = path.join(root, name);
    for (const file of fs.readdirSync(folder).filter((f) => f.endsWith(".onnx"))) {
      const graph = path.join(folder, file);
      const part = path.basename(file, ".onnx");
      const session = await ort.InferenceSession.create(graph, { intraOpNumThreads: 1 });
      const feeds = {};
      for (const [input, { rows, values }] of Object.entries(arrays(graph, "in")))
        feeds[input] = new ort.Tensor("float32", values, input === "choice" ? [rows] : [rows, values.length / rows]);
      const outputs = await session.run(feeds);
      for (const [output, expected] of Object.entries(arrays(graph, "out"))) {
        const offs = Array.from(expected.values, (wanted, i) =>
          Math.abs(outputs[output].data[i] - wanted) / Math.max(1, Math.abs(wanted)));
        const error = offs.reduce((most, off) => (most >= off ? most : off <= Infinity ? off : NaN), 0);
        count++;
        if (!worst[part] || error > worst[part][0]) worst[part] = [error, name];
        if (!(error <= TOLERANCE) || outputs[output].data.length !== expected.values.length) {
          failed = true;
          console.log(`FAILED: ${name}, ${part}, ${output}: off by ${error}`);
        }
      }
    }
  }
  console.log(`${count} outputs by onnxruntime-node; largest differences: ` +
    Object.entries(worst).map(([part, [error, at]]) => `${part} ${error.toExponential(1)} (${at})`).join(", "));
  process.exitCode = failed || count === 0 ? 1 : 0;
}

main(process.argv[2]);
