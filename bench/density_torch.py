#!/usr/bin/env python3
"""The training of the flow of gkvae density beside PyTorch's, in turns.

bench/density_torch.py [BENCH_DENSITY_FLOW] [--columns D,...] [--threads N,...] [--rounds N] [--seconds T] [--rows N]
                       [--cpu]

Both train the same flow on rows of the same kind: RealNVP with six layers, whose networks have two hidden layers of
width 64, a Student's t base with trained location, scale and degrees of freedom, batches of 256 rows (512 from 20,000
rows) in an order that is new in each epoch, AdamW (learning rate 1e-3, weight decay 2 on matrices), the gradient
clipped at norm 5, and a moving average of the weights; all in float32. PyTorch's best way is looked for first, for each
size: plain, traced by torch.jit, or compiled by torch.compile where there is one, with AdamW by tensor or over all at
once, over each OpenMP build of BLAS that is there. Then the two take turns, and the ratios are of the same round.
Prints medians of rows a second; --cpu takes processor time, for one thread on a machine that is not idle. Needs
PyTorch, and `make` of the target bench_density_flow."""
import argparse, math, os, statistics, subprocess, sys, time

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
LAYERS, HIDDEN, MAX_FREEDOM = 6, 64, 12


# --- PyTorch, in a process of its own

def train(way, foreach, d, threads, seconds, n):
    import torch
    from torch import nn

    def moved(index):
        """The dimensions that layer `index` moves, as in src/flow/coupling.c."""
        splits = 1
        while 2 ** splits <= d // 2:
            splits += 1
        split = index // 2 % splits
        second = torch.arange(d) >= d // 2 if split == 0 else torch.arange(d) // 2 ** (split - 1) % 2 == 1
        return second if index % 2 == 0 else ~second

    class Coupling(nn.Module):
        def __init__(self, index):
            super().__init__()
            moves = moved(index)
            self.register_buffer("a", torch.nonzero(~moves)[:, 0])
            self.register_buffer("b", torch.nonzero(moves)[:, 0])
            self.register_buffer("back", torch.argsort(torch.cat((self.a, self.b))))
            self.net = nn.Sequential(nn.Linear(len(self.a), HIDDEN), nn.LeakyReLU(inplace=True),
                                     nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(inplace=True),
                                     nn.Linear(HIDDEN, 2 * len(self.b)))
            nn.init.zeros_(self.net[-1].weight)
            nn.init.zeros_(self.net[-1].bias)

        def forward(self, z):
            a = z.index_select(1, self.a)
            s, t = self.net(a).chunk(2, 1)
            s = 2 * torch.tanh(s)
            b = (z.index_select(1, self.b) - t) * torch.exp(-s)
            return torch.cat((a, b), 1).index_select(1, self.back), -s.sum(1)

    class Flow(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Coupling(i) for i in range(LAYERS))
            self.location, self.scale = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.ones(d))
            self.log_freedom = nn.Parameter(torch.full((d,), math.log(10.0)))

        def forward(self, z):
            total = torch.zeros(z.shape[0])
            for layer in self.layers:
                z, log_det = layer(z)
                total = total + log_det
            nu = torch.exp(self.log_freedom)
            y = (z - self.location) / self.scale
            log_t = (torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - 0.5 * torch.log(nu * math.pi)
                     - torch.log(self.scale) - (nu + 1) / 2 * torch.log1p(y * y / nu))
            return -(log_t.sum(1) + total).mean()

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    batch = 256 if n < 20000 else 512
    data = torch.randn(n, d)
    data[:, 1:] += 0.3 * (data[:, :-1] ** 2 - 1)
    flow = Flow()
    weights = list(flow.parameters())
    loss_of = flow
    if way == "traced":
        loss_of = torch.jit.trace(flow, data[:batch])
    elif way == "compiled":
        loss_of = torch.compile(flow)
    adam = torch.optim.AdamW([{"params": [p for p in weights if p.dim() == 2], "weight_decay": 2},
                              {"params": [p for p in weights if p.dim() != 2], "weight_decay": 0}],
                             lr=1e-3, foreach=foreach)
    average = [p.detach().clone() for p in weights]

    def updates(until):
        done, began, used, order, place = 0, time.perf_counter(), time.process_time(), torch.randperm(n), 0
        while time.perf_counter() - began < until:
            if place + batch > n:
                order, place = torch.randperm(n), 0
            loss = loss_of(data.index_select(0, order[place:place + batch]))
            place += batch
            adam.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 5.0)
            adam.step()
            with torch.no_grad():
                flow.scale.clamp_(min=1e-3)
                flow.log_freedom.clamp_(max=math.log(MAX_FREEDOM))
                torch._foreach_mul_(average, 0.98)
                torch._foreach_add_(average, weights, alpha=0.02)
            done += 1
        done *= batch
        return done / (time.perf_counter() - began), done / (time.process_time() - used), loss.item()

    updates(min(2, seconds))
    rate, of_processor, loss = updates(seconds)
    if not math.isfinite(loss):
        raise SystemExit("the loss is not finite")
    print(f"{rate:.0f} {of_processor:.0f}")


# --- In turns

def rates_of(command, blas=None, threads=1):
    """Rows a second, and rows a second of processor time."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    if blas:
        environment["LD_LIBRARY_PATH"] = f"{LIBRARIES}/{blas}-openmp"
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    return [float(v) for v in run.stdout.split()] if run.returncode == 0 and run.stdout.strip() else [0.0, 0.0]


def compare(a, d, threads):
    def torch(way, seconds):
        name, foreach, blas = way
        return rates_of([sys.executable, __file__, "--way", name, "--foreach", str(foreach), "--columns", str(d),
                        "--threads", str(threads), "--seconds", str(seconds), "--rows", str(a.rows)], blas, threads)

    there = [b for b in ("blis", "openblas") if os.path.exists(f"{LIBRARIES}/{b}-openmp/libblas.so.3")] or [None]
    ways = [(name, foreach, blas) for name in ("plain", "traced", "compiled") for foreach in (0, 1) for blas in there]
    best = max(ways, key=lambda way: torch(way, a.seconds / 2)[a.cpu])
    ours, theirs = [], []
    for _ in range(a.rounds):
        ours.append(rates_of([a.program, str(d), str(threads), str(a.seconds), str(a.rows)])[a.cpu])
        theirs.append(torch(best, a.seconds)[a.cpu])
    if not all(ours) or not all(theirs):
        raise SystemExit("one of the programs failed")
    ratios = [x / y for x, y in zip(ours, theirs)]
    way = f"{best[0]}, AdamW {'over all' if best[1] else 'by tensor'}, {best[2]}"
    print(f"{d} columns, {threads} threads: {statistics.median(ours):.0f} rows/s, "
          f"PyTorch {statistics.median(theirs):.0f} ({way}), ratio {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} … {max(ratios):.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/bench_density_flow")
    parser.add_argument("--columns", default="2,4,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--cpu", action="store_const", const=1, default=0, help="of processor time")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--foreach", type=int, default=0, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.way:
        train(a.way, bool(a.foreach), int(a.columns), int(a.threads), a.seconds, a.rows)
        return
    for threads in a.threads.split(","):
        for d in a.columns.split(","):
            compare(a, int(d), int(threads))


if __name__ == "__main__":
    main()
