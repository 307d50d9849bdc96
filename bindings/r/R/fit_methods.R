# S3 methods of fits of one sample.

method_titles <- c(mle = "maximum likelihood", lm = "least squares on quantiles", octile = "octiles", none = "no fit")
test_notes <- c(ties = "no p-value: equal values contradict a continuous distribution; give their resolution",
                heaps = "no p-value: too many values are multiples of a coarser unit than the resolution",
                "few bins" = "no test of fit: too few bins", none = "no test of fit")

fit_title <- function(x)
    paste0(family_title(x$family), " distribution", if (has_c(x$family)) paste0(", c = ", format(x$c)), ", by ",
           method_titles[[x$method]], ", ", x$n, " values", omitted_words(x))

omitted_words <- function(x) if (isTRUE(x$omitted > 0)) paste0(" (", x$omitted, " with missing values left out)")

print.fitgk <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat(fit_title(x), "\n\n", sep = "")
    print(rbind(estimate = x$coefficients, "std. error" = x$se), digits = digits, ...)
    if (!x$converged && x$method != "octile")
        cat("\nThe fit has not converged.\n")
    invisible(x)
}

summary.fitgk <- function(object, ...) {
    object$table <- cbind(Estimate = object$coefficients, "Std. Error" = object$se, object$intervals)
    class(object) <- "summary.fitgk"
    object
}

print.summary.fitgk <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat("Call: ", paste(deparse(x$call), collapse = "\n"), "\n\n", fit_title(x), "\n\n", sep = "")
    print(x$table, digits = digits, ...)
    for (name in names(which(x$fixed)))
        cat(name, "is fixed\n")
    for (name in names(which(x$bound != 0 & !x$fixed)))
        cat(name, "is at a bound\n")
    cat(sprintf("\nlog-likelihood %.3f, AIC %.3f, BIC %.3f\n", x$loglik, x$aic, x$bic))
    if (x$test %in% c("levels", "bins"))
        cat(sprintf("test of fit: chi2 = %.2f with %d degrees of freedom, p = %.3g\n", x$chi2, x$chi2_df, x$p.value))
    else
        cat(test_notes[[x$test]], "\n", sep = "")
    if (!x$converged && x$method != "octile")
        cat("The fit has not converged.\n")
    invisible(x)
}

coef.fitgk <- function(object, ...) object$coefficients

coef.summary.fitgk <- function(object, ...) object$table

vcov.fitgk <- function(object, ...) object$vcov

logLik.fitgk <- function(object, ...)
    structure(object$loglik, df = object$df, nobs = object$total, class = "logLik")

nobs.fitgk <- function(object, ...) object$total

confint.fitgk <- function(object, parm, level = object$confidence, method = c("wald", "profile"), ...) {
    method <- match.arg(method)
    if (!is.numeric(level) || length(level) != 1L || is.na(level) || level <= 0 || level >= 1)
        stop("level: give a number between 0 and 1", call. = FALSE)
    out <- object$intervals
    if (method == "profile") {
        if (object$settings$method != "mle")
            stop("profile intervals are for fits by maximum likelihood: fit with method = \"mle\"", call. = FALSE)
        settings <- utils::modifyList(object$settings, list(confidence = level, intervals = "profile"))
        out[] <- intervals_of(run_fit(object$x, object$upper, object$weights, settings), rownames(out), level)
    } else if (level != object$confidence) {
        half <- stats::qnorm((1 + level) / 2) * object$se
        out[] <- cbind(object$coefficients - half, object$coefficients + half)
        B <- object$coefficients[["B"]]
        out["B", ] <- B * exp(c(-1, 1) * half[["B"]] / B)
    }
    colnames(out) <- interval_names(level)
    if (missing(parm))
        return(out)
    if (!all(parm %in% if (is.character(parm)) rownames(out) else seq_len(4L)))
        stop("parm: give some of ", paste(rownames(out), collapse = ", "), call. = FALSE)
    out[parm, , drop = FALSE]
}

# Sets the seed, and returns the state that simulate() records, as methods of stats do.
simulation_state <- function(seed) {
    if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE))
        stats::runif(1)
    if (is.null(seed))
        return(get(".Random.seed", envir = globalenv()))
    set.seed(seed)
    structure(seed, kind = as.list(RNGkind()))
}

# Evaluates draws() after set.seed(seed), and restores the generator if a seed is given.
simulated <- function(seed, draws) {
    if (!is.null(seed) && exists(".Random.seed", envir = globalenv(), inherits = FALSE)) {
        before <- get(".Random.seed", envir = globalenv())
        on.exit(assign(".Random.seed", before, envir = globalenv()))
    }
    state <- simulation_state(seed)
    structure(draws(), seed = state)
}

simulate.fitgk <- function(object, nsim = 1, seed = NULL, n = object$n, ...) {
    v <- unname(object$coefficients)
    simulated(seed, function() {
        draws <- lapply(seq_len(nsim), function(i)
            draws_of(object$family, n, v[1], v[2], v[3], v[4], object$c))
        names(draws) <- paste0("sim_", seq_len(nsim))
        as.data.frame(draws)
    })
}

predict.fitgk <- function(object, newdata = object$x,
                          type = c("density", "logdensity", "probability", "upper", "quantile", "scores"),
                          interval = c("none", "confidence"), level = object$confidence, ...) {
    type <- match.arg(type)
    interval <- match.arg(interval)
    if (is.data.frame(newdata))
        newdata <- as_sample(newdata, "newdata")
    if (type == "quantile" && missing(newdata))
        stop("newdata: give the probabilities of the quantiles", call. = FALSE)
    name <- c(density = "pdf", logdensity = "log_pdf", probability = "cdf", upper = "upper", quantile = "quantile",
              scores = "Q_inverse")
    value <- fitted_function(object, name[[type]], newdata)
    if (interval == "none")
        return(value)
    if (type != "quantile")
        stop("interval: intervals are of quantiles (type = \"quantile\")", call. = FALSE)
    if (!is.numeric(level) || length(level) != 1L || is.na(level) || level <= 0 || level >= 1)
        stop("level: give a number between 0 and 1", call. = FALSE)
    half <- stats::qnorm((1 + level) / 2) * error_of(object, name[[type]], newdata)
    cbind(fit = value, lwr = value - half, upr = value + half)
}

quantile.fitgk <- function(x, probs = seq(0, 1, 0.25), names = TRUE, ...) {
    value <- predict.fitgk(x, probs, type = "quantile")
    if (isTRUE(names)) stats::setNames(value, paste0(format(100 * probs, trim = TRUE), "%")) else value
}

# The normal scores of the values, which are standard normal if they are of this distribution.
residuals.fitgk <- function(object, ...) {
    if (!is.null(object$upper))
        stop("residuals: the fit has intervals, which have no scores", call. = FALSE)
    predict.fitgk(object, type = "scores")
}

# The standard error of a function of the fit, by its differences in each parameter (delta method).
error_of <- function(fit, name, x) {
    free <- which(fit$se > 0)
    if (!length(free))
        stop("fits by ", method_titles[[fit$settings$method]], " have no standard errors", call. = FALSE)
    slopes <- vapply(free, function(i) {
        at <- function(step) {
            fit$coefficients[i] <- fit$coefficients[i] + step
            fitted_function(fit, name, x)
        }
        step <- 1e-3 * fit$se[[i]]
        (at(step) - at(-step)) / (2 * step)
    }, numeric(length(x)))
    slopes <- matrix(slopes, ncol = length(free))
    sqrt(rowSums((slopes %*% fit$vcov[free, free, drop = FALSE]) * slopes))
}

# The values of a picture: the middles of finite intervals, in ascending order, with their weights.
picture_sample <- function(fit) {
    x <- if (is.null(fit$upper)) fit$x else (fit$x + fit$upper) / 2
    weights <- if (is.null(fit$weights)) rep(1, length(x)) else fit$weights
    keep <- is.finite(x) & weights > 0
    rank <- order(x[keep])
    list(x = x[keep][rank], weights = weights[keep][rank])
}

# graphics::plot() of no points, with titles unless the user has given others.
empty_plot <- function(x, y, defaults, ...) {
    given <- list(...)
    do.call(graphics::plot, c(list(x, y, type = "n"), defaults[setdiff(names(defaults), names(given))], given))
}

plot_density <- function(fit, sample, ...) {
    ends <- fitted_function(fit, "quantile", c(1e-3, 1 - 1e-3))
    inside <- sample$x >= ends[1] & sample$x <= ends[2]
    bins <- min(80, max(10, floor(sqrt(length(sample$x)))))
    breaks <- seq(ends[1], ends[2], length.out = bins + 1)
    counts <- numeric(bins)
    sums <- tapply(sample$weights[inside], findInterval(sample$x[inside], breaks, rightmost.closed = TRUE), sum)
    counts[as.integer(names(sums))] <- sums
    heights <- counts / sum(sample$weights) / diff(breaks)
    grid <- seq(ends[1], ends[2], length.out = 401)
    curve <- fitted_function(fit, "pdf", grid)
    empty_plot(grid, curve, list(ylim = c(0, max(curve, heights)), xlab = "x", ylab = "density",
                                 main = family_title(fit$family)), ...)
    graphics::rect(breaks[-length(breaks)], 0, breaks[-1], heights, col = "grey85", border = NA)
    graphics::lines(grid, curve, col = "steelblue", lwd = 2)
}

plot_qq <- function(fit, sample, level, ...) {
    total <- sum(sample$weights)
    rank <- cumsum(sample$weights) - sample$weights / 2 + 0.5
    theory <- fitted_function(fit, "quantile", (rank - 0.5) / total)
    end <- function(p) fitted_function(fit, "quantile", stats::qbeta(p, rank, total + 1 - rank))
    low <- end((1 - level) / 2)
    high <- end((1 + level) / 2)
    empty_plot(theory, sample$x, list(xlab = "quantile of the fit", ylab = "value",
                                      main = paste0("QQ plot, pointwise ", format(100 * level), "% band")), ...)
    graphics::polygon(c(theory, rev(theory)), c(low, rev(high)), col = "lightsteelblue", border = NA)
    graphics::abline(0, 1, col = "steelblue")
    graphics::points(theory, sample$x, pch = 20, cex = 0.5)
}

plot.fitgk <- function(x, which = c("density", "qq"), level = x$confidence, ...) {
    which <- match.arg(which, several.ok = TRUE)
    sample <- picture_sample(x)
    if (length(which) > 1L) {
        before <- graphics::par(mfrow = c(1, length(which)))
        on.exit(graphics::par(before))
    }
    for (picture in which)
        if (picture == "density") plot_density(x, sample, ...) else plot_qq(x, sample, level, ...)
    invisible(x)
}

anova.fitgk <- function(object, ...) {
    fits <- list(object, ...)
    if (length(fits) < 2L || !all(vapply(fits, inherits, NA, "fitgk")))
        stop("anova: give two or more nested fits of fitgk()", call. = FALSE)
    fits <- fits[order(vapply(fits, function(fit) fit$df, 0L))]
    for (i in seq_along(fits)) {
        fit <- fits[[i]]
        if (fit$settings$method != "mle")
            stop("anova: likelihood ratios are for fits by maximum likelihood: fit with method = \"mle\"",
                 call. = FALSE)
        for (part in c("x", "upper", "weights", "resolution", "family", "c"))
            if (!identical(fit[[part]], object[[part]]))
                stop("anova: the fits differ in ", part, ": they are not nested", call. = FALSE)
        free <- fit$fixed
        if (i > 1L && any(free & !fits[[i - 1L]]$fixed))
            stop("anova: the fits are not nested: a parameter that one of them fixes is free in a smaller one",
                 call. = FALSE)
        shared <- names(which(fit$fixed))
        if (i > 1L && any(fit$coefficients[shared] != fits[[i - 1L]]$coefficients[shared]))
            stop("anova: the fits are not nested: they fix a parameter at different values", call. = FALSE)
    }
    df <- vapply(fits, function(fit) fit$df, 0L)
    loglik <- vapply(fits, function(fit) fit$loglik, 0)
    steps <- c(NA, diff(df))
    chisq <- c(NA, 2 * diff(loglik))
    p <- ifelse(steps > 0, stats::pchisq(chisq, steps, lower.tail = FALSE), NA)
    fixed <- vapply(fits, function(fit) {
        held <- fit$coefficients[fit$fixed]
        if (length(held)) paste(names(held), format(held), sep = " = ", collapse = ", ") else "all free"
    }, "")
    table <- data.frame(Df = df, logLik = loglik, "Chi Df" = steps, Chisq = chisq, "Pr(>Chisq)" = p,
                        check.names = FALSE, row.names = make.unique(fixed))
    structure(table, heading = paste0("Likelihood ratio tests of ", family_title(object$family), " fits\n"),
              class = c("anova", "data.frame"))
}
