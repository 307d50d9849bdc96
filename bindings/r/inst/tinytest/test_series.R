# Verified maximum-likelihood estimates of real series, as in tests/mixture/test_series.c, if SERIES_DIR is the folder of
# exchange-returns.csv and mgnk.csv.
folder <- Sys.getenv("SERIES_DIR")
if (!nzchar(folder)) exit_file("SERIES_DIR names no folder with exchange-returns.csv and mgnk.csv")

returns <- read.csv(file.path(folder, "exchange-returns.csv"))
estimates <- rbind(cd = c(-8.4948e-5, 1.66518e-3, .020315, .34420, 8574.937),
                   dm = c(-3.8692e-4, 6.00918e-3, .11368, .19635, 6477.158),
                   bp = c(-2.7179e-4, 5.26072e-3, .04750, .27703, 6555.172),
                   dy = c(-2.2786e-4, 4.84385e-3, .16919, .26151, 6753.200),
                   sf = c(-2.5230e-4, 6.79302e-3, .08969, .16408, 6314.728))
errors <- rbind(cd = c(4.657e-5, 5.814e-5, .03188, .02556), dm = c(1.629e-4, 1.988e-4, .02894, .02374),
                bp = c(1.434e-4, 1.838e-4, .03143, .02554), dy = c(1.337e-4, 1.653e-4, .03087, .02510),
                sf = c(1.833e-4, 2.165e-4, .02749, .02251))
for (name in rownames(estimates)) {
    fit <- fitgk(returns[[name]], resolution = NULL)
    found <- unname(c(coef(fit), as.numeric(logLik(fit))))
    expect_true(all(abs(found / estimates[name, ] - 1) < 1e-4), info = name)
    expect_true(all(abs(unname(fit$se) / errors[name, ] - 1) < 1e-3), info = name)
}

rates <- read.csv(file.path(folder, "mgnk.csv"))
margins <- rbind(c(4.946e-4, 6.7777e-3, -.0719, .2798), c(4.659e-4, 5.2364e-3, -.1043, .2778),
                 c(7.117e-4, 7.8811e-3, -.1031, .3785))
expect_true(all(abs(unname(coef(fitmgk(rates, method = "mle"))) / margins - 1) < 1e-3))
fit <- fitmgk(rates)
expect_true(all(abs(fit$correlation[lower.tri(fit$correlation)] - c(.665, .814, .640)) < 1e-3))
expect_true(all(abs(fit$correlation_se[lower.tri(fit$correlation)] - c(.014, .008, .015)) < 1e-3))
