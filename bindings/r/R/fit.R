# Fits of one sample: fitgk() and the object that it returns. fit_methods.R has the S3 methods.

# The names of the numbers of the C library, read once: of a fit, its tests, a bootstrap, a mixture.
tables <- new.env(parent = emptyenv())
table_of <- function(name) {
    if (is.null(tables[[name]]))
        tables[[name]] <- .Call(gkr_names, name)
    tables[[name]]
}
fit_methods <- function() strsplit(table_of("method"), ", ", fixed = TRUE)[[1L]]

# The numbers of a row by name; the names of C that R has other words for are replaced.
named_numbers <- function(row, table) stats::setNames(row, table_of(table))
own_names <- c(log_likelihood = "loglik", dof = "chi2_df", p_value = "p.value", parameters = "df")
with_own_names <- function(numbers) {
    theirs <- names(numbers) %in% names(own_names)
    names(numbers)[theirs] <- own_names[names(numbers)[theirs]]
    as.list(numbers)
}
of_each <- function(prefix = "") paste0(prefix, c("A", "B", "g", "k"))
covariance_of <- function(numbers, names)
    matrix(numbers[unlist(lapply(of_each(), function(first) of_each(paste0("covariance.", first, "."))))], 4L,
           byrow = TRUE, dimnames = list(names, names))

# What a family is called, and its parameters: A, B, g, the weight of the tails, and c if it has it.
family_facts <- function(family) {
    name <- paste0("family.", family)
    if (is.null(tables[[name]]))
        tables[[name]] <- .Call(gkr_family, family)
    tables[[name]]
}
family_title <- function(family) family_facts(family)[[1L]]
parameter_names <- function(family) family_facts(family)[2:5]
has_c <- function(family) "c" %in% family_facts(family)

# Results do not depend on the number of threads.
threads_for <- function(small) {
    given <- getOption("gkvae.threads")
    if (is.null(given)) if (small) 1L else 0L else as.integer(given)
}

# A numeric vector from a vector, a time series, or a table of one column.
as_sample <- function(x, name) {
    if (is.data.frame(x) && length(x) == 1L)
        x <- x[[1L]]
    if (length(dim(x)) > 1L && NCOL(x) != 1L)
        stop(name, ": there are ", NCOL(x), " columns; give one of them, as in x[, 1]", call. = FALSE)
    if (!is.numeric(x) && !is.logical(x))
        stop(name, ": give a numeric vector, not an object of class ", dQuote(class(x)[1L], FALSE), call. = FALSE)
    as.double(x)
}

# Which rows of the parts have no missing value. A part is a vector, a matrix or NULL; its name is for the error.
complete_rows <- function(parts, na.rm) {
    parts <- parts[!vapply(parts, is.null, NA)]
    missing_rows <- lapply(parts, function(part) if (is.matrix(part)) rowSums(is.na(part)) > 0 else is.na(part))
    bad <- which(vapply(missing_rows, any, NA))
    if (!isTRUE(na.rm) && length(bad)) {
        part <- bad[1L]
        rows <- which(missing_rows[[part]])
        unit <- if (is.matrix(parts[[part]])) "rows have" else "values are"
        stop(names(parts)[part], ": ", length(rows), " of ", length(missing_rows[[part]]), " ", unit,
             " missing, the first is number ", rows[1L], ": na.rm = TRUE leaves them out",
             if (names(parts)[part] == "upper") "; the upper end of a censored value is Inf", call. = FALSE)
    }
    !Reduce(`|`, missing_rows)
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
        return("auto")
    if (!is.numeric(resolution) || length(resolution) != 1L || !is.finite(resolution) || resolution < 0)
        stop("resolution: give the unit of rounded values, \"auto\", or NULL for exact values", call. = FALSE)
    as.double(resolution)
}

# Settings of C with a prefix, without those that are not given.
prefixed <- function(prefix, values)
    as.list(stats::setNames(values, of_each(prefix)))[!is.nan(values)]

# The settings by the names of C, and which parameters are fixed.
fit_settings <- function(method, family, c, fixed, start, bounds, resolution, upper, levels, confidence,
                         free_c = FALSE) {
    names <- parameter_names(family)
    held <- by_parameter(fixed, names, NaN, "fixed")
    if (!any(is.nan(held)))
        stop("all parameters are fixed: there is nothing to fit", call. = FALSE)
    if (any(lengths(bounds) != 2L))
        stop("bounds: give two numbers for each parameter, as in bounds = list(k = c(0, 1))", call. = FALSE)
    list(settings = c(list(family = family, method = method, c = as.double(c), confidence = as.double(confidence),
                           anderson_darling = TRUE, resolution = resolution_of(resolution, upper), levels = levels),
                      if (isTRUE(free_c)) list(free_c = TRUE),
                      prefixed("fixed.", held), prefixed("start.", by_parameter(start, names, NaN, "start")),
                      prefixed("low.", by_parameter(lapply(bounds, `[[`, 1L), names, NaN, "bounds")),
                      prefixed("high.", by_parameter(lapply(bounds, `[[`, 2L), names, NaN, "bounds"))),
         fixed = !is.nan(held))
}

run_fit <- function(x, upper, weights, settings)
    named_numbers(.Call(gkr_fit, x, upper, weights, settings, threads_for(length(x) < 1e5)), "fit")

interval_names <- function(level) {
    ends <- c((1 - level) / 2, (1 + level) / 2)
    paste(format(100 * ends, trim = TRUE, scientific = FALSE, digits = 3), "%")
}

intervals_of <- function(numbers, names, confidence)
    matrix(numbers[c(of_each("low."), of_each("high."))], 4L, dimnames = list(names, interval_names(confidence)))

# The object of the numbers of a fit.
fit_object <- function(numbers, family, c, confidence) {
    names <- parameter_names(family)
    if (is.finite(numbers[["c"]]))
        c <- numbers[["c"]]
    estimate <- if (!is.na(numbers[["determined.c"]]))
        list(estimate = c, se = numbers[["se.c"]], interval = unname(numbers[c("low.c", "high.c")]),
             determined = numbers[["determined.c"]] == 1, weak = numbers[["weak.c"]] == 1,
             held = numbers[["held.c"]], held_loglik = numbers[["held_log_likelihood.c"]],
             ratio = numbers[["ratio.c"]], p.value = numbers[["p_value.c"]])
    numbers <- numbers[names(numbers) != "c"]
    fit <- with_own_names(numbers[!(names(numbers) %in% of_each()) & !grepl(".", names(numbers), fixed = TRUE)])
    for (flag in c("converged", "at_bound", "symmetric"))
        fit[[flag]] <- isTRUE(fit[[flag]] == 1)
    for (count in c("chi2_df", "n", "levels", "df", "iterations", "newton"))
        fit[[count]] <- as.integer(fit[[count]])
    fit$test <- if (is.na(fit$test)) "none" else table_of("test")[fit$test + 1]
    fit$method <- if (is.na(fit$method)) "none" else fit_methods()[fit$method + 1]
    four <- function(prefix) stats::setNames(numbers[of_each(prefix)], names)
    c(list(coefficients = four(""), se = four("se."), vcov = covariance_of(numbers, names),
           intervals = intervals_of(numbers, names, confidence),
           bound = stats::setNames(as.integer(numbers[of_each("bound.")]), names)),
      fit, list(family = family, c = c, c_estimate = estimate, confidence = confidence))
}

fitgk <- function(x, weights = NULL, method = c("mle", "lm", "octile"), fixed = NULL, resolution = "auto",
                  family = c("gk", "gh", "ggh"), c = 0.8, start = NULL, bounds = NULL, upper = NULL, levels = NULL,
                  confidence = 0.95, free_c = FALSE, na.rm = FALSE) {
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
    kept <- complete_rows(list(x = x, upper = upper, weights = weights), na.rm)
    if (!all(kept)) {
        x <- x[kept]
        upper <- upper[kept] # of NULL is NULL
        weights <- weights[kept]
    }
    asked <- fit_settings(method, family, c, fixed, start, bounds, resolution, upper, levels, confidence, free_c)
    fit <- fit_object(run_fit(x, upper, weights, asked$settings), family, c, confidence)
    fit <- c(fit, list(x = x, upper = upper, weights = weights, omitted = sum(!kept), fixed = asked$fixed,
                       settings = asked$settings, call = call))
    if (!fit$converged && method != "octile")
        warning("the fit has not converged: the estimates are not a verified optimum", call. = FALSE)
    structure(fit, class = "fitgk")
}

# A function of the fitted distribution.
fitted_function <- function(fit, name, x) {
    v <- unname(fit$coefficients)
    evaluate(fit$family, name, x, v[1], v[2], v[3], v[4], fit$c)
}
