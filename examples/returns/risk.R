# The risk of a portfolio of two columns of returns, by their joint density. Needs gkvae (`make r`).
#
#     Rscript risk.R [FILE.csv]
#
# docs/density.md explains the figures.
library(gkvae)

arguments <- commandArgs(trailingOnly = TRUE)
file <- if (length(arguments)) arguments[1] else system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")[, c("index", "currency")]
past <- returns[1:1600, ]
later <- returns[-(1:1600), ]

# --- The fit. The flow is left out because it takes most of the time; without `candidates` it is there.
fit <- gkdensity(past, candidates = c("t-copula", "normal-mixture", "gk-mixture"))
# Are the predicted tails right? The intervals of the last table should contain 1 % and 0.1 %.
print(summary(fit))

# --- The risk of a portfolio: quantiles of a function of the columns, from draws.
portfolio <- simulate(fit, n = 500000, seed = 1)[[1]] %*% c(index = 0.6, currency = 0.4)
for (level in c(0.01, 0.001)) {
    value_at_risk <- -quantile(portfolio, level)
    shortfall <- -mean(portfolio[portfolio < -value_at_risk])
    cat(sprintf("%g %% of the days lose less than %.2f %%; the others %.2f %% on average\n", 100 * (1 - level),
                value_at_risk, shortfall))
}

# --- A stress scenario: what does the currency do on a day when the index loses 3 %?
cat("\nthe currency if the index loses 3 %\n")
print(summary(conditional(fit, c(index = -3))), digits = 3)

# --- Outliers: a p-value is the share of held-out days that are as unlikely.
cat("\nthe least likely days\n")
print(outliers(fit, n = 3), digits = 4)

# --- Does it hold? Of later days like those of the fit, 1 % have a p-value of at most 0.01.
log_density <- predict(fit, later, type = "logdensity")
cat(sprintf("\nlater days: mean log density %.3f +/- %.3f (held out in the fit: %.3f); %.1f %% have p <= 0.01\n",
            mean(log_density), sd(log_density) / sqrt(nrow(later)), fit$candidates[fit$chosen, "held_out"],
            100 * mean(predict(fit, later, type = "pvalue") <= 0.01)))
