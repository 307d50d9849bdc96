"""Draws 64 digits from a trained model with NumPy alone:
    python3 load_model.py RUN/model.safetensors samples.pgm"""
import json, sys
import numpy as np

raw = open(sys.argv[1], "rb").read()
start = 8 + int.from_bytes(raw[:8], "little")
header = json.loads(raw[8:start])
settings = header.pop("__metadata__")
at = {name: slice(*(start + o for o in entry["data_offsets"])) for name, entry in header.items()}
t = {name: np.frombuffer(raw[at[name]], "<f4").reshape(header[name]["shape"]) for name in header}
d, height, width = (int(settings[key]) for key in ("model.latent", "image.height", "image.width"))

def linear(name, x):
    return x @ t[name + ".weight"].T + t[name + ".bias"]

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

random = np.random.default_rng(1)
z = random.standard_normal((64, d))
base = {name.removeprefix("prior.base."): t[name] for name in t if name.startswith("prior.base.")}
if "logits" in base:            # a mixture: a component for each row, by weight
    weights = np.exp(base["logits"] - base["logits"].max())
    which = random.choice(len(weights), len(z), p=weights / weights.sum())
    if "whitening" in base:     # correlated normal scores …
        w = base["whitening"].reshape(-1, d, d)[which]
        z = np.linalg.solve(w.transpose(0, 2, 1), z[:, :, None])[:, :, 0]
    base = {name: base[name][which] for name in ("location", "scale", "g", "k") if name in base}
if "cholesky" in base:
    z = z @ base["cholesky"].T
if "g" in base:                 # … to g-and-k margins
    z = (1 + 0.8 * np.tanh(base["g"] * z / 2)) * z * (1 + z * z) ** base["k"]
if "log_freedom" in base:       # or Student's t
    z = random.standard_t(np.exp(base["log_freedom"]), z.shape)
if "scale" in base:
    z = base["location"] + base["scale"] * z

if settings["model.prior_flow"] not in ("none", "realnvp"):
    sys.exit(f"{sys.argv[1]}: this example reads realnvp flows, not {settings['model.prior_flow']}")
flow_layers = int(settings["model.prior_layers"]) if settings["model.prior_flow"] == "realnvp" else 0
splits = 1 + sum(2**i <= d // 2 for i in range(1, 64))
for layer in reversed(range(flow_layers)):  # RealNVP, from ε to z
    split = layer // 2 % splits
    moved = np.arange(d) >= d // 2 if split == 0 else (np.arange(d) >> (split - 1)) % 2 == 1
    moved = moved if layer % 2 == 0 else ~moved
    h = z[:, ~moved]
    for i in range(2):
        h = linear(f"prior.flow.{layer}.layers.{i}.linear", h)
        h = np.maximum(h, 0.01 * h)
    s, shift = np.split(linear(f"prior.flow.{layer}.output", h), 2, axis=1)
    z[:, moved] = z[:, moved] * np.exp(float(settings["model.log_scale_bound"]) * np.tanh(s)) + shift

h = z
for i in range(int(settings["model.layers"])):  # the decoder
    before, h = h, linear(f"decoder.layers.{i}.linear", h)
    if settings["model.block"] == "gated":
        h = h[:, :h.shape[1] // 2] * sigmoid(h[:, h.shape[1] // 2:])
    else:
        h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
        h = t[f"decoder.layers.{i}.norm.weight"] * h + t[f"decoder.layers.{i}.norm.bias"]
        h = h * sigmoid(h) + (before if settings["model.block"] == "residual" and i > 0 else 0)
images = sigmoid(linear("decoder.output", h)).reshape(8, 8, height, width)

picture = (255 * images.transpose(0, 2, 1, 3).reshape(8 * height, 8 * width)).astype(np.uint8)
open(sys.argv[2], "wb").write(b"P5 %d %d 255\n" % picture.shape[::-1] + picture.tobytes())
