# S3 methods of fits of several columns.

joint_log_likelihood <- function(object, ...)
    structure(object$loglik, df = object$df, nobs = object$total, class = "logLik")
logLik.fitmgk <- joint_log_likelihood
logLik.gkmixture <- joint_log_likelihood

nobs.fitmgk <- function(object, ...) object$total
nobs.gkmixture <- function(object, ...) object$total

coef.fitmgk <- function(object, ...) object$coefficients
coef.gkmixture <- function(object, ...) object$coefficients

# Wald intervals of A, B, g, k of each column.
confint.fitmgk <- function(object, parm, level = object$margins[[1L]]$confidence, ...) {
    each <- lapply(object$columns, function(column) {
        of_column <- confint.fitgk(structure(object$margins[[column]], class = "fitgk"), level = level)
        rownames(of_column) <- paste(column, rownames(of_column), sep = ".")
        of_column
    })
    out <- do.call(rbind, each)
    if (missing(parm))
        return(out)
    if (!all(parm %in% if (is.character(parm)) rownames(out) else seq_len(nrow(out))))
        stop("parm: give some of ", paste(rownames(out), collapse = ", "), call. = FALSE)
    out[parm, , drop = FALSE]
}

joint_title <- function(x, what)
    paste0(what, ", ", x$n, " rows of ", length(x$columns), if (length(x$columns) == 1L) " column" else " columns",
           omitted_words(x))

joint_likelihood_line <- function(x)
    cat(sprintf("\nlog-likelihood %.3f with %d parameters, AIC %.3f, BIC %.3f\n", x$loglik, x$df, x$aic, x$bic))

print.fitmgk <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat(joint_title(x, "Multivariate g-and-k distribution"), "\n\nMargins:\n", sep = "")
    print(x$coefficients, digits = digits, ...)
    cat("\nCorrelation of the normal scores:\n")
    print(x$correlation, digits = digits, ...)
    invisible(x)
}

summary.fitmgk <- function(object, ...) {
    class(object) <- "summary.fitmgk"
    object
}

print.summary.fitmgk <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat("Call: ", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
    print.fitmgk(x, digits = digits, ...)
    cat("\nStandard errors of the margins, and p-values of their tests of fit:\n")
    print(cbind(x$se, p = vapply(x$margins, function(margin) margin$p.value, 0)), digits = digits, ...)
    cat("\nStandard errors of the correlation:\n")
    print(x$correlation_se, digits = digits, ...)
    joint_likelihood_line(x)
    invisible(x)
}

print.gkmixture <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    k <- x$components
    cat(joint_title(x, paste("Mixture of", k, if (k == 1L) "g-and-k distribution" else "g-and-k distributions")),
        "\n", sep = "")
    for (i in seq_len(k)) {
        cat("\nComponent ", i, ", weight ", format(x$proportions[i], digits = digits), ":\n", sep = "")
        print(matrix(x$coefficients[i, , ], length(x$columns), dimnames = dimnames(x$coefficients)[2:3]),
              digits = digits, ...)
    }
    if (!x$converged)
        cat("\nThe fit has not converged.\n")
    invisible(x)
}

summary.gkmixture <- function(object, ...) {
    class(object) <- "summary.gkmixture"
    object
}

print.summary.gkmixture <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    cat("Call: ", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
    print.gkmixture(x, digits = digits, ...)
    if (length(x$columns) > 1L)
        for (i in seq_len(x$components)) {
            cat("\nCorrelation of the normal scores of component ", i, ":\n", sep = "")
            print(x$correlations[[i]], digits = digits, ...)
        }
    joint_likelihood_line(x)
    invisible(x)
}

joint_evaluate <- function(object, rows)
    .Call(gkr_joint_evaluate, by_rows(rows), object$joint, threads_for(length(rows) < 20000))

joint_scores <- function(object, rows)
    matrix(.Call(gkr_joint_scores, by_rows(rows), object$joint, threads_for(length(rows) < 20000)), nrow(rows),
           length(object$columns), byrow = TRUE, dimnames = list(rownames(rows), object$columns))

named_by_row <- function(values, rows) if (is.null(rownames(rows))) values else stats::setNames(values, rownames(rows))

predict.fitmgk <- function(object, newdata = object$x, type = c("density", "logdensity", "scores"), ...) {
    type <- match.arg(type)
    rows <- rows_of(object, newdata)
    if (type == "scores")
        return(joint_scores(object, rows))
    log_pdf <- joint_evaluate(object, rows)$log_pdf
    named_by_row(if (type == "density") exp(log_pdf) else log_pdf, rows)
}

predict.gkmixture <- function(object, newdata = object$x,
                              type = c("responsibility", "class", "density", "logdensity", "scores"), ...) {
    type <- match.arg(type)
    rows <- rows_of(object, newdata)
    if (type == "scores")
        return(joint_scores(object, rows))
    both <- joint_evaluate(object, rows)
    if (type == "density")
        return(named_by_row(exp(both$log_pdf), rows))
    if (type == "logdensity")
        return(named_by_row(both$log_pdf, rows))
    responsibility <- matrix(both$responsibilities, nrow(rows), object$components, byrow = TRUE,
                             dimnames = list(rownames(rows), seq_len(object$components)))
    if (type == "responsibility")
        return(responsibility)
    named_by_row(if (nrow(rows)) max.col(responsibility, ties.method = "first") else integer(0), rows)
}

# A list of matrices of n rows; those of a mixture have an attribute "component".
joint_simulate <- function(object, nsim, seed, n, components) {
    simulated(seed, function() {
        draws <- lapply(seq_len(nsim), function(i) {
            raw <- .Call(gkr_joint_draw, n, object$joint, floor(stats::runif(1) * 2^53))
            x <- matrix(raw$x, n, byrow = TRUE, dimnames = list(NULL, object$columns))
            if (components)
                attr(x, "component") <- as.integer(raw$component)
            x
        })
        stats::setNames(draws, paste0("sim_", seq_len(nsim)))
    })
}

simulate.fitmgk <- function(object, nsim = 1, seed = NULL, n = object$n, ...)
    joint_simulate(object, nsim, seed, n, FALSE)
simulate.gkmixture <- function(object, nsim = 1, seed = NULL, n = object$n, ...)
    joint_simulate(object, nsim, seed, n, TRUE)

# The rows and as many draws of the fit, coloured by component.
plot.gkmixture <- function(x, seed = 1, ...) {
    draws <- simulate(x, seed = seed)[[1]]
    colours <- grDevices::hcl.colors(max(3L, x$components), "Dark 3")
    plot_pairs(x, draws, colours[predict(x, type = "class")], ...)
    invisible(x)
}

plot.fitmgk <- function(x, seed = 1, ...) {
    plot_pairs(x, simulate(x, seed = seed)[[1]], "steelblue", ...)
    invisible(x)
}

# Rows below the diagonal, and draws in grey above it; of one column the histogram and the density.
plot_pairs <- function(fit, draws, colours, ...) {
    rows <- fit$x
    colours <- rep_len(colours, nrow(rows))
    if (ncol(rows) == 1L) {
        grid <- matrix(seq(min(rows), max(rows), length.out = 401), dimnames = list(NULL, colnames(rows)))
        height <- predict(fit, grid, type = "density")
        bars <- graphics::hist(rows, breaks = "FD", plot = FALSE)
        graphics::plot(bars, freq = FALSE, ylim = range(0, bars$density, height), xlab = fit$columns, main = "", ...)
        graphics::lines(grid, height, col = "steelblue", lwd = 2)
        return(invisible())
    }
    n <- nrow(rows)
    dots <- function(a, b, col) graphics::points(a, b, pch = 20, cex = 0.6, col = col)
    graphics::pairs(rbind(rows, draws),
                    lower.panel = function(a, b, ...) dots(a[1:n], b[1:n], col = colours),
                    upper.panel = function(a, b, ...) dots(a[-(1:n)], b[-(1:n)], col = "grey60"), ...)
}
