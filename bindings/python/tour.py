"""A tour of gkvae in ten minutes.

Run it (`/usr/bin/python3 bindings/python/tour.py`), or read it cell by cell: editors and Jupyter open files with
`# %%`.
`make check-python` executes it.
"""
# %% [markdown]
# ## 1. A distribution for skewness and heavy tails
#
# The g-and-k distribution is defined by its quantile function, A + B (1 + c tanh(g z/2)) z (1 + z²)^k of a standard
# normal z. g is the skewness and k the weight of the tails; g = k = 0 is the normal distribution. `gkvae.gk` is a
# continuous distribution of SciPy, in which `loc` is the median A and `scale` is B.

# %%
import numpy as np

import gkvae

dist = gkvae.gk(g=0.5, k=0.2, loc=3, scale=1)
print("quartiles     ", dist.ppf([0.25, 0.5, 0.75]).round(4))
print("P(X > 20)     ", dist.sf(20))
print("mean, variance", dist.stats())
x = dist.rvs(5000, random_state=1)

# %% [markdown]
# ## 2. A fit with errors and a test
#
# `fit_gk` is maximum likelihood by default; `method="lm"` is least squares on quantiles, faster and robust.

# %%
fit = gkvae.fit_gk(x)
print(fit.summary())
print("profile intervals\n", fit.conf_int(method="profile").round(3))
assert all(low < true < high for (low, high), true in zip(fit.conf_int(0.999), (3, 1, 0.5, 0.2)))

# The tail beyond the data, with its uncertainty from a bootstrap of the fit:
boot = gkvae.bootstrap(gkvae.fit_gk(x, method="lm"), replicates=199)
a, b, g, k = boot.estimates.T
print("99.9% quantile", fit.dist.ppf(0.999).round(2),
      np.quantile(gkvae.gk.ppf(0.999, g, k, loc=a, scale=b), [0.025, 0.975]).round(2))
print("is it a g-and-k? p =", boot.pvalue)

# %% [markdown]
# Parameters can be fixed and data may be weighted, rounded or censored. Nested fits are compared by their likelihoods.

# %%
symmetric = gkvae.fit_gk(x, fixed={"g": 0})
print("likelihood ratio of g = 0:", round(2 * (fit.loglik - symmetric.loglik), 1), "on one degree of freedom")
rounded = gkvae.fit_gk(np.round(x, 1), resolution=0.1)
print("of values rounded to 0.1: ", [round(p, 3) for p in rounded.params])
censored = gkvae.fit_gk(np.minimum(x, 6), upper=np.where(x > 6, np.inf, np.minimum(x, 6)))
print("of values censored at 6:  ", [round(p, 3) for p in censored.params])

# %% [markdown]
# A thousand samples are fitted together, side by side in the vectors of the processor.

# %%
many = gkvae.fit_many(dist.rvs((500, 1000), random_state=2))
print("1000 fits: mean", many.params.mean(axis=0).round(3), "spread", many.params.std(axis=0).round(3))
print("           mean standard errors        ", many.se.mean(axis=0).round(3))

# %% [markdown]
# ## 3. Several dimensions
#
# `MultivariateGK` joins g-and-k margins by a Gaussian copula, and `GKMixture` mixes several. Both are estimators of
# scikit-learn. Their distributions have margins, conditional distributions and draws.

# %%
true = gkvae.GKDistribution(
    margins=[[[0, 1, 0.4, 0.1], [0, 1, 0, 0.2]], [[6, 1, 0, 0.1], [4, 2, -0.4, 0.0]]],
    correlation=[[[1, 0.8], [0.8, 1]], [[1, -0.5], [-0.5, 1]]], weights=[0.7, 0.3])
rows = true.rvs(3000, random_state=1)
mixture = gkvae.GKMixture((1, 4), random_state=0).fit(rows)  # the number of components by BIC
print("components", len(mixture.weights_), "weights", mixture.weights_.round(3))
print("log density of this fit and of the truth", round(mixture.score(rows), 4), round(true.logpdf(rows).mean(), 4))
given = mixture.conditional({0: 1.0})  # column 1 where column 0 is 1
print("column 1 given column 0 = 1: 5%, 50%, 95%", given.ppf([0.05, 0.5, 0.95]).round(2))
assert len(mixture.weights_) == 2

# %% [markdown]
# ## 4. Least squares
#
# `least_squares` has the arguments and results of `scipy.optimize.least_squares`.

# %%
t = np.linspace(0, 10, 60)
y = 3 * np.exp(-0.4 * t) + 0.5 + 0.05 * np.random.default_rng(0).standard_normal(60)
y[::10] += 1  # outliers
for loss in ("linear", "cauchy"):
    curve = gkvae.least_squares(lambda v: v[0] * np.exp(-v[1] * t) + v[2] - y, [1, 1, 0], loss=loss, f_scale=0.1,
                                bounds=(0, np.inf))
    print(f"{loss:7}", curve.x.round(3), "±", np.sqrt(np.diag(curve.cov)).round(3), curve.message)

# %% [markdown]
# ## 5. A flow VAE
#
# `VAE` trains the models of the program `gkvae`. Here: small pictures of blobs, in seconds. Settings are keywords;
# `VAE.settings()` describes them.

# %%
rng = np.random.default_rng(0)
centres, widths = rng.uniform(3, 9, (1500, 2, 1, 1)), rng.uniform(2, 9, (1500, 1, 1))
grid = np.arange(12)
pictures = np.exp(-((grid[:, None] - centres[:, 0]) ** 2 + (grid - centres[:, 1]) ** 2) / widths)
model = gkvae.VAE(latent=4, hidden=64, epochs=5, base_components=4, verbose=False, n_jobs=None).fit(pictures)
print("-ELBO by epoch", [round(line["neg_elbo"], 1) for line in model.history_])
codes = model.encode(pictures[:5])
print("codes", codes.shape, "draws", model.sample(4, random_state=1).shape)
print("log p(x) of a picture and of noise", model.log_likelihood(
    np.stack([pictures[0], rng.random((12, 12))]), samples=50).round(1))
assert model.history_[-1]["neg_elbo"] < model.history_[0]["neg_elbo"]

# %% [markdown]
# In a notebook `model` shows draws from its prior. `model.save("runs/blobs")` keeps the run, which `gkvae eval
# runs/blobs` evaluates, and `gkvae.VAE.load("runs/blobs")` reads it. `fit.plot()` shows a density and a QQ plot.
