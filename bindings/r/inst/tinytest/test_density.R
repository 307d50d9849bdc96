# Densities of tables. They need libgkvae.
source("program.R")

if (length(gkvae:::table_of("candidates")) == 0L)
    exit_file("the package is built on libgk alone")

file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")[1:600, c("index", "currency")]
fit <- gkdensity(returns, candidates = c("t-copula", "normal-mixture", "gk-mixture"), folds = 1, max_components = 2)

# --- The report ---
expect_identical(rownames(fit$candidates), c("t-copula", "normal-mixture", "gk-mixture"))
expect_identical(fit$chosen, rownames(fit$candidates)[which.max(fit$candidates$held_out)])
expect_equal(fit$candidates[fit$chosen, "difference"], 0)
expect_true(all(fit$candidates$beyond_low.99 <= fit$candidates$beyond.99))
expect_true(all(fit$candidates$beyond.99.9 <= fit$candidates$beyond_high.99.9))
expect_identical(rownames(fit$margins), c("index", "currency"))
expect_true(all(fit$margins$margin %in% c("g-and-k", "t", "spline")))
about <- capture.output(print(summary(fit)))
expect_true(any(grepl("99.9 %", about, fixed = TRUE)) && any(grepl(fit$chosen, about, fixed = TRUE)))
half <- summary(fit, level = 0.5)$held_out
expect_true(all(half[[3]] < half$held_out & half$held_out < half[[4]]))
expect_equal((half[[4]] - half[[3]]) / half$se, rep(2 * qnorm(0.75), 3))
expect_stdout(print(fit), "Chosen")

pdf(tempfile(fileext = ".pdf"))
expect_silent(plot(fit, n = 50))
expect_silent(plot(gkdensity(returns[1:60, "index", drop = FALSE], "t-copula", folds = 1)))
invisible(dev.off())

# --- Densities ---
log_density <- predict(fit, type = "logdensity")
expect_equal(predict(fit), exp(log_density))
expect_equal(as.numeric(logLik(fit)), sum(log_density))
expect_identical(nobs(fit), 600L)
expect_identical(attr(logLik(fit), "df"), NA_integer_)
expect_identical(predict(fit, returns[1:5, 2:1]), predict(fit, returns[1:5, ]))
p <- predict(fit, type = "pvalue")
expect_true(min(p) >= 1 / 121 && max(p) <= 1 && mean(p <= 0.05) < 0.1)
expect_false(identical(predict(fit, candidate = "t-copula"), predict(fit, candidate = "gk-mixture")))
scores <- predict(fit, type = "scores")
expect_identical(dim(scores), dim(as.matrix(returns)))
expect_true(all(abs(colMeans(scores)) < 0.15))
low <- outliers(fit, n = 4)
expect_identical(low$row, order(log_density)[1:4])
expect_identical(low$logdensity, unname(sort(log_density)[1:4]))
expect_equal(low$pvalue, unname(p[low$row]))
expect_equal(abs(low$score), unname(apply(abs(scores[low$row, ]), 1, max)))
expect_identical(nrow(outliers(fit, returns[1:3, ], n = 0)), 0L)

# --- Draws ---
draws <- simulate(fit, nsim = 2, seed = 1, n = 3000)
expect_identical(draws, simulate(fit, nsim = 2, seed = 1, n = 3000))
expect_false(identical(draws[[1]], draws[[2]]))
expect_identical(dimnames(draws$sim_1), list(NULL, c("index", "currency")))
expect_true(ks.test(draws$sim_1[, "index"], returns$index + runif(600, 0, 1e-9))$p.value > 1e-3)
expect_identical(dim(simulate(fit)[[1]]), c(600L, 2L))

# --- Parts ---
for (candidate in rownames(fit$candidates)) {
    given <- conditional(fit, c(index = -1), candidate)
    alone <- marginal(fit, "index", candidate)
    joint <- predict(fit, data.frame(index = -1, currency = c(-0.5, 1)), type = "logdensity", candidate = candidate)
    expect_equal(predict(given, c(-0.5, 1), type = "logdensity") + predict(alone, -1, type = "logdensity"),
                 unname(joint), tolerance = 1e-6, info = candidate)
}
stress <- conditional(fit, c(index = -3))
table <- summary(stress, draws = 1e4)
expect_identical(dimnames(table)[[1]], "currency")
expect_equal(table[, "50%"], predict(stress, 0.5, type = "quantile", draws = 1e4), check.attributes = FALSE)
expect_identical(dim(simulate(stress, n = 5, seed = 1)[[1]]), c(5L, 1L))
expect_stdout(print(stress), "currency")
expect_error(conditional(fit, c(index = 1, currency = 1)), "at least one column")
expect_error(conditional(fit, c(price = 1)), "the columns are index, currency")
expect_error(predict(conditional(fit, c(index = 1)), cbind(1, 2)), "columns")

# --- Files ---
path <- tempfile(fileext = ".safetensors")
writegkdensity(fit, path)
read <- readgkdensity(path)
expect_identical(predict(read, returns), predict(fit))
expect_identical(read$candidates, fit$candidates)
expect_error(predict(read), "no rows of its own")
saved <- tempfile(fileext = ".rds")
saveRDS(fit, saved)
expect_identical(predict(readRDS(saved)), predict(fit))
saveRDS(stress, saved)
expect_error(predict(readRDS(saved), 0), "cannot be saved")
expect_error(readgkdensity(tempfile()), "open|cannot|No such")
writeLines("no density", path)
expect_error(readgkdensity(path))
expect_error(writegkdensity(1, path), "gkdensity")

# --- Rounded and censored columns ---
rounded <- data.frame(a = round(returns$index, 1), b = returns$currency)
quick <- function(x, ...) gkdensity(x, candidates = "t-copula", folds = 1, ...)
expect_equal(quick(rounded)$margins["a", "resolution"], 0.1)
expect_equal(quick(rounded, resolution = c(a = 0.1))$margins$resolution, c(0.1, 0))
expect_equal(quick(returns, resolution = 0)$margins$resolution, c(0, 0))
upper <- returns
cut <- returns$index > 0.8
upper$index[cut] <- Inf
lower <- returns
lower$index[cut] <- 0.8
censored <- quick(lower, upper = upper)
expect_equal(censored$margins["index", "intervals"], sum(cut))
expect_equal(mean(simulate(censored, n = 20000, seed = 1)[[1]][, 1] > 0.8), mean(cut), tolerance = 0.1)
expect_error(logLik(censored), "no exact rows")
expect_error(predict(censored), "the fit has intervals")
expect_error(outliers(censored), "the fit has intervals")
expect_identical(length(predict(censored, returns)), 600L)
expect_error(quick(lower, upper = upper[, 1]), "as x")

# --- Settings and errors ---
small <- list(flow_updates = 40, flow_layers = 2, flow_hidden = 8)
flow <- gkdensity(returns, candidates = "flow", folds = 1, flow_settings = small)
expect_error(conditional(flow, c(index = 1)), "no conditional")
expect_identical(gkdensity(returns, candidates = "flow", folds = 1, flow_settings = small)$candidates, flow$candidates)
expect_error(quick(returns[1:9, ]), "9 rows are too few")
expect_warning(quick(returns[1:12, ]), "say little")
expect_error(quick(cbind(returns, copy = returns$index)), "are equal")
expect_error(quick(replace(as.matrix(returns), 3, NA)), "number 3")
expect_error(gkdensity(returns, "kde"), "should be")
expect_error(gkdensity(returns, flow = "none such"), "no flow")
expect_error(gkdensity(returns, flow_settings = list(flow_layer = 2)), "nearest is flow_layers")
expect_error(gkdensity(returns, flow_settings = list(seed = 2)), "no setting \"seed\"")
expect_error(gkdensity(returns, flow_settings = list(40)), "give names")
expect_error(gkdensity(returns[1:10, ], "t-copula", folds = 20), "more than the 10 rows")
expect_error(predict(fit, candidate = "flow"), "has no flow")
expect_error(predict(fit, candidate = "kde"), "give t-copula")
expect_error(quick(returns, resolution = c(price = 1)), "no column")
expect_error(quick(returns, resolution = -1), "resolution")

# --- The program ---
if (has_program) {
    run <- tempfile()
    table <- tempfile(fileext = ".csv")
    write.csv(returns, table, row.names = FALSE)
    gkvae_lines("density", "fit", table, "--out", run, "--candidates", "t-copula,normal-mixture,gk-mixture",
                "--folds", "1", "--components", "2", "--no-page", "--quiet")
    json <- paste(readLines(file.path(run, "density.json")), collapse = "")
    expect_equal(sort(fit$candidates$held_out), sort(utils::tail(json_numbers(json, "held_out"), 3)))
    expect_identical(predict(readgkdensity(run), returns), predict(fit))
}
