# The vignette "exchange": its code runs, here on returns that are drawn from its fit; and if SERIES_DIR is the folder of
# exchange-returns.csv, it obtains the numbers of its text.
source_folder <- Sys.getenv("GKVAE_SOURCE")
if (!nzchar(source_folder) || !requireNamespace("knitr", quietly = TRUE))
    exit_file("GKVAE_SOURCE names no folder with the vignette, or knitr is not installed")

script <- tempfile(fileext = ".R")
knitr::purl(file.path(source_folder, "bindings/r/vignettes/exchange.Rmd"), script, quiet = TRUE, documentation = 0)
run_with <- function(folder) {
    before <- Sys.getenv("SERIES_DIR", NA)
    Sys.setenv(SERIES_DIR = folder)
    on.exit(if (is.na(before)) Sys.unsetenv("SERIES_DIR") else Sys.setenv(SERIES_DIR = before))
    pdf(NULL)
    on.exit(dev.off(), add = TRUE)
    digits <- options(digits = 7) # which the vignette sets
    on.exit(options(digits), add = TRUE)
    found <- new.env()
    capture.output(sys.source(script, found))
    found
}
agrees <- function(found) { # the posterior is that of the fit
    expect_true(all(abs(colMeans(found$draws) - coef(found$fit)) < 0.2 * found$fit$se))
    expect_equal(apply(found$draws, 2, sd), found$fit$se, tolerance = 0.1)
}

if (!nzchar(system.file(package = "Ecdat"))) {
    folder <- tempfile()
    dir.create(folder)
    set.seed(1)
    prices <- round(0.85 * exp(cumsum(c(0, rgk(1866, -8.5e-5, 1.665e-3, 0.02, 0.344)))), 4)
    write.csv(data.frame(cd = diff(log(prices))), file.path(folder, "exchange-returns.csv"), row.names = FALSE)
    drawn <- run_with(folder)
    agrees(drawn)
    expect_true(all(abs(coef(drawn$fit) - c(-8.5e-5, 1.665e-3, 0.02, 0.344)) < 4 * drawn$fit$se))
    expect_true(drawn$boot$p.anderson_darling > 0.01)
}

folder <- Sys.getenv("SERIES_DIR")
if (nzchar(folder)) {
    found <- run_with(folder)
    agrees(found)
    x <- found$x
    expect_equal(found$fit$loglik, 8574.937, tolerance = 1e-7)
    expect_equal(found$log_likelihood(found$published), 8567.36, tolerance = 1e-6)
    expect_equal(found$log_likelihood(found$published * c(-1, 1, 1, 1)), 8574.26, tolerance = 1e-6)
    expect_equal(exp(sum(x)) - 1, -0.13, tolerance = 0.02)
    profile <- confint(found$fit, method = "profile")
    expect_equal(unname(profile[, 1]), c(-1.76e-4, 1.554e-3, -0.042, 0.296), tolerance = 0.01)
    expect_equal(unname(profile[, 2]), c(0.06e-4, 1.782e-3, 0.083, 0.396), tolerance = 0.01)
    table <- anova(found$normal, found$symmetric, found$fit)
    expect_equal(c(table[3, "Pr(>Chisq)"], table$Chisq[2] / 2), c(0.52, 162), tolerance = 0.01)
    expect_equal(found$boot$p.anderson_darling, 0.17, tolerance = 0.1)
    expect_equal(found$rounded$p.value, 0.16, tolerance = 0.05)
    expect_true(fitgk(x, fixed = c(g = 0, k = 0), resolution = 1e-4)$p.value < 1e-15)
    expect_identical(sum(x == 0), 77L)
    expect_equal(c(mean(found$risk), quantile(found$risk, c(0.025, 0.975), names = FALSE)), c(0.0114, 0.0103, 0.0128),
                 tolerance = 0.01)
    expect_equal(c(predict(found$fit, 0.001, "quantile", "confidence")), -c(0.0114, 0.0126, 0.0101), tolerance = 0.01)
    expect_equal(predict(found$normal, 0.001, "quantile"), -0.0083, tolerance = 0.01)
}
