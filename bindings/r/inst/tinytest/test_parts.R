# Marginal and conditional distributions of fits of several columns.
file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")[, c("index", "currency")]

for (fit in list(fitmgk(returns), gkmixture(returns, 2))) {
    index <- marginal(fit, "index")
    # The conditional density is the joint one over the marginal one.
    given <- c(index = -1.5)
    part <- conditional(fit, given)
    expect_identical(part$columns, "currency")
    x <- seq(-3, 3, length.out = 7)
    joint <- predict(fit, cbind(index = -1.5, currency = x), type = "density")
    expect_equal(predict(part, x), unname(joint) / predict(index, -1.5), tolerance = 1e-9)
    expect_equal(integrate(function(v) predict(part, v), -Inf, Inf)$value, 1, tolerance = 1e-5)
    p <- c(0.001, 0.3, 0.99)
    q <- predict(part, p, type = "quantile")
    expect_equal(predict(part, q, type = "probability"), p, tolerance = 1e-10)
    expect_equal(integrate(function(v) predict(part, v), -Inf, q[2])$value, p[2], tolerance = 1e-5)
    draws <- simulate(part, seed = 1, n = 4000)$sim_1
    expect_identical(dim(draws), c(4000L, 1L))
    expect_true(abs(mean(draws <= q[2]) - p[2]) < 4 * sqrt(p[2] * 0.7 / 4000))
    expect_identical(marginal(fit, 1)$proportions, index$proportions)
    expect_stdout(print(part), "Distribution of currency")
    expect_error(conditional(fit, c(income = 1)), "the columns are index, currency")
    expect_error(conditional(fit, c(index = 1, currency = 1)), "leave at least one")
    expect_error(conditional(fit, 3), "name the value")
    expect_error(marginal(fit, 1.5), "name each column once")
    expect_error(predict(marginal(fit, 1:2), 0.5, type = "quantile"), "one column")
    expect_equal(predict(marginal(fit, 2:1), returns[1:3, 2:1]), predict(fit, returns[1:3, ], type = "density"))
}
