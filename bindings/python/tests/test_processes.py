"""Threads, forks, Ctrl-C, and memory that comes back."""
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gkvae


def test_two_threads_at_once(sample):
    expected = gkvae.fit_many(np.tile(sample[:, None], (1, 20))).params
    found, errors = [None] * 2, []

    def work(i):
        try:
            for _ in range(3):
                found[i] = gkvae.fit_many(np.tile(sample[:, None], (1, 20))).params
                try:
                    gkvae.fit_gk([i] * 3)
                except ValueError as error:
                    errors.append(str(error))
        except BaseException as error:
            found[i] = error

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(params, expected) for params in found)
    assert len(errors) == 6 and all("3" in error for error in errors)


def test_python_runs_meanwhile():
    """The lock of the interpreter is free while C runs."""
    x = gkvae.gk.rvs(0.5, 0.2, size=400_000, random_state=1)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    gkvae.fit_gk(x, n_jobs=1)
    seconds = time.perf_counter() - begin
    done.set()
    thread.join()
    assert len(ticks) > 20 * seconds


def _child(queue):
    x = gkvae.gk.rvs(0.5, 0.2, loc=3, size=(500, 40), random_state=5)
    queue.put(gkvae.fit_many(x).params)


def test_fork_after_use():
    """A child continues where the parent has used several threads."""
    x = gkvae.gk.rvs(0.5, 0.2, loc=3, size=(500, 40), random_state=5)
    expected = gkvae.fit_many(x, n_jobs=2).params
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    found = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0 and np.array_equal(found, expected)
    assert np.array_equal(gkvae.fit_many(x, n_jobs=2).params, expected)


def _child_model(queue, model, rows):
    queue.put((model.encode(rows), gkvae.VAE(**SMALL).fit(rows).encode(rows)))


SMALL = dict(latent=2, hidden=16, layers=1, base_components=1, epochs=1, verbose=False)


@pytest.mark.filterwarnings("ignore:copies of other training images")
def test_fork_after_training():
    rows = np.random.default_rng(0).random((300, 6, 6))
    model = gkvae.VAE(n_jobs=2, **SMALL).fit(rows)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child_model, args=(queue, model, rows))
    child.start()
    codes, own = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    assert np.array_equal(codes, model.encode(rows)) and np.array_equal(own, codes)


def test_small_models_train_in_one_thread():
    """Threads that wait for each other are slow where other work occupies the processors."""
    code = f"""if True:
        import os, numpy as np, gkvae
        rows = np.random.default_rng(0).random((300, 6, 6))
        count = lambda: len(os.listdir("/proc/self/task"))
        before, counts = count(), []
        small = dict({SMALL!r}, seed=1)
        gkvae.VAE(**small).fit(rows, callback=lambda p: counts.append(count()))
        print(max(counts) == before)
        gkvae.VAE(n_jobs=3, **small).fit(rows, callback=lambda p: counts.append(count()))
        print(max(counts) - before)
    """
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "2"], run.stdout + run.stderr


INTERRUPTED = """
import os, signal, threading, time, numpy as np, gkvae
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
x = gkvae.gk.rvs(0.5, 0.2, size=2000, random_state=1)
fit = gkvae.fit_gk(x)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
begin = time.monotonic()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - begin < 20)  # of many minutes
x = gkvae.fit_gk(x)  # what follows works
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    print("as before")
"""


@pytest.mark.parametrize("call", [
    "gkvae.bootstrap(fit, replicates=1_000_000)",
    "gkvae.least_squares(lambda v: np.array([v[0] ** 2 + np.random.rand() - 1]), [5.0], max_nfev=10**9, xtol=0, "
    "ftol=0, gtol=0)\n    while True: time.sleep(0.01)",
    "gkvae.gk.logpdf(np.zeros(20_000_000), 0.1, 0.1)\n    while True: gkvae.gk.logpdf(np.zeros(2_000_000), 0.1, 0.1)",
], ids=["bootstrap", "least_squares", "arrays"])
def test_control_c(call):
    run = subprocess.run([sys.executable, "-c", INTERRUPTED.format(call=call)], capture_output=True, text=True,
                         timeout=120)
    assert run.stdout.split() == ["interrupted", "True", "as", "before"], run.stdout + run.stderr
    assert run.stderr == ""


def test_no_leaks():
    """The resident memory does not grow with the number of calls."""
    x = gkvae.gk.rvs(0.5, 0.2, size=3000, random_state=1)

    def work():
        for _ in range(30):
            gkvae.fit_gk(x, method="lm")
            gkvae.gk.logpdf(x, 0.5, 0.2)
            gkvae.least_squares(lambda v: np.repeat(v, 1000) - 3, [1.0])
            with pytest.raises(ValueError):
                gkvae.fit_gk(x[:3])

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    work()
    before = resident()
    for _ in range(10):
        work()
    assert resident() - before < 4e6


def test_memory_of_fits():
    """A fit copies the sample within C, to sort it; the package adds nothing."""
    import tracemalloc
    x = gkvae.gk.rvs(0.5, 0.2, size=10**6, random_state=1)
    gkvae.fit_gk(x[:1000])  # loads modules
    tracemalloc.start()
    gkvae.fit_gk(x, method="lm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * x.nbytes


def test_memory_of_many_fits():
    """A matrix is turned a part at a time."""
    import tracemalloc
    x = gkvae.gk.rvs(0.5, 0.2, size=(1000, 3000), random_state=1).astype(np.float32)
    tracemalloc.start()
    fits = gkvae.fit_many(x, weights=np.ones(1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.4 * 8 * x.size  # the block, its weights and the results
    assert fits[2500].params == gkvae.fit_gk(x[:, 2500], method="lm").params


def test_import_is_light():
    code = "import sys, gkvae; print('scipy.stats' in sys.modules, 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == [
        "False", "False"]


def test_threads_that_evaluate(sample):
    """Several threads compute functions of distributions, mixtures and tables at once, each with its own errors."""
    rows = np.stack([sample, sample[::-1]], axis=1)
    mixture, table = gkvae.GKMixture(2, random_state=0).fit(rows), gkvae.Density("t-copula", folds=1).fit(rows[:200])
    long = np.tile(sample, 50)

    def work():
        with pytest.raises(ValueError, match="margin 1"):
            gkvae.GKDistribution([[0, -1, 0, 0]])
        return [gkvae.gk.logpdf(long, 0.5, 0.2), gkvae.gk.ppf(gkvae.gk.cdf(sample[:50], 0.5, 0.2), 0.5, 0.2),
                mixture.score_samples(rows), table.score_samples(rows), mixture.sample(100)[0]]

    expected, found = work(), [None] * 4
    threads = [threading.Thread(target=lambda i=i: found.__setitem__(i, [work() for _ in range(3)])) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in found:
        for values in results:
            assert all(np.array_equal(a, b) for a, b in zip(values, expected))


def _child_table(queue, mixture, table, rows):
    queue.put((mixture.score_samples(rows), table.score_samples(rows), table.conditional({0: 3.0}).rvs(5, 1)))


def test_fork_after_estimators(sample):
    rows = np.stack([sample, sample[::-1]], axis=1)
    mixture, table = gkvae.GKMixture(2, n_jobs=2).fit(rows), gkvae.Density("t-copula", folds=1, n_jobs=2).fit(rows)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child_table, args=(queue, mixture, table, rows))
    child.start()
    found = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    own = mixture.score_samples(rows), table.score_samples(rows), table.conditional({0: 3.0}).rvs(5, 1)
    assert all(np.array_equal(a, b) for a, b in zip(found, own))
