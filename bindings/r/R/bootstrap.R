# The bootstrap of a fit of one sample.

bootstrap_numbers <- c("p.chi2", "p.anderson_darling", "used", "failed")

bootstrap <- function(object, ...) UseMethod("bootstrap")

bootstrap.fitgk <- function(object, replicates = 1000, parametric = TRUE, seed = NULL,
                            confidence = object$confidence, ...) {
    if (!is.numeric(replicates) || length(replicates) != 1L || !is.finite(replicates) || replicates < 2)
        stop("replicates: give a number of at least 2", call. = FALSE)
    if (is.null(seed))
        seed <- floor(stats::runif(1) * 2^53)
    settings <- utils::modifyList(object$settings, list(
        replicates = replicates, nonparametric = !isTRUE(parametric), seed = seed,
        confidence = as.double(confidence), threads = threads_for(FALSE)))
    raw <- .Call(gkr_bootstrap, object$x, object$upper, object$weights, settings)
    names <- parameter_names(object$family)
    row <- raw$numbers
    structure(c(list(coefficients = object$coefficients, se = stats::setNames(row[1:4], names),
                     bias = stats::setNames(row[5:8], names),
                     intervals = matrix(row[9:16], 4L, dimnames = list(names, interval_names(confidence))),
                     vcov = matrix(row[17:32], 4L, byrow = TRUE, dimnames = list(names, names))),
                as.list(stats::setNames(row[33:36], bootstrap_numbers)),
                list(estimates = matrix(raw$estimates, ncol = 4L, byrow = TRUE, dimnames = list(NULL, names)),
                     parametric = isTRUE(parametric), seed = seed, confidence = confidence)), class = "bootgk")
}

print.bootgk <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat(if (x$parametric) "Parametric" else "Nonparametric", "bootstrap,", x$used, "replicates")
    if (x$failed > 0)
        cat(";", x$failed, "more could not be fitted")
    cat("\n\n")
    print(cbind(Estimate = x$coefficients, Bias = x$bias, "Std. Error" = x$se, x$intervals), digits = digits, ...)
    if (is.finite(x$p.anderson_darling))
        cat(sprintf("\ntest of fit by Anderson and Darling's statistic: p = %.3g\n", x$p.anderson_darling))
    invisible(x)
}

confint.bootgk <- function(object, parm, level = object$confidence, ...) {
    if (!isTRUE(all.equal(level, object$confidence)))
        stop("confint: the intervals have the level ", object$confidence, "; ask bootstrap() for another one",
             call. = FALSE)
    if (missing(parm)) object$intervals else object$intervals[parm, , drop = FALSE]
}

vcov.bootgk <- function(object, ...) object$vcov
