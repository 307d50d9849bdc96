# Distributions of some columns of a joint distribution: marginal ones, and conditional ones given the others.

marginal <- function(object, columns, ...) UseMethod("marginal")
conditional <- function(object, given, ...) UseMethod("conditional")

# The numbers of columns, from 0.
column_numbers <- function(object, columns, what) {
    number <- if (is.character(columns)) match(columns, object$columns) else as.double(columns)
    bad <- is.na(number) | number != floor(number) | number < 1L | number > length(object$columns)
    if (length(number) == 0L || any(bad) || anyDuplicated(number))
        stop(what, ": name each column once; the columns are ", paste(object$columns, collapse = ", "), call. = FALSE)
    number - 1L
}

joint_part <- function(object, which, given, columns) {
    raw <- .Call(gkr_joint_part, as.double(which), given, object$joint)
    d <- length(columns)
    k <- length(raw$pi)
    structure(list(joint = c(list(d = d), raw, list(c = object$joint$c)), columns = columns, components = k,
                   proportions = raw$pi,
                   coefficients = aperm(array(raw$parameters, c(4L, d, k), list(parameter_names("gk"), columns, NULL)),
                                        c(3L, 2L, 1L)), c = object$joint$c), class = "gkpart")
}

# The numbers of the columns whose values are given, and these.
given_columns <- function(object, given) {
    values <- unlist(given)
    if (!is.numeric(values) || is.null(names(values)) || anyNA(values))
        stop("given: name the value of each column, as in given = c(", object$columns[1L], " = 0)", call. = FALSE)
    which <- column_numbers(object, names(values), "given")
    if (length(which) == length(object$columns))
        stop("given: leave at least one column whose distribution is asked for", call. = FALSE)
    list(which = which, values = as.double(values))
}

# The rows of new data for a part: values of its one column, or rows.
part_rows <- function(object, newdata) {
    if (length(object$columns) == 1L && is.null(dim(newdata)))
        matrix(as.double(newdata), ncol = 1L, dimnames = list(names(newdata), object$columns))
    else rows_of(object, newdata)
}

joint_marginal <- function(object, columns, ...) {
    which <- column_numbers(object, columns, "columns")
    joint_part(object, which, NULL, object$columns[which + 1L])
}

joint_conditional <- function(object, given, ...) {
    given <- given_columns(object, given)
    joint_part(object, given$which, given$values, object$columns[-(given$which + 1L)])
}

marginal.fitmgk <- joint_marginal
marginal.gkmixture <- joint_marginal
marginal.gkpart <- joint_marginal
conditional.fitmgk <- joint_conditional
conditional.gkmixture <- joint_conditional
conditional.gkpart <- joint_conditional

coef.gkpart <- function(object, ...) object$coefficients

print.gkpart <- function(x, ...) {
    cat("Distribution of ", paste(x$columns, collapse = ", "), ", with ", x$components,
        if (x$components == 1L) " component\n" else " components\n", sep = "")
    invisible(x)
}

predict.gkpart <- function(object, newdata, type = c("density", "logdensity", "probability", "quantile"), ...) {
    type <- match.arg(type)
    if (type %in% c("density", "logdensity")) {
        rows <- part_rows(object, newdata)
        log_pdf <- joint_evaluate(object, rows)$log_pdf
        return(named_by_row(if (type == "density") exp(log_pdf) else log_pdf, rows))
    }
    if (length(object$columns) > 1L)
        stop("predict: probabilities and quantiles are those of one column; take marginal() first", call. = FALSE)
    newdata <- as_sample(newdata, "newdata")
    .Call(gkr_joint_margin, newdata, if (type == "quantile") "quantile" else "cdf", object$joint)
}

# A list of matrices of n rows.
simulate.gkpart <- function(object, nsim = 1, seed = NULL, n = 1, ...)
    joint_simulate(object, nsim, seed, n, object$components > 1L)
