source("program.R")

file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")
x <- returns$index
names4 <- c("A", "B", "g", "k")

# What `gkvae fit --json` prints for this column.
fit_json <- function(...) paste(gkvae_lines("fit", "-q", file, "-c", "index", "--json", ...), collapse = "")
covariance_of <- function(json) {
    inner <- sub("\\].*", "", gsub("\\] *, *\\[", ",", sub(".*\"covariance\": *\\[ *\\[", "", json)))
    as.numeric(strsplit(inner, ",")[[1]])
}

# --- The numbers of the program, to the last digit ---
if (has_program) {
    for (method in c("lm", "mle")) {
        json <- fit_json("-m", method)
        fit <- fitgk(x, method = method)
        expect_identical(unname(coef(fit)), json_numbers(json, "estimate"), info = method)
        expect_identical(unname(fit$se), json_numbers(json, "standard_error"), info = method)
        expect_identical(as.vector(t(unname(vcov(fit)))), covariance_of(json), info = method)
        expect_identical(unname(confint(fit)[, 1]), json_numbers(json, "low"), info = method)
        expect_identical(unname(confint(fit)[, 2]), json_numbers(json, "high"), info = method)
        expect_identical(as.numeric(logLik(fit)), json_numbers(json, "log_likelihood"), info = method)
        expect_identical(fit$bic, json_numbers(json, "bic"), info = method)
        expect_identical(fit$p.value, json_numbers(json, "p_value"), info = method)
        expect_identical(fit$anderson_darling, json_numbers(json, "anderson_darling"), info = method)
    }
    expect_identical(unname(coef(fitgk(x, method = "octile"))), json_numbers(fit_json("-m", "octile"), "estimate"))
    expect_identical(unname(coef(fitgk(x, fixed = c(g = 0)))),
                     json_numbers(fit_json("-m", "mle", "--fix", "g=0"), "estimate"))
    expect_identical(unname(coef(fitgk(x, resolution = 0.01))),
                     json_numbers(fit_json("-m", "mle", "--resolution", "0.01"), "estimate"))
    expect_identical(unname(coef(fitgk(x, bounds = list(k = c(0, 0.1))))),
                     json_numbers(fit_json("-m", "mle", "--bounds", "k=0:0.1"), "estimate"))
    expect_identical(unname(coef(fitgk(x, method = "lm", levels = 30))),
                     json_numbers(fit_json("-m", "lm", "--levels", "30"), "estimate"))
    expect_identical(unname(coef(fitgk(x, method = "lm", family = "gh"))),
                     json_numbers(fit_json("-m", "lm", "--family", "gh"), "estimate"))
    expect_identical(unname(confint(fitgk(x), method = "profile")[, 1]),
                     json_numbers(fit_json("-m", "mle", "--intervals", "profile"), "low"))
}

# --- Methods ---
fit <- fitgk(x)
expect_true(fit$converged)
expect_identical(names(coef(fit)), names4)
expect_identical(names(coef(fitgk(x, method = "lm", family = "ggh"))), c("A", "B", "g", "h"))
expect_identical(dim(vcov(fit)), c(4L, 4L))
expect_equal(sqrt(diag(vcov(fit))), fit$se)
expect_equal(vcov(fit), t(vcov(fit)))
v <- unname(coef(fit))
expect_equal(as.numeric(logLik(fit)), sum(dgk(x, v[1], v[2], v[3], v[4], log = TRUE)), tolerance = 1e-10)
expect_equal(AIC(fit), fit$aic)
expect_equal(BIC(fit), fit$bic)
expect_equal(nobs(fit), 2000)
half <- confint(fit, level = 0.5)
expect_true(all(half[, 1] > confint(fit)[, 1] & half[, 2] < confint(fit)[, 2]))
expect_equal(unname(confint(fit, level = 0.9)),
             unname(fitgk(x, confidence = 0.9)$intervals), tolerance = 1e-12)
expect_identical(dim(confint(fit, "k")), c(1L, 2L))
expect_identical(colnames(confint(fit)), c("2.5 %", "97.5 %"))
profile <- confint(fit, c("g", "k"), level = 0.9, method = "profile")
expect_equal(unname(profile), unname(confint(fit, c("g", "k"), level = 0.9)), tolerance = 0.05)
expect_equal(predict(fit, 0), dgk(0, v[1], v[2], v[3], v[4]))
expect_equal(predict(fit, predict(fit, c(0.01, 0.5), type = "quantile"), type = "probability"), c(0.01, 0.5))
expect_equal(predict(fit, 1, type = "upper"), 1 - predict(fit, 1, type = "probability"))
expect_error(predict(fit, type = "quantile"), "newdata")
risk <- predict(fit, c(0.5, 0.99), type = "quantile", interval = "confidence")
expect_identical(risk[, "fit"], predict(fit, c(0.5, 0.99), type = "quantile"))
expect_equal(unname(risk[1, c("lwr", "upr")]), unname(confint(fit)["A", ]), tolerance = 1e-6)
refits <- bootstrap(fit, replicates = 200, seed = 1)$estimates
expect_equal((risk[2, "upr"] - risk[2, "lwr"]) / (2 * qnorm(0.975)),
             sd(apply(refits, 1, function(v) qgk(0.99, v[1], v[2], v[3], v[4]))), tolerance = 0.2,
             check.attributes = FALSE)
narrow <- predict(fit, 0.99, type = "quantile", interval = "confidence", level = 0.5)
expect_equal((narrow[[3]] - narrow[[2]]) / (risk[[2, 3]] - risk[[2, 2]]), qnorm(0.75) / qnorm(0.975))
expect_true(all(is.finite(predict(fitgk(x, fixed = c(g = 0)), 0.9, "quantile", "confidence"))))
expect_error(predict(fit, 1, interval = "confidence"), "intervals are of quantiles")
expect_error(predict(fit, 0.9, "quantile", "confidence", level = 95), "level")
expect_error(predict(fitgk(x, method = "octile"), 0.9, "quantile", "confidence"), "no standard errors")
set.seed(3)
before <- runif(1)
set.seed(3)
draws <- simulate(fit, nsim = 2, seed = 1)
expect_identical(runif(1), before)
expect_identical(dim(draws), c(2000L, 2L))
expect_identical(draws, simulate(fit, nsim = 2, seed = 1))
expect_false(identical(draws$sim_1, draws$sim_2))
expect_stdout(print(fit), "maximum likelihood, 2000 values")
expect_stdout(print(summary(fit)), "test of fit: chi2")
expect_stdout(print(summary(fitgk(x, fixed = c(g = 0)))), "g is fixed")

# A picture has the points of a QQ plot and no error.
picture <- tempfile(fileext = ".pdf")
pdf(picture)
expect_silent(plot(fit))
expect_silent(plot(fit, "qq", level = 0.5))
invisible(dev.off())
expect_true(file.size(picture) > 10000)

# --- Nested fits ---
free <- fitgk(x, free_c = TRUE)
expect_true(free$c == free$c_estimate$estimate && free$c_estimate$held == 0.8)
expect_equal(free$c_estimate$held_loglik, fitgk(x)$loglik, tolerance = 1e-9)
expect_null(fitgk(x)$c_estimate)
expect_error(fitgk(x, method = "lm", free_c = TRUE), "maximum likelihood")

symmetric <- fitgk(x, fixed = c(g = 0))
normal <- fitgk(x, fixed = list(g = 0, k = 0))
expect_equal(unname(coef(normal)[1]), mean(x), tolerance = 1e-6)
expect_equal(fit$df - normal$df, 2L)
table <- anova(normal, fit, symmetric)
expect_identical(table$Df, c(2L, 3L, 4L))
expect_equal(table$Chisq[2:3], 2 * diff(c(normal$loglik, symmetric$loglik, fit$loglik)))
expect_equal(table[3, "Pr(>Chisq)"], pchisq(table$Chisq[3], 1, lower.tail = FALSE))
expect_stdout(print(table), "Likelihood ratio tests")
expect_error(anova(fit), "two or more")
expect_error(anova(fit, fitgk(x[-1], fixed = c(g = 0))), "differ in x")
expect_error(anova(fitgk(x, fixed = c(k = 0)), normal, symmetric), "not nested")
expect_error(anova(fit, fitgk(x, method = "lm")), "maximum likelihood")

# --- Weights, intervals ---
twice <- fitgk(rep(x, 2), method = "lm", resolution = NULL)
weighted <- fitgk(x, rep(2, length(x)), method = "lm", resolution = NULL)
expect_identical(coef(weighted), coef(twice))
expect_equal(nobs(weighted), 4000)
expect_equal(BIC(weighted), weighted$bic)
binned <- fitgk(floor(x * 4) / 4, upper = floor(x * 4) / 4 + 0.25)
expect_equal(coef(binned), coef(fit), tolerance = 0.1)
censored <- fitgk(pmin(x, 1), upper = ifelse(x > 1, Inf, x))
expect_equal(coef(censored), coef(fit), tolerance = 0.2)

# --- Errors ---
expect_error(fitgk(1:3), "8")
expect_error(fitgk(round(x), method = "lm", resolution = NULL),
             "maximum likelihood .*\\(method = \"mle\", resolution = \"auto\"\\)")
expect_error(fitgk(x, method = "lm", upper = x + 1), "need maximum likelihood \\(method = \"mle\"\\)")
expect_error(bootstrap(fitgk(x, upper = x + 0.1), replicates = 19), "\\(parametric = FALSE\\)")
expect_error(fitgk(c(x, NA)), "na.rm")
missing_value <- tryCatch(fitgk(c(x, NA)), error = identity)
expect_null(conditionCall(missing_value)) # not that of a function within the package
expect_error(fitgk("a"), "numeric")
expect_error(fitgk(x, 1:3), "3 weights for 2000")
expect_error(fitgk(x, fixed = c(h = 0)), "the parameters are A, B, g, k")
expect_error(fitgk(x, fixed = 0), "name each number")
expect_error(fitgk(x, fixed = c(A = 0, B = 1, g = 0, k = 0)), "nothing to fit")
expect_error(fitgk(x, c = 2), "c = 2|c .*between|0 < c")
expect_error(fitgk(x, bounds = list(k = 1)), "two numbers")
expect_error(fitgk(x, resolution = -1), "resolution")
expect_error(fitgk(x, method = "lm", levels = 20.5), "levels = 20.5: give a whole number")
expect_error(fitgk(x, c = c(0.7, 0.8)), "c: give one value")
expect_error(fitgk(x, c = NA), "c: give TRUE or FALSE|c = ")
expect_error(fitgk(x, confidence = 1), "confidence")
expect_error(confint(fitgk(x, method = "lm"), method = "profile"), "maximum likelihood")
