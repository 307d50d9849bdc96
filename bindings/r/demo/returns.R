# Daily returns from a file to tail risk. demo(returns, package = "gkvae") runs it; it takes seconds.
library(gkvae)

# --- The data ---
# 2000 days of an index and a currency, in per cent. They are simulated; a file of your own is read in the same way.
file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")
summary(returns[, c("index", "currency")])

# --- One column ---
# g is the skewness and k the weight of the tails; a normal distribution has g = k = 0.
fit <- fitgk(returns$index)
summary(fit)
plot(fit)

# Is the distribution skewed, and are its tails heavier than those of a normal distribution? Each row of the table is
# tested against the one above it.
symmetric <- fitgk(returns$index, fixed = c(g = 0))
normal <- fitgk(returns$index, fixed = c(g = 0, k = 0))
anova(normal, symmetric, fit)

# --- Tail risk ---
# The value at risk is the loss that is exceeded on one day in 100 or 1000. The expected shortfall is the mean loss on
# such days: the mean of the quantiles beyond.
value_at_risk <- function(fit, p) -predict(fit, p, type = "quantile")
expected_shortfall <- function(fit, p)
    integrate(function(u) value_at_risk(fit, u), 0, p, rel.tol = 1e-8)$value / p
levels <- c(0.01, 0.001)
risk <- data.frame(
    level = levels,
    "g-and-k" = value_at_risk(fit, levels),
    normal = value_at_risk(normal, levels),
    observed = -quantile(returns$index, levels, names = FALSE),
    shortfall = vapply(levels, function(p) expected_shortfall(fit, p), 0),
    check.names = FALSE)
print(risk, digits = 4)

# How sure is that? Refit simulated samples of the same size.
samples <- simulate(fit, nsim = 200, seed = 1)
refits <- vapply(samples, function(x) value_at_risk(fitgk(x, method = "lm"), levels), c(0, 0))
print(cbind(level = levels, t(apply(refits, 1, quantile, c(0.025, 0.975)))), digits = 4)

# How often will the index lose more than 5% on a day? Once in so many days:
1 / predict(fit, -5, type = "probability")

# --- Both columns ---
# The correlation of the normal scores is that of a Gaussian copula.
both <- fitmgk(returns[, c("index", "currency")])
both

# The risk of a portfolio of both, from simulated days.
days <- do.call(rbind, simulate(both, nsim = 50, seed = 1))
portfolio <- days %*% c(0.6, 0.4)
print(-quantile(portfolio, levels), digits = 4)
