# Density, distribution function, quantile function and draws of the three families.

# A function of a family, by the names of the C library.
evaluate <- function(family, name, x, A, B, g, k, c, exact = FALSE)
    .Call(gkr_evaluate, family, name, list(x, A, B, g, k, c), exact)

# TRUE or FALSE, also as 1 or 0. Another number is a c at the place where the package gk has it.
flag <- function(value, family) {
    if (isTRUE(value) || isFALSE(value))
        return(as.logical(value)) # without names
    if (length(value) != 1L || !(value %in% c(0, 1)))
        stop(sprintf("%s: give TRUE or FALSE%s", deparse(substitute(value)),
                     if (family == "gh") "; Tukey's g-and-h has no c, the generalised one (dggh, ...) has" else ""),
             call. = FALSE)
    as.logical(value)
}

tail_name <- function(name, lower.tail, log.p) {
    if (name == "cdf") {
        if (lower.tail) if (log.p) "log_cdf" else "cdf" else if (log.p) "log_upper" else "upper"
    } else if (lower.tail) {
        if (log.p) "quantile_log" else "quantile"
    } else {
        if (log.p) "quantile_log_upper" else "quantile_upper"
    }
}

density_of <- function(family, x, A, B, g, k, c, log)
    evaluate(family, if (flag(log, family)) "log_pdf" else "pdf", x, A, B, g, k, c)

probability_of <- function(family, q, A, B, g, k, c, zscale, lower.tail, log.p) {
    lower.tail <- flag(lower.tail, family)
    log.p <- flag(log.p, family)
    if (flag(zscale, family)) {
        if (!lower.tail || log.p)
            stop("zscale = TRUE returns normal scores and no probabilities: leave out lower.tail and log.p",
                 call. = FALSE)
        return(evaluate(family, "Q_inverse", q, A, B, g, k, c))
    }
    evaluate(family, tail_name("cdf", lower.tail, log.p), q, A, B, g, k, c)
}

quantile_of <- function(family, p, A, B, g, k, c, lower.tail, log.p)
    evaluate(family, tail_name("quantile", flag(lower.tail, family), flag(log.p, family)), p, A, B, g, k, c)

# The quantile function of normal draws: as many numbers of R's generator as draws, and the tails are exact.
draws_of <- function(family, n, A, B, g, k, c) {
    if (length(n) > 1L)
        n <- length(n)
    if (!is.numeric(n) || length(n) != 1L || is.na(n) || n < 0)
        stop("invalid arguments: n is the number of draws", call. = FALSE)
    n <- floor(n)
    parameters <- lapply(list(A, B, g, k, c), function(values) {
        if (!is.numeric(values) && !is.logical(values))
            stop("invalid arguments: parameters are numbers", call. = FALSE)
        if (length(values) > n) as.double(values)[seq_len(n)] else as.double(values)
    })
    if (n == 0)
        return(numeric(0))
    if (any(lengths(parameters) == 0L)) {
        warning("NAs produced", call. = FALSE)
        return(rep(NA_real_, n))
    }
    z <- rnorm(n)
    x <- suppressWarnings(do.call(evaluate, c(list(family, "Q", z), parameters, list(exact = TRUE))))
    if (anyNA(x)) {
        x[is.na(x)] <- NA_real_
        warning("NAs produced", call. = FALSE)
    }
    x
}

dgk <- function(x, A, B, g, k, c = 0.8, log = FALSE) density_of("gk", x, A, B, g, k, c, log)
pgk <- function(q, A, B, g, k, c = 0.8, zscale = FALSE, lower.tail = TRUE, log.p = FALSE)
    probability_of("gk", q, A, B, g, k, c, zscale, lower.tail, log.p)
qgk <- function(p, A, B, g, k, c = 0.8, lower.tail = TRUE, log.p = FALSE)
    quantile_of("gk", p, A, B, g, k, c, lower.tail, log.p)
rgk <- function(n, A, B, g, k, c = 0.8) draws_of("gk", n, A, B, g, k, c)

dgh <- function(x, A, B, g, h, log = FALSE) density_of("gh", x, A, B, g, h, 0.8, log)
pgh <- function(q, A, B, g, h, zscale = FALSE, lower.tail = TRUE, log.p = FALSE)
    probability_of("gh", q, A, B, g, h, 0.8, zscale, lower.tail, log.p)
qgh <- function(p, A, B, g, h, lower.tail = TRUE, log.p = FALSE)
    quantile_of("gh", p, A, B, g, h, 0.8, lower.tail, log.p)
rgh <- function(n, A, B, g, h) draws_of("gh", n, A, B, g, h, 0.8)

dggh <- function(x, A, B, g, h, c = 0.8, log = FALSE) density_of("ggh", x, A, B, g, h, c, log)
pggh <- function(q, A, B, g, h, c = 0.8, zscale = FALSE, lower.tail = TRUE, log.p = FALSE)
    probability_of("ggh", q, A, B, g, h, c, zscale, lower.tail, log.p)
qggh <- function(p, A, B, g, h, c = 0.8, lower.tail = TRUE, log.p = FALSE)
    quantile_of("ggh", p, A, B, g, h, c, lower.tail, log.p)
rggh <- function(n, A, B, g, h, c = 0.8) draws_of("ggh", n, A, B, g, h, c)

is_valid_gk <- function(A = 0, B = 1, g, k, c = 0.8, family = c("gk", "gh", "ggh")) {
    family <- match.arg(family)
    evaluate(family, "valid", 0, A, B, g, k, c) == 1 # NA where a parameter is
}
