# The distributions in the package fitdistrplus: its tests of them, and a fit.
if (!requireNamespace("fitdistrplus", quietly = TRUE))
    exit_file("fitdistrplus is not installed")

# It looks for the functions by their names where it is called.
set.seed(1)
x <- rgk(300, 3, 1, 0.5, 0.1)
start <- list(A = 3, B = 1, g = 0.1, k = 0.05)
test <- utils::getFromNamespace("testdpqfun", "fitdistrplus")
for (family in c("gk", "gh", "ggh")) {
    last <- if (family == "gk") "k" else "h"
    begin <- stats::setNames(start, c("A", "B", "g", last))
    result <- test(family, start.arg = begin)
    expect_true(all(as.logical(result$ok)), info = paste(family, result$txt, collapse = "; "))
}
theirs <- suppressWarnings(fitdistrplus::fitdist(x, "gk", start = start, fix.arg = list(c = 0.8)))
mine <- fitgk(x)
expect_equal(theirs$estimate, coef(mine), tolerance = 0.01)
expect_true(theirs$loglik <= mine$loglik + 1e-6)
