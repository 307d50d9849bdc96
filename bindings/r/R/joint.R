# Distributions of several columns: the multivariate fit and mixtures. joint_methods.R has the S3 methods.

# A numeric matrix with names of columns.
as_rows <- function(x, name = "x") {
    if (is.data.frame(x)) {
        numeric <- vapply(x, function(column) is.numeric(column) || is.logical(column), NA)
        if (!all(numeric))
            stop(name, ": column ", dQuote(names(x)[!numeric][1L], FALSE), " is not numeric", call. = FALSE)
        x <- as.matrix(x)
    }
    if (!is.numeric(x) && !is.logical(x))
        stop(name, ": give a numeric matrix or data frame, not an object of class ", dQuote(class(x)[1L], FALSE),
             call. = FALSE)
    if (is.object(x))
        x <- as.matrix(x) # a time series, whose dates become names of rows
    if (!is.matrix(x))
        x <- matrix(x, ncol = 1L, dimnames = list(names(x), NULL))
    storage.mode(x) <- "double"
    if (ncol(x) == 0L)
        stop(name, ": there is no column", call. = FALSE)
    if (is.null(colnames(x)))
        colnames(x) <- default_columns(ncol(x))
    x
}

# The names of columns that have none.
default_columns <- function(count) paste0("V", seq_len(count))

# The rows of new data in the order of the columns of a fit: by name where they have names.
rows_of <- function(fit, newdata) {
    columns <- fit$columns
    given <- if (is.null(dim(newdata))) NULL else colnames(newdata)
    if (is.null(dim(newdata)) && length(columns) > 1L)
        newdata <- matrix(newdata, 1L)
    else if (all(columns %in% given))
        newdata <- newdata[, columns, drop = FALSE]
    else if (!is.null(given) && !identical(columns, default_columns(length(columns))))
        stop("newdata: there is no column ", dQuote(setdiff(columns, given)[1L], FALSE), "; the columns are ",
             paste(given, collapse = ", "), call. = FALSE)
    newdata <- as_rows(newdata, "newdata")
    if (ncol(newdata) != length(columns))
        stop("newdata has ", ncol(newdata), " columns; the fit has ", length(columns), call. = FALSE)
    newdata
}

# Matrices in the order of C: row by row.
by_rows <- function(x) as.double(t(x))

auto_or_number <- function(value, name) {
    if (identical(value, "auto"))
        return("auto")
    if (!is.numeric(value) || length(value) != 1L || is.na(value) || value < 0)
        stop(name, ": give \"auto\" or a number of at least 0", call. = FALSE)
    as.double(value)
}

# What both kinds of fit share. `joint` is the distribution as C takes it.
joint_object <- function(x, weights, omitted, numbers, joint, call) {
    fit <- with_own_names(named_numbers(numbers, "mixture"))
    for (count in c("df", "components", "iterations", "fallbacks"))
        fit[[count]] <- as.integer(fit[[count]])
    fit$converged <- isTRUE(fit$converged == 1)
    c(fit, list(n = nrow(x), total = if (is.null(weights)) nrow(x) else sum(weights), columns = colnames(x), x = x,
                omitted = omitted, joint = joint, call = call))
}

fitmgk <- function(x, weights = NULL, method = c("lm", "mle"), c = 0.8, shrink = 0, normal = FALSE,
                   independent = FALSE, normal_fallback = TRUE, confidence = 0.95, na.rm = FALSE) {
    call <- match.call()
    method <- match.arg(method)
    x <- as_rows(x)
    d <- ncol(x)
    weights <- as_weights(weights, nrow(x))
    kept <- complete_rows(list(x = x, weights = weights), na.rm)
    x <- x[kept, , drop = FALSE]
    weights <- weights[kept]
    settings <- list(method = method, c = as.double(c), confidence = as.double(confidence),
                     shrink = auto_or_number(shrink, "shrink"), normal = normal, independent = independent,
                     normal_fallback = normal_fallback)
    raw <- .Call(gkr_mgk, by_rows(x), d, weights, settings, threads_for(length(x) < 20000))
    rows <- matrix(raw$margins, d, byrow = TRUE, dimnames = list(NULL, table_of("fit")))
    square <- function(values) matrix(values, d, byrow = TRUE, dimnames = list(colnames(x), colnames(x)))
    four <- list(colnames(x), parameter_names("gk"))
    fit <- joint_object(x, weights, sum(!kept), raw$numbers,
                        list(d = d, pi = 1, parameters = as.double(t(rows[, of_each()])), mean = numeric(d),
                             cholesky = raw$cholesky, c = as.double(c)), call)
    fit$coefficients <- matrix(rows[, of_each()], d, dimnames = four)
    fit$se <- matrix(rows[, of_each("se.")], d, dimnames = four)
    fit$correlation <- square(raw$correlation)
    fit$correlation_se <- square(raw$correlation_se)
    fit$margins <- stats::setNames(lapply(seq_len(d), function(j)
        fit_object(rows[j, ], "gk", as.double(c), confidence)), colnames(x))
    fit$c <- as.double(c)
    if (isTRUE(fit$fallbacks > 0))
        warning("no g-and-k distribution fits ", fit$fallbacks, " of the columns, because of ties or too few rows; ",
                "their margins are normal", call. = FALSE)
    structure(fit, class = "fitmgk")
}

gkmixture <- function(x, components = 2, weights = NULL, c = 0.8, normal = FALSE, independent = FALSE,
                      shrink = "auto", restarts = 8, seed = 1, max_iterations = 200, tolerance = "auto",
                      na.rm = FALSE) {
    call <- match.call()
    x <- as_rows(x)
    d <- ncol(x)
    weights <- as_weights(weights, nrow(x))
    kept <- complete_rows(list(x = x, weights = weights), na.rm)
    x <- x[kept, , drop = FALSE]
    weights <- weights[kept]
    if (!is.numeric(components) || !(length(components) %in% 1:2) || anyNA(components) || any(components < 1))
        stop("components: give a number, or the least and the greatest, as in c(1, 5)", call. = FALSE)
    if (any(components != floor(components)) || is.unsorted(components))
        stop("components: give a whole number, or the least and the greatest, as in c(1, 5)", call. = FALSE)
    range <- list(least = components[1L], most = components[length(components)])
    settings <- list(c = as.double(c), normal = normal, independent = independent,
                     shrink = auto_or_number(shrink, "shrink"), restarts = restarts, seed = seed,
                     max_iterations = max_iterations, tolerance = auto_or_number(tolerance, "tolerance"))
    raw <- .Call(gkr_mixture, by_rows(x), d, weights, range, settings, threads_for(length(x) < 20000))
    k <- as.integer(named_numbers(raw$numbers, "mixture")[["components"]])
    joint <- list(d = d, pi = raw$pi[seq_len(k)], parameters = raw$parameters[seq_len(k * d * 4)],
                  mean = raw$mean[seq_len(k * d)], cholesky = raw$cholesky[seq_len(k * d * d)], c = as.double(c))
    fit <- joint_object(x, weights, sum(!kept), raw$numbers, joint, call)
    fit$proportions <- joint$pi
    fit$coefficients <- aperm(array(joint$parameters, c(4L, d, k),
                                    list(parameter_names("gk"), colnames(x), NULL)), c(3L, 2L, 1L))
    fit$correlations <- lapply(seq_len(k), function(i) {
        factor <- matrix(joint$cholesky[(i - 1L) * d * d + seq_len(d * d)], d, byrow = TRUE)
        r <- tcrossprod(factor)
        dimnames(r) <- list(colnames(x), colnames(x))
        r
    })
    fit$c <- as.double(c)
    if (!fit$converged)
        warning("the fit ended after ", fit$iterations, " iterations without convergence: raise max_iterations or ",
                "tolerance", call. = FALSE)
    structure(fit, class = "gkmixture")
}
