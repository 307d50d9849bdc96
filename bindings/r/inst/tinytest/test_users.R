# What those try who know R: tables and time series with missing values, the packages around, and mistakes.
file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")
x <- returns$index
fit <- fitgk(x)
both <- returns[, c("index", "currency")]

# --- Missing values ---
holes <- replace(x, c(5, 700), NA)
expect_error(fitgk(holes), "x: 2 of 2000 values are missing, the first is number 5: na.rm = TRUE leaves them out")
left <- fitgk(holes, na.rm = TRUE)
expect_identical(coef(left), coef(fitgk(na.omit(holes))))
expect_identical(c(left$n, left$omitted, length(left$x)), c(1998L, 2L, 1998L))
expect_stdout(print(left), "1998 values \\(2 with missing values left out\\)")
weights <- replace(rep(1, 2000), 9, NA)
expect_error(fitgk(x, weights), "weights: 1 of 2000 values are missing")
expect_identical(fitgk(holes, weights, na.rm = TRUE)$n, 1997L)
expect_error(fitgk(pmin(x, 1), upper = ifelse(x > 1, NA, x)), "upper: .*the upper end of a censored value is Inf")
expect_identical(fitgk(replace(pmin(x, 1), 3, NA), upper = ifelse(x > 1, Inf, x), na.rm = TRUE)$omitted, 1L)
gaps <- replace(both, cbind(c(5, 5, 8), c(1, 2, 2)), NA)
rows_missing <- "x: 2 of 2000 rows have missing, the first is number 5: na.rm = TRUE leaves them out"
for (fits in list(fitmgk, function(...) gkmixture(..., components = 2, restarts = 1))) {
    expect_error(fits(gaps), rows_missing)
    whole <- fits(gaps, na.rm = TRUE)
    expect_identical(coef(whole), coef(fits(na.omit(gaps))))
    expect_stdout(print(whole), "1998 rows of 2 columns \\(2 with missing values left out\\)")
    expect_identical(fits(both, replace(rep(1, 2000), 1, NA), na.rm = TRUE)$n, 1999L)
}
if (length(gkvae:::table_of("candidates"))) {
    expect_error(gkdensity(gaps, "t-copula"), rows_missing)
    few <- gkdensity(gaps[1:300, ], "t-copula", folds = 1, na.rm = TRUE)
    expect_identical(c(nobs(few), few$omitted), c(298L, 2L))
    upper <- both[1:300, ]
    upper[3, 1] <- NA
    expect_identical(nobs(gkdensity(both[1:300, ], "t-copula", upper = upper, folds = 1, na.rm = TRUE)), 299L)
}

# --- Tables and time series ---
expect_identical(coef(fitgk(returns["index"])), coef(fit))
expect_identical(coef(fitgk(as.matrix(returns["index"]))), coef(fit))
expect_identical(coef(fitgk(ts(x, frequency = 252))), coef(fit))
expect_error(fitgk(both), "x: there are 2 columns; give one of them")
expect_error(fitgk(as.matrix(both)), "x: there are 2 columns")
expect_error(fitgk(index ~ 1), "not an object of class \"formula\"")
expect_error(fitgk(as.character(x)), "not an object of class \"character\"")
expect_error(gkmixture(iris), "column \"Species\" is not numeric")
expect_identical(predict(fit, data.frame(r = 1:3), type = "upper"), predict(fit, 1:3, type = "upper"))
if (requireNamespace("xts", quietly = TRUE)) {
    days <- as.Date("2020-01-01") + seq_along(x)
    series <- xts::xts(as.matrix(both), order.by = days)
    expect_identical(coef(fitgk(series[, "index"])), coef(fit))
    expect_identical(attributes(pgk(series[, 1], 0, 1, 0, 0)), attributes(series[, 1]))
    first <- fitmgk(diff(series), na.rm = TRUE) # the first difference is missing
    expect_identical(first$omitted, 1L)
    expect_identical(names(predict(first))[1], "2020-01-03")
}
for (package in c("tibble", "data.table")) if (requireNamespace(package, quietly = TRUE)) {
    turn <- if (package == "tibble") tibble::as_tibble else data.table::as.data.table
    expect_identical(coef(fitgk(turn(returns["index"]))), coef(fit), info = package)
    expect_identical(coef(fitmgk(turn(both))), coef(fitmgk(both)), info = package)
    expect_identical(predict(fitmgk(both), turn(both[3:1, 2:1])), unname(predict(fitmgk(both), both[3:1, ])))
}

# --- New data by name: columns that are missing are not replaced by others ---
model <- fitmgk(both)
expect_identical(predict(model, both[1:4, 2:1]), predict(model, both[1:4, ]))
expect_error(predict(model, data.frame(currency = 1, price = 2)), "no column \"index\"; the columns are currency, price")
expect_equal(predict(model, unname(as.matrix(both[1:4, ]))), unname(predict(model, both[1:4, ])))
unnamed <- fitmgk(unname(as.matrix(both)))
expect_equal(unname(predict(unnamed, both[1:4, ])), unname(predict(model, both[1:4, ])))

# --- Methods that every fit in R has ---
expect_identical(coef(update(fit, fixed = c(g = 0))), coef(fitgk(x, fixed = c(g = 0))))
expect_identical(update(model, method = "mle")$loglik, fitmgk(both, method = "mle")$loglik)
expect_identical(quantile(fit, c(0.01, 0.5)), c("1%" = predict(fit, 0.01, "quantile"), "50%" = coef(fit)[["A"]]))
expect_identical(names(quantile(fit)), names(quantile(x)))
expect_null(names(quantile(fit, 0.01, names = FALSE)))
z <- residuals(fit)
expect_equal(z, predict(fit, type = "scores"))
expect_equal(qgk(pnorm(z), coef(fit)[1], coef(fit)[2], coef(fit)[3], coef(fit)[4]), x, tolerance = 1e-9)
expect_true(shapiro.test(z)$p.value > 1e-3 && shapiro.test(x)$p.value < 1e-10)
expect_error(residuals(fitgk(x, upper = x + 0.1)), "intervals")
expect_identical(coef(summary(fit))["k", 1:2], c(Estimate = coef(fit)[["k"]], "Std. Error" = fit$se[["k"]]))
margins <- confint(model)
expect_identical(rownames(margins)[c(1, 8)], c("index.A", "currency.k"))
expect_identical(unname(margins[1:4, ]), unname(confint(fitgk(x, method = "lm"))))
expect_true(confint(model, "index.k", level = 0.5)[1, 1] > margins["index.k", 1])
expect_error(confint(model, "k"), "parm: give some of index.A, ")
expect_error(confint(fit, "h"), "parm: give some of A, B, g, k")
expect_error(confint(fit, 5), "parm: give some of")
expect_identical(rownames(confint(fit, c(4, 1))), c("k", "A"))
expect_error(predict(fit, 0.9, "quantiles"), "should be")
expect_error(fitgk(x, method = "ML"), "should be")
expect_identical(do.call(pgk, c(q = 1, as.list(coef(fit)))), predict(fit, 1, type = "probability"))
saved <- tempfile(fileext = ".rds")
saveRDS(list(fit, model), saved)
expect_identical(predict(readRDS(saved)[[1]], 0.01, "quantile"), predict(fit, 0.01, "quantile"))
expect_identical(predict(readRDS(saved)[[2]]), predict(model))

# --- Draws of any number ---
expect_identical(dim(simulate(fit, 3, seed = 1, n = 10)), c(10L, 3L))
expect_identical(simulate(fit, seed = 1, n = 10)$sim_1, simulate(fit, seed = 1)$sim_1[1:10])
expect_identical(dim(simulate(model, seed = 1, n = 50000)[[1]]), c(50000L, 2L))
mixed <- simulate(gkmixture(both, 1, restarts = 1), seed = 1, n = 7)[[1]]
expect_identical(length(attr(mixed, "component")), 7L)

# --- Pictures with titles of one's own ---
pdf(NULL)
expect_silent(plot(fit, main = "Index", xlab = "return in %", ylim = c(0, 1)))
expect_silent(plot(fit, "qq", pch = 3, ylab = "return in %"))
expect_silent(hist(x, freq = FALSE, breaks = 40))
expect_silent(curve(predict(fit, x), add = TRUE))
if (requireNamespace("ggplot2", quietly = TRUE)) {
    picture <- ggplot2::ggplot(data.frame(x = x), ggplot2::aes(x)) +
        ggplot2::stat_function(fun = dgk, args = as.list(coef(fit)))
    expect_silent(print(picture))
    quantiles <- ggplot2::ggplot(data.frame(x = x), ggplot2::aes(sample = x)) +
        ggplot2::stat_qq(distribution = qgk, dparams = as.list(coef(fit)))
    expect_equal(ggplot2::layer_data(quantiles)$theoretical, predict(fit, ppoints(x), type = "quantile"))
}
invisible(dev.off())

# --- Many fits, in processes ---
years <- split(x, rep(1:4, each = 500))
alone <- lapply(years, function(year) coef(fitgk(year)))
expect_identical(parallel::mclapply(years, function(year) coef(fitgk(year)), mc.cores = 2), alone)

# --- Packages that take distributions and fits ---
if (requireNamespace("fitdistrplus", quietly = TRUE)) {
    short <- x[1:200]
    theirs <- suppressWarnings(fitdistrplus::fitdist(short, "gk", start = as.list(coef(fitgk(short))),
                                                     fix.arg = list(c = 0.8)))
    expect_true(fitdistrplus::gofstat(theirs)$ad < 2.5)
    set.seed(1)
    boot <- suppressWarnings(fitdistrplus::bootdist(theirs, niter = 12))
    expect_identical(dim(boot$estim), c(12L, 4L))
    expect_equal(unlist(quantile(theirs, 0.9)$quantiles), unname(quantile(fitgk(short), 0.9)), tolerance = 0.01,
                 check.attributes = FALSE)
}
if (requireNamespace("lmtest", quietly = TRUE)) {
    ratio <- lmtest::lrtest(fitgk(x, fixed = c(g = 0)), fit)
    expect_equal(ratio$Chisq[2], anova(fitgk(x, fixed = c(g = 0)), fit)$Chisq[2])
    expect_equal(unname(lmtest::coeftest(fit)[, 2]), unname(fit$se))
}
