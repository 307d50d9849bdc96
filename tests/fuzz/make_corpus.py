#!/usr/bin/env python3
"""Makes the corpora of models, checkpoints, settings, histories, fits and densities anew: after a change of these formats.

    /usr/bin/python3 tests/fuzz/make_corpus.py build/gkvae

Trains models of 2 × 2 pixels, and keeps of their files what the readers need: no settings that have their defaults,
and in most files no checksum, which would let no mutation pass. Every other file of a corpus is a damaged one.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
LARGEST = 8192  # SIZE_MOST of mutations.h

SMALL = {"model.latent": 1, "model.hidden": 1, "model.layers": 1, "model.block": "silu", "model.prior_flow": "none",
         "data.validation": 0, "train.epochs": 1, "train.batch": 20, "train.kl_warmup": 0, "train.ema": 0}
CHECKPOINT = dict(SMALL, **{"model.base": "gk", "model.base_fit": "lm", "train.refit_codes": 200})
MODELS = {
    "gk": dict(SMALL, **{"model.base": "gk", "model.base_fit": "grad"}),
    "mixture-flow": dict(SMALL, **{"model.base": "gk-mixture", "model.base_components": 2, "model.latent": 2,
                                   "model.prior_flow": "realnvp", "model.prior_layers": 1, "model.prior_hidden": 1,
                                   "model.base_fit": "grad"}),
    "by-class": dict(SMALL, **{"model.base": "gk-by-class", "model.base_classes": 2, "model.base_components": 1,
                               "model.base_fit": "grad", "model.block": "residual", "model.layers": 2}),
    "grey": dict(SMALL, **{"model.base": "student-t", "model.base_fit": "grad", "model.posterior": "gk",
                           "data.binarization": "grey", "model.likelihood": "gk-mixture",
                           "train.gradient": "total"}),
    "planar": dict(SMALL, **{"model.base": "gk-copula", "model.latent": 2, "model.base_fit": "grad",
                             "model.posterior": "full", "model.posterior_flow": "planar",
                             "model.posterior_layers": 1, "train.gradient": "total"}),
}


def put(corpus, name, content):
    assert len(content) <= LARGEST, f"{corpus}/{name} has {len(content)} bytes"
    os.makedirs(os.path.join(CORPUS, corpus), exist_ok=True)
    with open(os.path.join(CORPUS, corpus, name), "wb") as file:
        file.write(content)


def get(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def make_images(folder):
    draws = numpy.random.default_rng(1)
    os.makedirs(os.path.join(folder, "tiny"))
    for part in "train", "t10k":
        for kind, magic, shape in ("images-idx3", 2051, (400, 2, 2)), ("labels-idx1", 2049, (400,)):
            values = draws.integers(0, 256 if magic == 2051 else 2, shape, dtype=numpy.uint8)
            with open(os.path.join(folder, "tiny", f"{part}-{kind}-ubyte"), "wb") as file:
                file.write(numpy.array((magic, *shape), dtype=">u4").tobytes() + values.tobytes())


def train(gkvae, folder, name, settings):
    options = [f"--set={key}={value}" for key, value in settings.items()]
    subprocess.run([gkvae, "train", "-q", "--data-folder", folder, "--set=data.dataset=tiny", "--out",
                    os.path.join(folder, name), *options], check=True)
    return os.path.join(folder, name)


def split(content):
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def join(header, data):
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return len(text).to_bytes(8, "little") + text + data


def reduce(content, settings, keep=()):
    """The file without its checksum and without the metadata that no reader needs."""
    header, data = split(content)
    metadata = header["__metadata__"]
    header["__metadata__"] = {key: value for key, value in metadata.items()
                              if key in settings or key in keep or key.startswith("state.")}
    return header, data


def damage(corpus, name, content):
    """Cut short; and with a byte that differs, in the header and in the data."""
    put(corpus, f"{name}-cut", content[:len(content) * 2 // 3])
    for place, at in ("header", len(content) // 3), ("end", len(content) - 2):
        put(corpus, f"{name}-{place}", content[:at] + bytes([content[at] ^ 0xff]) + content[at + 1:])


def make_models(gkvae, folder):
    for name, settings in MODELS.items():
        content = get(train(gkvae, folder, name, settings), "model.safetensors")
        put("model", f"valid-{name}", join(*reduce(content, settings, ("image.height", "image.width"))))
        if name == "gk":
            put("model", "valid-checksum", content)
            damage("model", "damaged", content)
    header, data = split(get(CORPUS, "model", "valid-gk"))
    header["prior.base.scale"]["shape"] = [2]
    put("model", "damaged-shape", join(header, data))


def make_checkpoint(gkvae, folder):
    header, data = reduce(get(train(gkvae, folder, "checkpoint", CHECKPOINT), "checkpoint.safetensors"),
                          {"model.latent"})
    header["__metadata__"].update({"state.codes": "2", "state.loss": "0x1.23456789abcdep+3"})
    header["refit.codes"] = {"dtype": "F32", "shape": [2, 1], "data_offsets": [len(data), len(data) + 8]}
    content = join(header, data + numpy.array([0.5, -1], dtype="<f4").tobytes())
    put("checkpoint", "valid", content)
    damage("checkpoint", "damaged", content)
    for key, value in ("codes", "1000000"), ("rate_factor", "nan"), ("step", "18446744073709551615"):
        changed, data = split(content)
        changed["__metadata__"]["state." + key] = value
        put("checkpoint", f"damaged-{key}", join(changed, data))


def make_safetensors():
    types = (("F32", "<f4"), ("F64", "<f8"), ("I64", "<i8"), ("U64", "<u8"), ("U8", "u1"))
    header, data = {"__metadata__": {"by": "hand"}}, b""
    for k, (name, dtype) in enumerate(types):
        values = numpy.arange(k + 1, dtype=dtype).tobytes()
        header[name] = {"dtype": name, "shape": [1] * k + [k + 1], "data_offsets": [len(data), len(data + values)]}
        data += values
    header["none"] = {"dtype": "F32", "shape": [3, 0], "data_offsets": [len(data), len(data)]}
    header["number"] = {"dtype": "U8", "shape": [], "data_offsets": [len(data), len(data) + 1]}
    put("safetensors", "valid-types", join(header, data + b"\1"))
    put("safetensors", "valid-empty", join({}, b""))
    put("safetensors", "valid-checksum", get(CORPUS, "model", "valid-checksum"))
    damage("safetensors", "damaged", join(header, data + b"\1"))
    header["F64"]["data_offsets"][0] -= 1
    put("safetensors", "damaged-overlap", join(header, data + b"\1"))
    put("safetensors", "damaged-length", b"\xff" * 8 + b"{}")


def make_settings(folder):
    whole = get(folder, "gk", "config.ini").replace(folder.encode(), b"data")
    put("settings", "valid-whole.ini", whole)
    put("settings", "valid-short.ini", "\ufeff[data]\r\nfolder: a b/ä ; a path\r\nbackground = 00ff7f\n\n# no more\n"
        "[train]\nlearning_rate = 1e-3\nseed=9223372036854775807\n[data]\nresize = 8x8\n".encode())
    put("settings", "damaged-twice.ini", b"[train]\nseed = 1\nseed = 2\n")
    put("settings", "damaged-key.ini", b"[model]\nlatend = 3\n")
    put("settings", "damaged-value.ini", b"[model]\nlatent = 1e999\n[train]\nlearning_rate = nan\n")
    put("settings", "damaged-zero.ini", b"[eval]\nsamples = 5\0\n")


def make_history(folder):
    lines = b""
    for k in range(3):
        lines += get(folder, "gk", "history.jsonl").replace(b'"epoch": 1', b'"epoch": %d' % (k + 1))
    put("history", "valid.jsonl", lines)
    put("history", "valid.csv", get(folder, "gk", "history.csv") + b"2,8,2.5,2.4,0.1,1,0,0,,,,100,0.5,0,0,0\n")
    put("history", "valid-times.json", get(folder, "gk", "times.json"))
    put("history", "damaged-torn.jsonl", lines[:-40])
    put("history", "damaged-zeros.jsonl", lines[:-40] + b"\0" * 39 + b"\n")
    put("history", "damaged-long.jsonl", b'{"epoch": 1, "step": 4, "text": "' + b"x" * 4060)


def make_fits(gkvae, folder):
    table = os.path.join(folder, "table.csv")
    numpy.savetxt(table, numpy.random.default_rng(2).standard_normal((60, 2)).round(3), "%g", ",", header="u,v",
                  comments="")
    for name, options in (("single", ()), ("together", ("--multivariate",)), ("mixture", ("--mixture", "2")),
                          ("gh", ("--family", "gh"))):
        found = json.loads(subprocess.run([gkvae, "fit", table, "--json", *options], check=True, capture_output=True)
                           .stdout)
        for margin in found if isinstance(found, list) else found.get("margins", []):
            margin.pop("covariance", None)
            margin["parameters"] = {key: {"estimate": of["estimate"]} for key, of in margin["parameters"].items()}
        if "tried" in found:
            found["tried"] = []
        put("fit", f"valid-{name}.json", json.dumps(found, separators=(",", ":")).encode())
    content = get(CORPUS, "fit", "valid-mixture.json")
    damage("fit", "damaged", content)
    put("fit", "damaged-factor.json", content.replace(b'"cholesky":[[1.0,', b'"cholesky":[[2.0,'))
    put("fit", "damaged-depth.json", b"[" * 4000)


def one_layer(header, data):
    """A density whose flow is the first layer, with one hidden unit, and without the checksum."""
    tensors, kept = {"__metadata__": dict(header["__metadata__"], **{"flow.layers": "1", "flow.hidden": "1"})}, b""
    tensors["__metadata__"].pop("gkvae.crc32")
    for name, of in header.items():
        if name == "__metadata__" or re.match(r"flow\.prior\.flow\.[1-9]", name):
            continue
        values = numpy.frombuffer(data[slice(*of["data_offsets"])], {"F32": "<f4", "F64": "<f8", "U8": "u1"}[of["dtype"]])
        values = values.reshape(of["shape"])
        if name.startswith("flow.prior.flow.0.layers"):
            values = values[(slice(1),) * values.ndim]
        elif name == "flow.prior.flow.0.output.weight":
            values = values[:, :1]
        tensors[name] = {"dtype": of["dtype"], "shape": list(values.shape),
                         "data_offsets": [len(kept), len(kept) + values.nbytes]}
        kept += values.tobytes()
    return join(tensors, kept)


def make_densities(gkvae, folder):
    table = os.path.join(folder, "table.csv")
    numpy.savetxt(table, numpy.random.default_rng(2).standard_normal((40, 2)).round(3), "%g", ",", header="u,v",
                  comments="")
    for name, options in (("flow", ("--updates=2", "--components=2")), ("t-copula", ("--candidates=t-copula",))):
        out = os.path.join(folder, "density-" + name)
        subprocess.run([gkvae, "density", "fit", table, "-q", "--no-page", "--out", out, *options], check=True,
                       capture_output=True)
        content = get(out, "density.safetensors")
        put("density", f"valid-{name}", one_layer(*split(content)))
        if name == "t-copula":
            put("density", "valid-checksum", content)
            damage("density", "damaged", content)
    header, data = split(get(CORPUS, "density", "valid-flow"))
    for name, key, value in (("chosen", "chosen", "g-and-k"), ("layers", "flow.layers", "64"), ("family", "flow", "iaf")):
        put("density", f"damaged-{name}", join(dict(header, __metadata__=dict(header["__metadata__"], **{key: value})),
                                               data))


def main():
    gkvae = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        make_images(folder)
        make_models(gkvae, folder)
        make_checkpoint(gkvae, folder)
        make_safetensors()
        make_settings(folder)
        make_history(folder)
        make_fits(gkvae, folder)
        make_densities(gkvae, folder)


main()
