"""Reads ONNX files and runs their graphs, with NumPy alone: the operators that gkvae writes.

read(path) parses the wire format of protocol buffers; run(model, inputs) evaluates the graph in
float32. It is independent of the writer and of every runtime.
"""
import math
import struct

import numpy as np

# --- The wire format -------------------------------------------------------------------------------------------------


def fields(data):
    """The fields of a message: (number, value), where a value is a whole number, four bytes or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
            yield key >> 3, value - (1 << 64) if value >> 63 else value
        elif kind == 2:
            length = varint()
            if at + length > len(data):
                raise ValueError(f"field {key >> 3} has {length} bytes, but {len(data) - at} are left")
            yield key >> 3, data[at : at + length]
            at += length
        elif kind == 5:
            yield key >> 3, data[at : at + 4]
            at += 4
        else:
            raise ValueError(f"a field of kind {kind}")


def collect(data):
    """The fields of a message as {number: [values]}."""
    found = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def text(message, number):
    return message.get(number, [b""])[0].decode()


def tensor(data):
    it = collect(data)
    kind = {1: "<f4", 7: "<i8"}[it[2][0]]
    return text(it, 8), np.frombuffer(it[9][0], kind).reshape(it.get(1, []))


def attribute(data):
    it = collect(data)
    kind = it[20][0]
    if kind == 1:
        value = struct.unpack("<f", it[2][0])[0]
    elif kind == 2:
        value = it[3][0]
    elif kind == 3:
        value = it[4][0].decode()
    else:
        value = it.get(8, [])
    return text(it, 1), value


def port(data):
    it = collect(data)
    kind = collect(collect(it[2][0])[1][0])
    dimensions = [collect(d) for d in collect(kind[2][0]).get(1, [])]
    return text(it, 1), [d[1][0] if 1 in d else text(d, 2) for d in dimensions]


def read(path):
    """A model: its nodes, tensors, inputs, outputs, and what the file says of itself."""
    with open(path, "rb") as file:
        model = collect(file.read())
    graph = collect(model[7][0])
    nodes = []
    for data in graph.get(1, []):
        it = collect(data)
        nodes.append((text(it, 4), [n.decode() for n in it.get(1, [])], [n.decode() for n in it[2]],
                      dict(attribute(a) for a in it.get(5, []))))
    return {"ir": model[1][0], "opset": collect(model[8][0])[2][0], "name": text(graph, 2), "nodes": nodes,
            "tensors": dict(tensor(t) for t in graph.get(5, [])),
            "inputs": dict(port(p) for p in graph.get(11, [])), "outputs": dict(port(p) for p in graph[12]),
            "entries": {text(collect(e), 1): text(collect(e), 2) for e in model.get(14, [])}}


# --- Operators -------------------------------------------------------------------------------------------------------

erf = np.vectorize(math.erf, otypes=[np.float32])


def convolve(x, weight, bias=None, pads=(0, 0, 0, 0), strides=(1, 1), group=1):
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    if group > 1:
        parts = zip(np.split(x, group, 1), np.split(weight, group))
        y = np.concatenate([convolve(own, kernel, strides=strides) for own, kernel in parts], 1)
        return y if bias is None else y + bias[:, None, None]
    out, _, high, wide = weight.shape
    height, width = x.shape[2] - high + 1, x.shape[3] - wide + 1
    y = np.zeros((len(x), out, height, width), np.float32)
    for i in range(high):
        for j in range(wide):
            y += np.einsum("nchw,oc->nohw", x[:, :, i : i + height, j : j + width], weight[:, :, i, j])
    y = y[:, :, :: strides[0], :: strides[1]]
    return y if bias is None else y + bias[:, None, None]


def normalise(x, scale, shift, axis, epsilon):
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + shift


def space_to_depth(x, blocksize):
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // blocksize, blocksize, w // blocksize, blocksize)
    return x.transpose(0, 3, 5, 1, 2, 4).reshape(n, -1, h // blocksize, w // blocksize)


def depth_to_space(x, blocksize, mode):
    assert mode == "DCR"
    n, c, h, w = x.shape
    x = x.reshape(n, blocksize, blocksize, -1, h, w)
    return x.transpose(0, 3, 4, 1, 5, 2).reshape(n, -1, h * blocksize, w * blocksize)


def cut(x, begin, end, axis):
    which = [slice(None)] * x.ndim
    which[int(axis[0])] = slice(int(begin[0]), int(end[0]))
    return x[tuple(which)]


def pad(x, pads, value=0):
    half = len(pads) // 2
    return np.pad(x, [(int(pads[i]), int(pads[half + i])) for i in range(half)], constant_values=value)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


OPERATORS = {
    "Abs": np.abs,
    "Add": np.add,
    "Cast": lambda x, to: x.astype({1: np.float32, 7: np.int64}[to]),
    "Clip": np.clip,
    "Concat": lambda *x, axis: np.concatenate(x, axis),
    "Conv": convolve,
    "DepthToSpace": depth_to_space,
    "Div": np.divide,
    "Elu": lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))),
    "Erf": erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Gather": lambda x, i, axis=0: np.take(x, i, axis),
    "GatherElements": lambda x, i, axis: np.take_along_axis(x, i, axis),
    "Gemm": lambda a, b, c=0, transB=0: a @ (b.T if transB else b) + c,
    "Greater": np.greater,
    "Identity": lambda x: x,
    "LayerNormalization": normalise,
    "LeakyRelu": lambda x, alpha: np.where(x > 0, x, np.float32(alpha) * x),
    "Less": np.less,
    "Log": np.log,
    "MatMul": np.matmul,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Or": np.logical_or,
    "Pad": pad,
    "ReduceMax": lambda x, axes, keepdims: x.max(tuple(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes, keepdims: x.sum(tuple(int(a) for a in axes), keepdims=bool(keepdims)),
    "Relu": lambda x: np.maximum(x, 0),
    "Reshape": lambda x, shape: x.reshape(shape),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sign": np.sign,
    "Slice": cut,
    "Softmax": softmax,
    "SpaceToDepth": space_to_depth,
    "Sqrt": np.sqrt,
    "Squeeze": lambda x, axes: x.squeeze(tuple(int(a) for a in axes)),
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Transpose": lambda x, perm: x.transpose(perm),
    "Unsqueeze": lambda x, axes: np.expand_dims(x, tuple(int(a) for a in axes)),
    "Where": np.where,
}


def run(model, inputs):
    """The outputs of the graph at the inputs, as {name: array}."""
    values = {**model["tensors"], **{name: np.asarray(x, np.float32) for name, x in inputs.items()}}
    with np.errstate(all="ignore"):
        for kind, given, made, attributes in model["nodes"]:
            result = OPERATORS[kind](*(values[name] for name in given), **attributes)
            if result.dtype == np.float64:
                result = result.astype(np.float32)
            values[made[0]] = result
    for name, shape in model["outputs"].items():
        if list(values[name].shape[1:]) != shape[1:]:
            raise ValueError(f"{model['name']}: output {name} is {values[name].shape}, not {shape}")
    return {name: values[name] for name in model["outputs"]}
