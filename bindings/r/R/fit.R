# Fits of one sample: fitgk() and the object that it returns. fit_methods.R has the S3 methods.

# Enumerations of gkvae/gk_fit.h
fit_methods <- c(lm = 0L, mle = 1L, octile = 2L)
fit_intervals <- c(wald = 0L, profile = 1L)
fit_tests <- c("levels", "bins", "ties", "heaps", "few bins", "none")
auto <- -1 # GKV_GK_RESOLUTION_AUTO, and the automatic shrinkage and tolerance of mixtures

# The numbers from GKV_FLAT_FIT_LOG_LIKELIHOOD on, in order.
fit_numbers <- c("loglik", "aic", "bic", "chi2", "chi2_df", "p.value", "test", "anderson_darling", "n", "total",
                 "levels", "df", "iterations", "newton", "converged", "at_bound", "symmetric", "method", "resolution",
                 "heaps", "tied_value", "tied")
fit_size <- 36L + length(fit_numbers)

parameter_names <- function(family) c("A", "B", "g", if (family == "gk") "k" else "h")

# Results do not depend on the number of threads.
threads_for <- function(small) {
    given <- getOption("gkvae.threads")
    if (is.null(given)) if (small) 1L else 0L else as.integer(given)
}

as_sample <- function(x, name) {
    if (!is.numeric(x) && !is.logical(x))
        stop(name, ": give a numeric vector", call. = FALSE)
    as.double(x)
}

as_weights <- function(weights, n) {
    if (is.null(weights))
        return(NULL)
    weights <- as_sample(weights, "weights")
    if (length(weights) != n)
        stop("there are ", length(weights), " weights for ", n, " observations", call. = FALSE)
    weights
}

# Numbers of A, B, g, k from a named vector or list.
by_parameter <- function(values, names, missing, what) {
    out <- stats::setNames(rep(missing, 4L), names)
    if (length(values) == 0L)
        return(out)
    if (is.null(names(values)) || anyDuplicated(names(values)))
        stop(what, ": name each number, as in ", what, " = c(g = 0)", call. = FALSE)
    unknown <- setdiff(names(values), names)
    if (length(unknown))
        stop(what, " has ", dQuote(unknown[1L], FALSE), "; the parameters are ", paste(names, collapse = ", "),
             call. = FALSE)
    values <- unlist(values)
    if (!is.numeric(values) || length(values) != length(names(values)))
        stop(what, ": give one number for each parameter", call. = FALSE)
    out[names(values)] <- values
    out
}

resolution_of <- function(resolution, upper) {
    if (is.null(resolution) || !is.null(upper))
        return(0)
    if (identical(resolution, "auto"))
        return(auto)
    if (!is.numeric(resolution) || length(resolution) != 1L || !is.finite(resolution) || resolution < 0)
        stop("resolution: give the unit of rounded values, \"auto\", or NULL for exact values", call. = FALSE)
    as.double(resolution)
}

# The settings as C takes them.
fit_settings <- function(method, family, c, fixed, start, bounds, resolution, upper, levels, confidence, n) {
    names <- parameter_names(family)
    held <- by_parameter(fixed, names, NaN, "fixed")
    begin <- by_parameter(start, names, NaN, "start")
    is_fixed <- !is.nan(held)
    if (all(is_fixed))
        stop("all parameters are fixed: there is nothing to fit", call. = FALSE)
    begin[is_fixed] <- held[is_fixed]
    if (any(lengths(bounds) != 2L))
        stop("bounds: give two numbers for each parameter, as in bounds = list(k = c(0, 1))", call. = FALSE)
    list(family = families[[family]], method = fit_methods[[method]], c = as.double(c),
         confidence = as.double(confidence), intervals = fit_intervals[["wald"]],
         resolution = resolution_of(resolution, upper), levels = if (is.null(levels)) 0 else as.double(levels),
         start = if (all(is.nan(begin))) NULL else unname(begin), fixed = unname(is_fixed),
         low = unname(by_parameter(lapply(bounds, `[[`, 1L), names, -Inf, "bounds")),
         high = unname(by_parameter(lapply(bounds, `[[`, 2L), names, Inf, "bounds")), threads = threads_for(n < 1e5))
}

interval_names <- function(level) {
    ends <- c((1 - level) / 2, (1 + level) / 2)
    paste(format(100 * ends, trim = TRUE, scientific = FALSE, digits = 3), "%")
}

# The object of the numbers of a fit.
fit_object <- function(row, family, c, confidence) {
    names <- parameter_names(family)
    fit <- as.list(stats::setNames(row[37:fit_size], fit_numbers))
    for (flag in c("converged", "at_bound", "symmetric"))
        fit[[flag]] <- isTRUE(fit[[flag]] == 1)
    for (count in c("chi2_df", "n", "levels", "df", "iterations", "newton"))
        fit[[count]] <- as.integer(fit[[count]])
    fit$test <- if (is.na(fit$test)) "none" else fit_tests[fit$test + 1]
    fit$method <- if (is.na(fit$method)) "none" else names(fit_methods)[match(fit$method, fit_methods)]
    c(list(coefficients = stats::setNames(row[1:4], names), se = stats::setNames(row[5:8], names),
           vcov = matrix(row[9:24], 4L, byrow = TRUE, dimnames = list(names, names)),
           intervals = matrix(row[25:32], 4L, dimnames = list(names, interval_names(confidence))),
           bound = stats::setNames(as.integer(row[33:36]), names)),
      fit, list(family = family, c = c, confidence = confidence))
}

fitgk <- function(x, weights = NULL, method = c("mle", "lm", "octile"), fixed = NULL, resolution = "auto",
                  family = c("gk", "gh", "ggh"), c = 0.8, start = NULL, bounds = NULL, upper = NULL, levels = NULL,
                  confidence = 0.95) {
    call <- match.call()
    method <- match.arg(method)
    family <- match.arg(family)
    x <- as_sample(x, "x")
    weights <- as_weights(weights, length(x))
    if (!is.null(upper)) {
        upper <- as_sample(upper, "upper")
        if (length(upper) != length(x))
            stop("there are ", length(upper), " upper ends for ", length(x), " lower ends", call. = FALSE)
    }
    settings <- fit_settings(method, family, c, fixed, start, bounds, resolution, upper, levels, confidence, length(x))
    row <- .Call(gkr_fit, x, upper, weights, settings)
    fit <- fit_object(row, family, c, confidence)
    fit <- c(fit, list(x = x, upper = upper, weights = weights, fixed = stats::setNames(settings$fixed,
             parameter_names(family)), settings = settings, call = call))
    if (!fit$converged && method != "octile")
        warning("the fit has not converged: the estimates are not a verified optimum", call. = FALSE)
    structure(fit, class = "fitgk")
}

# A function of the fitted distribution.
fitted_function <- function(fit, name, x) {
    v <- unname(fit$coefficients)
    evaluate(fit$family, name, x, v[1], v[2], v[3], v[4], fit$c)
}
