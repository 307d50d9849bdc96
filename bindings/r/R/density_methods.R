# S3 methods of densities of tables, and their conditional and marginal densities.

density_small <- function(rows) threads_for(length(rows) < 20000)

# newdata, which are the rows of the fit unless they are given: if there are any, and they are no ends of intervals.
density_rows <- function(object, newdata, given) {
    if (!given && object$censored)
        stop("newdata: the fit has intervals; give rows", call. = FALSE)
    if (is.null(newdata))
        stop("newdata: a density from a file has no rows of its own", call. = FALSE)
    rows_of(object, newdata)
}

density_log <- function(object, rows, candidate)
    .Call(gkr_density_log, density_pointer(object), candidate, by_rows(rows), density_small(rows))

density_scores <- function(object, rows)
    matrix(.Call(gkr_density_scores, density_pointer(object), by_rows(rows), density_small(rows)), nrow(rows),
           length(object$columns), byrow = TRUE, dimnames = list(rownames(rows), object$columns))

predict.gkdensity <- function(object, newdata = object$x, type = c("density", "logdensity", "pvalue", "scores"),
                              candidate = NULL, ...) {
    type <- match.arg(type)
    rows <- density_rows(object, newdata, !missing(newdata))
    if (type == "scores")
        return(density_scores(object, rows))
    log_density <- density_log(object, rows, candidate)
    named_by_row(switch(type, density = exp(log_density), logdensity = log_density,
                        pvalue = .Call(gkr_density_p_values, density_pointer(object), candidate, log_density)), rows)
}

outliers <- function(object, newdata, n = 10, ...) UseMethod("outliers")

outliers.gkdensity <- function(object, newdata = object$x, n = 10, candidate = NULL, ...) {
    rows <- density_rows(object, newdata, !missing(newdata))
    log_density <- density_log(object, rows, candidate)
    first <- utils::head(order(log_density), n)
    scores <- density_scores(object, rows[first, , drop = FALSE])
    far <- if (length(first)) max.col(abs(scores), ties.method = "first") else integer(0)
    data.frame(row = first, logdensity = log_density[first],
               pvalue = .Call(gkr_density_p_values, density_pointer(object), candidate, log_density[first]),
               column = object$columns[far], score = scores[cbind(seq_along(first), far)],
               row.names = rownames(rows)[first])
}

density_draws <- function(object, nsim, seed, n, candidate) {
    simulated(seed, function() {
        draws <- lapply(seq_len(nsim), function(i) {
            raw <- .Call(gkr_density_draw, density_pointer(object), candidate, n, floor(stats::runif(1) * 2^53),
                         threads_for(n * length(object$columns) < 20000))
            matrix(raw, n, byrow = TRUE, dimnames = list(NULL, object$columns))
        })
        stats::setNames(draws, paste0("sim_", seq_len(nsim)))
    })
}

simulate.gkdensity <- function(object, nsim = 1, seed = NULL, n = object$n, candidate = NULL, ...)
    density_draws(object, nsim, seed, n, candidate)

nobs.gkdensity <- function(object, ...) object$n

logLik.gkdensity <- function(object, ...) {
    if (is.null(object$x) || object$censored)
        stop("logLik: the fit has no exact rows; see object$candidates for the held-out log density", call. = FALSE)
    structure(sum(density_log(object, object$x, NULL)), df = NA_integer_, nobs = object$n, class = "logLik")
}

print.gkdensity <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    chosen <- x$candidates[x$chosen, ]
    cat("Density of ", paste(x$columns, collapse = ", "), ", fitted to ", x$n, " rows", omitted_words(x), "\n\n",
        sep = "")
    cat("Chosen: ", x$chosen, ", held-out log density ", format(chosen$held_out, digits = digits), " +/- ",
        format(chosen$se, digits = 2L), " per row\n", sep = "")
    cat("Margins: ", paste0(x$columns, " ", x$margins$margin, collapse = ", "), "\n", sep = "")
    invisible(x)
}

summary.gkdensity <- function(object, level = 0.95, ...) {
    z <- stats::qnorm(0.5 + level / 2)
    v <- object$candidates
    ends <- paste0(format(100 * c(1 - level, 1 + level) / 2, trim = TRUE, digits = 3), " %")
    table <- data.frame(v$held_out, v$se, v$held_out - z * v$se, v$held_out + z * v$se, v$difference, v$difference_se,
                        v$lowest, row.names = rownames(v))
    names(table) <- c("held_out", "se", ends, "difference", "difference_se", "lowest")
    tails <- data.frame(100 * v[c("beyond.99", "beyond_low.99", "beyond_high.99", "beyond.99.9", "beyond_low.99.9",
                                  "beyond_high.99.9")], row.names = rownames(v))
    names(tails) <- c("99 %", "low", "high", "99.9 %", "low", "high")
    structure(list(density = object, held_out = table, tails = tails), class = "summary.gkdensity")
}

print.summary.gkdensity <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
    d <- x$density
    cat("Call: ", paste(deparse(d$call), collapse = "\n"), "\n\n", sep = "")
    print.gkdensity(d, digits = digits)
    cat("\nParameters of the margins:\n")
    for (column in d$columns)
        cat("  ", column, ": ", paste(names(d$parameters[[column]]), "=",
                                      format(d$parameters[[column]], digits = digits, trim = TRUE), collapse = ", "),
            "\n", sep = "")
    for (column in d$columns[d$margins$atom_share > 0])
        cat("  ", column, ": the value ", format(d$margins[column, "atom"]), " is ",
            format(100 * d$margins[column, "atom_share"], digits = 3), " % of the rows; densities near it mean little\n",
            sep = "")
    cat("\nMean log density of held-out rows in nats, and the paired difference from the chosen candidate:\n")
    print(x$held_out, digits = digits, ...)
    cat("\nHeld-out values beyond the predicted quantiles of either tail in %, nominally 1 and 0.1, with 95 %",
        "intervals:\n")
    print(x$tails, digits = 3L, ...)
    invisible(x)
}

# The rows of the fit in grey and as many draws in blue: pairs of columns, or a QQ plot of one.
plot.gkdensity <- function(x, n = min(x$n, 1000), seed = 1, candidate = NULL, ...) {
    draws <- simulate.gkdensity(x, seed = seed, n = n, candidate = candidate)[[1L]]
    rows <- if (is.null(x$x)) draws[0L, , drop = FALSE] else utils::head(x$x, n)
    if (length(x$columns) == 1L) {
        stats::qqplot(draws, rows, xlab = "draw", ylab = x$columns, ...)
        graphics::abline(0, 1)
    } else {
        colour <- rep(c("grey50", grDevices::adjustcolor("blue", 0.4)), c(nrow(rows), nrow(draws)))
        graphics::pairs(rbind(rows, draws), col = colour, pch = 20L, ...)
    }
    invisible(x)
}

# --- Conditional and marginal densities ---

density_part <- function(object, which, given, columns, candidate) {
    if ((if (is.null(candidate)) object$chosen else candidate) == "flow") {
        others <- object$candidates[rownames(object$candidates) != "flow", , drop = FALSE]
        stop("a flow has no conditional or marginal density in closed form: give ",
             if (nrow(others)) paste0("candidate = \"", rownames(others)[which.max(others$held_out)], "\"")
             else "gkdensity() other candidates", call. = FALSE)
    }
    pointer <- .Call(gkr_density_part, density_pointer(object), candidate, as.double(which), given)
    structure(list(columns = columns, chosen = if (is.null(candidate)) object$chosen else candidate,
                   handle = density_handle(pointer, NULL)), class = "gkdensitypart")
}

marginal.gkdensity <- function(object, columns, candidate = NULL, ...) {
    which <- column_numbers(object, columns, "columns")
    density_part(object, which, NULL, object$columns[which + 1L], candidate)
}

conditional.gkdensity <- function(object, given, candidate = NULL, ...) {
    given <- given_columns(object, given)
    density_part(object, given$which, given$values, object$columns[-(given$which + 1L)], candidate)
}

marginal.gkdensitypart <- function(object, columns, ...) marginal.gkdensity(object, columns)
conditional.gkdensitypart <- function(object, given, ...) conditional.gkdensity(object, given)

print.gkdensitypart <- function(x, ...) {
    cat("Density of ", paste(x$columns, collapse = ", "), " by a ", x$chosen, "\n", sep = "")
    invisible(x)
}

predict.gkdensitypart <- function(object, newdata, type = c("density", "logdensity", "quantile"), draws = 1e5, ...) {
    type <- match.arg(type)
    if (type == "quantile") {
        x <- density_draws(object, 1L, 1, draws, NULL)[[1L]]
        found <- apply(x, 2L, stats::quantile, probs = newdata)
        return(if (length(object$columns) == 1L) as.vector(found) else found)
    }
    rows <- part_rows(object, newdata)
    log_density <- density_log(object, rows, NULL)
    named_by_row(if (type == "density") exp(log_density) else log_density, rows)
}

simulate.gkdensitypart <- function(object, nsim = 1, seed = NULL, n = 1, ...)
    density_draws(object, nsim, seed, n, NULL)

summary.gkdensitypart <- function(object, levels = c(0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99), draws = 1e5, ...) {
    x <- density_draws(object, 1L, 1, draws, NULL)[[1L]]
    cbind(mean = colMeans(x), sd = apply(x, 2L, stats::sd), t(apply(x, 2L, stats::quantile, probs = levels)))
}
