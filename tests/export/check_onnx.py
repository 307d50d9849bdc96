"""Compares ONNX files with what the library computed: usage: check_onnx.py FOLDER [numpy|onnxruntime].

FOLDER/CASE/PART.onnx is a graph, PART.in.NAME.npy its inputs and PART.out.NAME.npy the expected outputs. With
python3-onnx every file is checked by onnx.checker first. Prints the largest difference of each part, relative to the
larger of 1 and the value, and ends with 1 if one is above the tolerance. 77 without the runtime.
"""
import pathlib
import sys

import numpy as np

from onnx_numpy import read, run

TOLERANCE = 1e-5


def runtime(name):
    """The function that runs the graph of a file at its inputs."""
    if name == "numpy":
        return lambda path, inputs: run(read(path), inputs)
    try:
        import onnxruntime
    except ImportError:
        print("skipped: no Python package onnxruntime")
        sys.exit(77)

    def by_onnxruntime(path, inputs):
        session = onnxruntime.InferenceSession(str(path))
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))

    return by_onnxruntime


def checker():
    try:
        import onnx
    except ImportError:
        return None
    return lambda path: onnx.checker.check_model(onnx.load(str(path)), full_check=True)


def arrays(path, kind, ports):
    """Arrays NAME.npy of a graph's inputs or outputs, in the shapes of the ports."""
    found = {}
    for file in sorted(path.parent.glob(f"{path.stem}.{kind}.*.npy")):
        name = file.name.split(".")[2]
        found[name] = np.load(file).astype(np.float32)
        found[name] = found[name].reshape([-1] + ports[name][1:])
    return found


def consistent(outputs):
    """Outputs that follow from others: the density of a mixture is the sum of those of its components."""
    if "component_log_prob" in outputs:
        for name in ("component_log_prob", "class_log_prob"):
            if name in outputs:
                total = np.logaddexp.reduce(outputs[name].astype(float), axis=1)
                yield name, total, outputs["log_prob"]


def main(folder, engine):
    execute, check = runtime(engine), checker()
    worst, count, failed = {}, 0, False
    for path in sorted(pathlib.Path(folder).glob("*/*.onnx")):
        model = read(path)
        if (model["ir"], model["opset"]) != (8, 17):
            sys.exit(f"{path}: IR version {model['ir']} and opset {model['opset']}")
        if check:
            check(path)
        inputs, expected = arrays(path, "in", model["inputs"]), arrays(path, "out", model["outputs"])
        if set(inputs) != set(model["inputs"]) or not expected:
            sys.exit(f"{path}: inputs {set(model['inputs'])}, outputs {set(model['outputs'])}")
        outputs = execute(path, inputs)
        pairs = [(name, outputs[name], expected[name]) for name in expected] + list(consistent(outputs))
        for name, got, wanted in pairs:
            error = np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted)))
            count += 1
            worst[path.stem] = max(worst.get(path.stem, (0, "")), (float(error), path.parent.name))
            if not error <= TOLERANCE:
                failed = True
                print(f"FAILED: {path.parent.name}, {path.stem}, {name}: off by {error:.2g}")
        for name, got in outputs.items():
            if not np.all(np.isfinite(got)):
                failed = True
                print(f"FAILED: {path.parent.name}, {path.stem}, {name} is not finite")
    print(f"{count} outputs by {engine}{', files checked by onnx.checker' if check else ''}; largest differences: " +
          ", ".join(f"{part} {error:.1e} ({case})" for part, (error, case) in sorted(worst.items())))
    sys.exit(1 if failed or count == 0 else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "numpy")
