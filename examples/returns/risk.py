"""The risk of a portfolio of two columns of returns, by their joint density. Needs gkvae (`make python`) and pandas.

    python3 risk.py [FILE.csv]

docs/density.md explains the figures."""
import sys
from pathlib import Path

import numpy as np
import pandas

import gkvae

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "returns.csv"
returns = pandas.read_csv(path, comment="#")[["index", "currency"]]
past, later = returns[:1600], returns[1600:]

# --- The fit. The flow is left out because it takes most of the time; candidates="all" has it.
model = gkvae.Density(["t-copula", "normal-mixture", "gk-mixture"], random_state=1).fit(past)
print(model.summary())

# Are the predicted tails right? The intervals should contain 1 % and 0.1 %.
tail = model.candidates_[model.chosen_].beyond_99
print(f"\nbeyond the predicted 99 % quantiles: {100 * tail.share:.2f} % ({100 * tail.low:.2f} … {100 * tail.high:.2f})")

# --- The risk of a portfolio: quantiles of a function of the columns, from draws.
weights = pandas.Series({"index": 0.6, "currency": 0.4})
portfolio = model.sample(500_000) @ weights
for level in (0.01, 0.001):
    value_at_risk = -np.quantile(portfolio, level)
    shortfall = -portfolio[portfolio < -value_at_risk].mean()
    print(f"{100 * (1 - level):g} % of the days lose less than {value_at_risk:.2f} %; the others {shortfall:.2f} % on "
          "average")

# --- A stress scenario: what does the currency do on a day when the index loses 3 %?
print("\nthe currency if the index loses 3 %")
print(model.conditional({"index": -3.0}).describe().round(2))

# --- Outliers: a p-value is the share of held-out days that are as unlikely.
print("\nthe least likely days")
print(model.outliers(past, 3).round(4))

# --- Does it hold? Of later days like those of the fit, 1 % have a p-value of at most 0.01.
found = model.evaluate(later)[model.chosen_]
print(f"\nlater days: mean log density {found.mean:.3f} ± {found.se:.3f} (held out in the fit: "
      f"{model.candidates_[model.chosen_].held_out:.3f}); {100 * found.share_p_below_001:.1f} % have p ≤ 0.01")

model.save("risk.safetensors")  # for `gkvae density`, R, or gkvae.Density.load
