"""Compares PyTorch modules with what the library computed: usage: check_torch.py FOLDER.

FOLDER/CASE/model.py is an exported module, and PART.in.NAME.npy and PART.out.NAME.npy are as in check_onnx.py. Draws of
the base are compared by their moments with draws.npy. 77 without PyTorch.
"""
import importlib.util
import pathlib
import sys

import numpy as np

try:
    import torch
except ImportError:
    print("skipped: no Python package torch (Debian: python3-torch)")
    sys.exit(77)

TOLERANCE = 1e-5


def load(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def array(folder, name):
    return torch.from_numpy(np.load(folder / f"{name}.npy").astype(np.float32))


def computed(vae, folder):
    """What the module computes: the name of each array, and its numbers."""
    images, codes = array(folder, "encoder.in.images"), array(folder, "decoder.in.codes")
    yield from zip(("encoder.out.mean", "encoder.out.scale"), vae.encode(images))
    yield "encoder.out.code", vae.code(images)
    yield "decoder.out.images", vae.decode(codes)
    yield "flow.out.eps", vae.normalise(codes)[0]
    yield "flow_inverse.out.codes", vae.generate(array(folder, "flow_inverse.in.eps"))
    yield "log_prob.out.log_prob", vae.log_prob(codes)[:, None]
    if vae.prior.base.classes:
        eps, log_det = vae.normalise(codes)
        each = vae.prior.base.component_log_prob(eps) + log_det[:, None]
        each = each.reshape(len(codes), vae.prior.base.classes, -1)
        yield "log_prob.out.class_log_prob", torch.logsumexp(each, -1)


def compare_draws(vae, folder):
    """The largest difference of means of tanh ε and its square, in standard errors."""
    torch.manual_seed(1)
    ours, theirs = np.tanh(vae.prior.base.sample(4000).numpy()), np.tanh(np.load(folder / "draws.npy"))
    return max(np.max(np.abs(a.mean(0) - b.mean(0)) / np.sqrt((a.var(0) + b.var(0)) / len(a)))
               for a, b in ((ours, theirs), (ours**2, theirs**2)))


def check_gradient(vae, folder):
    """The gradient of log p(z) by autograd and by differences, in a random direction in double precision."""
    vae, z = vae.double(), array(folder, "log_prob.in.codes").double().requires_grad_()
    (gradient,) = torch.autograd.grad(vae.log_prob(z).sum(), z)
    direction = torch.randn_like(z)
    with torch.no_grad():
        slope = (vae.log_prob(z + 1e-6 * direction) - vae.log_prob(z - 1e-6 * direction)) / 2e-6
        return float(((gradient * direction).sum(-1) - slope).abs().max() / slope.abs().max())


def main(root):
    worst, count, failed, far, steep = {}, 0, False, 0, 0
    for path in sorted(pathlib.Path(root).glob("*/model.py")):
        folder, vae = path.parent, load(path)
        with torch.no_grad():
            for name, got in computed(vae, folder):
                wanted = array(folder, name)
                error = float(((got - wanted).abs() / wanted.abs().clamp(min=1)).max())
                part = name.split(".")[0]
                count += 1
                worst[part] = max(worst.get(part, (0, "")), (error, folder.name))
                if not error <= TOLERANCE:
                    failed = True
                    print(f"FAILED: {folder.name}, {name}: off by {error:.2g}")
            errors = compare_draws(vae, folder)
        slope = check_gradient(vae, folder)
        far, steep = max(far, errors), max(steep, slope)
        if not (errors < 5 and slope < 1e-4):
            failed = True
            print(f"FAILED: {folder.name}: draws off by {errors:.1f} standard errors, gradient by {slope:.1g}")
    print(f"{count} arrays by torch {torch.__version__}; largest differences: " +
          ", ".join(f"{part} {error:.1e} ({case})" for part, (error, case) in sorted(worst.items())) +
          f"; moments of draws {far:.1f} standard errors, gradients {steep:.1g}")
    sys.exit(1 if failed or count == 0 else 0)


main(sys.argv[1])
