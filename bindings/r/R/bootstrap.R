# The bootstrap of a fit of one sample.

bootstrap <- function(object, ...) UseMethod("bootstrap")

bootstrap.fitgk <- function(object, replicates = 1000, parametric = TRUE, seed = NULL,
                            confidence = object$confidence, ...) {
    if (!is.numeric(replicates) || length(replicates) != 1L || !is.finite(replicates) || replicates < 2)
        stop("replicates: give a number of at least 2", call. = FALSE)
    if (is.null(seed))
        seed <- floor(stats::runif(1) * 2^53)
    settings <- utils::modifyList(object$settings, list(
        nonparametric = !isTRUE(parametric), seed = seed, confidence = as.double(confidence)))
    raw <- .Call(gkr_bootstrap, object$x, object$upper, object$weights, replicates, settings, threads_for(FALSE))
    names <- parameter_names(object$family)
    numbers <- named_numbers(raw$numbers, "bootstrap")
    four <- function(prefix) stats::setNames(numbers[of_each(prefix)], names)
    structure(list(coefficients = object$coefficients, se = four("se."), bias = four("bias."),
                   intervals = intervals_of(numbers, names, confidence), vcov = covariance_of(numbers, names),
                   p.chi2 = numbers[["p_chi2"]], p.anderson_darling = numbers[["p_anderson_darling"]],
                   used = numbers[["used"]], failed = numbers[["failed"]],
                   estimates = matrix(raw$estimates, ncol = 4L, byrow = TRUE, dimnames = list(NULL, names)),
                   parametric = isTRUE(parametric), seed = seed, confidence = confidence), class = "bootgk")
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
