source("program.R")

file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")[, c("index", "currency")]
joint_json <- function(...)
    paste(gkvae_lines("fit", "-q", file, "-c", "index,currency", "--json", ...), collapse = "")
matrix_of <- function(json, name, d = 2) {
    inner <- sub("\\].*", "", gsub("\\] *, *\\[", ",", sub(paste0(".*\"", name, "\": *\\[ *\\["), "", json)))
    matrix(as.numeric(strsplit(inner, ",")[[1]]), d, byrow = TRUE)
}

# --- The numbers of the program, to the last digit ---
if (has_program) {
    for (method in c("lm", "mle")) {
        json <- joint_json("--multivariate", "-m", method)
        fit <- fitmgk(returns, method = method)
        expect_identical(as.vector(t(coef(fit))), json_numbers(json, "estimate"), info = method)
        expect_identical(as.vector(t(fit$se)), json_numbers(json, "standard_error"), info = method)
        expect_identical(unname(fit$correlation), matrix_of(json, "correlation"), info = method)
        expect_identical(unname(fit$correlation_se), matrix_of(json, "correlation_standard_error"), info = method)
    }
    json <- joint_json("--mixture", "2")
    mixture <- gkmixture(returns, 2)
    expect_identical(mixture$proportions, json_numbers(json, "weight"))
    for (name in c("A", "B", "g", "k"))
        expect_identical(as.vector(t(coef(mixture)[, , name])), json_numbers(json, name), info = name)
    expect_identical(mixture$loglik, json_numbers(json, "log_likelihood")[1])
    expect_identical(mixture$bic, json_numbers(json, "bic")[1])
    expect_equal(unname(mixture$correlations[[2]]), matrix_of(json, "correlation"), tolerance = 1e-15)
    expect_identical(mixture$iterations, as.integer(json_numbers(json, "iterations")))
    table <- tempfile(fileext = ".csv")
    gkvae_lines("fit", "-q", file, "-c", "index,currency", "--mixture", "2", "--responsibilities", table)
    printed <- as.matrix(read.csv(table))
    mine <- predict(mixture, type = "responsibility")
    expect_equal(unname(printed[, ncol(printed) - 1:0]), unname(mine), tolerance = 1e-12)
    range <- gkmixture(returns, c(1, 3))
    expect_identical(range$loglik, json_numbers(joint_json("--mixture", "1..3"), "log_likelihood")[1])
}

# --- One component ---
fit <- fitmgk(returns)
expect_identical(dimnames(coef(fit)), list(c("index", "currency"), c("A", "B", "g", "k")))
expect_equal(fit$correlation, t(fit$correlation))
expect_equal(sum(predict(fit, type = "logdensity")), as.numeric(logLik(fit)), tolerance = 1e-9)
expect_equal(AIC(fit), fit$aic)
expect_equal(BIC(fit), fit$bic)
expect_equal(predict(fit), exp(predict(fit, type = "logdensity")))
scores <- predict(fit, type = "scores")
v <- coef(fit)["currency", ]
expect_equal(unname(scores[, "currency"]), pgk(returns$currency, v[1], v[2], v[3], v[4], zscale = TRUE),
             tolerance = 1e-10)
expect_identical(predict(fit, returns[1:5, 2:1]), predict(fit, returns[1:5, ]))
expect_equal(unname(predict(fit, c(0.5, -0.5))), unname(predict(fit, matrix(c(0.5, -0.5), 1))))
draws <- simulate(fit, nsim = 2, seed = 1)
expect_identical(draws, simulate(fit, nsim = 2, seed = 1))
expect_false(identical(draws[[1]], draws[[2]]))
expect_identical(dim(draws$sim_1), c(2000L, 2L))
expect_equal(coef(fitmgk(draws$sim_1)), coef(fit), tolerance = 0.2)
expect_equal(fitmgk(returns, independent = TRUE)$correlation[1, 2], 0)
expect_equal(unname(fitmgk(returns, normal = TRUE)$coefficients[, c("g", "k")]), matrix(0, 2, 2))
expect_equal(coef(fitmgk(returns, rep(2, 2000)))[, "A"], coef(fit)[, "A"], tolerance = 0.05)
expect_stdout(print(fit), "2000 rows of 2 columns")
expect_stdout(print(summary(fit)), "Standard errors of the correlation")
expect_identical(coef(fitmgk(as.matrix(returns))), coef(fit))
expect_equal(unname(coef(fitmgk(returns$index))[1, ]),
             unname(coef(fitgk(returns$index, method = "lm", resolution = NULL))))

# --- Mixtures ---
set.seed(5)
two <- rbind(cbind(rgk(300, 0, 1, 0.5, 0.1), rgk(300, 0, 1, 0, 0.1)),
             cbind(rgk(200, 9, 1, -0.5, 0.1), rgk(200, 9, 1, 0, 0.1)))
mixture <- gkmixture(two)
expect_equal(mixture$proportions, c(0.6, 0.4), tolerance = 0.02)
expect_identical(dim(coef(mixture)), c(2L, 2L, 4L))
expect_equal(mean(predict(mixture, type = "class") == rep(1:2, c(300, 200))), 1, tolerance = 0.02)
responsibility <- predict(mixture, type = "responsibility")
expect_identical(dim(responsibility), c(500L, 2L))
expect_equal(rowSums(responsibility), rep(1, 500))
expect_equal(sum(predict(mixture, type = "logdensity")), as.numeric(logLik(mixture)), tolerance = 1e-9)
expect_equal(BIC(mixture), mixture$bic)
draws <- simulate(mixture, seed = 1)$sim_1
expect_equal(mean(attr(draws, "component") == 1), 0.6, tolerance = 0.1)
expect_true(mean((draws[, 1] > 4.5) == (attr(draws, "component") == 2)) > 0.97)
expect_identical(gkmixture(two, c(1, 4))$components, 2L)
expect_identical(predict(mixture, two[0, ], type = "class"), integer(0))
expect_identical(dim(predict(mixture, two[0, ])), c(0L, 2L))
expect_stdout(print(mixture), "Mixture of 2 g-and-k distributions")
expect_stdout(print(summary(mixture)), "log-likelihood")
one <- gkmixture(two[1:300, 1], 1)
expect_identical(dim(coef(one)), c(1L, 1L, 4L))
expect_stdout(print(one), "Mixture of 1 g-and-k distribution,")
expect_warning(gkmixture(returns, 2, max_iterations = 1), "without convergence")

# --- Pictures ---
for (fit in list(mixture, fitmgk(two), gkmixture(two[, 1, drop = FALSE], 2), fitmgk(two[, 1, drop = FALSE]))) {
    picture <- tempfile(fileext = ".pdf")
    pdf(picture)
    expect_silent(plot(fit))
    invisible(dev.off())
    expect_true(file.size(picture) > 4000)
}

# --- Errors ---
expect_error(fitmgk("a"), "numeric")
expect_error(fitmgk(data.frame(a = 1:9, b = letters[1:9])), "\"b\" is not numeric")
expect_error(fitmgk(returns, 1:3), "3 weights")
expect_error(fitmgk(matrix(1, 50, 2), normal_fallback = FALSE), "without spread")
expect_error(gkmixture(two, 0), "components")
expect_error(gkmixture(two, seed = -1), "seed")
expect_error(gkmixture(two, 1.5), "components: give a whole number")
expect_error(gkmixture(two, c(2, 1)), "the least and the greatest")
expect_error(gkmixture(two, 2, restarts = 1.5), "restarts = 1.5: give a whole number")
expect_error(gkmixture(two, 2, max_iterations = 2.5), "max_iterations = 2.5")
expect_error(gkmixture(two, 2, normal = NA), "normal: give TRUE or FALSE")
expect_error(gkmixture(rbind(two, NA)), "na.rm")
expect_error(predict(mixture, matrix(0, 1, 3)), "3 columns; the fit has 2")
expect_error(gkmixture(two, shrink = "none"), "shrink")

# --- Interrupts: a limit of time ends a fit of many seconds ---
set.seed(1)
large <- matrix(rnorm(3e4), ncol = 3)
long_fit <- function() {
    before <- options(gkvae.threads = 1)
    on.exit({
        setTimeLimit()
        options(before)
    })
    setTimeLimit(elapsed = 0.3, transient = TRUE)
    gkmixture(large, c(10, 14))
}
expect_error(long_fit(), "interrupted")
expect_identical(predict(mixture, two[1:3, ]), responsibility[1:3, ])
