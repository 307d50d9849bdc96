# The bootstrap has the numbers of the program and finds the standard errors of the fit.
source("program.R")

file <- system.file("extdata", "returns.csv", package = "gkvae")
returns <- read.csv(file, comment.char = "#")[, c("index", "currency")]
fit <- fitgk(returns$index, method = "lm")
boot <- bootstrap(fit, replicates = 60, seed = 3)
expect_identical(boot, bootstrap(fit, replicates = 60, seed = 3))
expect_false(identical(boot$estimates, bootstrap(fit, replicates = 60, seed = 4)$estimates))
expect_identical(dim(boot$estimates), c(60L, 4L))
expect_equal(boot$used + boot$failed, 60)
expect_equal(unname(boot$se), unname(apply(boot$estimates, 2, sd)), tolerance = 1e-6)
expect_true(all(abs(log(boot$se / fit$se)) < 0.5))
expect_identical(confint(boot, "g"), boot$intervals["g", , drop = FALSE])
expect_error(confint(boot, level = 0.9), "level")
expect_error(bootstrap(fit, replicates = 1), "replicates")
expect_error(bootstrap(fit, replicates = 19.5), "replicates: give a whole number")
expect_error(bootstrap(fit, replicates = 19, seed = 1.5), "seed = 1.5")
expect_stdout(print(boot), "Parametric bootstrap, 60 replicates")
expect_stdout(print(bootstrap(fit, 20, parametric = FALSE, seed = 1)), "Nonparametric")
set.seed(1)
one <- bootstrap(fit, 20)
set.seed(1)
expect_identical(bootstrap(fit, 20), one)
if (has_program) {
    json <- paste(gkvae_lines("fit", "-q", file, "-c", "index", "--json", "-m", "lm", "--bootstrap", "60", "--seed",
                              "3"), collapse = "")
    own <- sub(".*\"bootstrap\": *", "", json)
    expect_identical(unname(boot$se), json_numbers(own, "standard_error")[1:4])
    expect_identical(boot$p.anderson_darling, json_numbers(own, "p_anderson_darling"))
}
