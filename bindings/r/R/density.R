# Densities of tables: the fit, its file, and the object. density_methods.R has the S3 methods.

# The density is an object of C, which R saves as the content of a file.
density_handle <- function(pointer, bytes) {
    handle <- new.env(parent = emptyenv())
    handle$pointer <- pointer
    handle$bytes <- bytes
    handle
}

# The pointer of an object, read again if the object comes from readRDS().
density_pointer <- function(object) {
    handle <- object$handle
    if (!.Call(gkr_density_is_open, handle$pointer)) {
        if (is.null(handle$bytes))
            stop("a conditional or marginal density cannot be saved: compute it again", call. = FALSE)
        path <- tempfile(fileext = ".safetensors")
        on.exit(unlink(path))
        writeBin(handle$bytes, path)
        handle$pointer <- .Call(gkr_density_read, path)
    }
    handle$pointer
}

density_bytes <- function(pointer) {
    path <- tempfile(fileext = ".safetensors")
    on.exit(unlink(path))
    .Call(gkr_density_write, pointer, path)
    readBin(path, "raw", file.size(path))
}

# The object of a density. x are the rows of the fit, or NULL.
density_object <- function(pointer, x, censored, call, omitted = 0L) {
    about <- .Call(gkr_density_about, pointer)
    rows <- function(values, table, names) matrix(values, length(names), byrow = TRUE,
                                                  dimnames = list(names, table_of(table)))
    numbers <- rows(about$candidates, "density_candidate", table_of("candidates"))
    numbers <- numbers[numbers[, "fitted"] == 1, , drop = FALSE]
    margins <- rows(about$margins, "density_margin", about$columns)
    kind <- table_of("margins")[margins[, "kind"] + 1]
    candidates <- data.frame(numbers[, setdiff(colnames(numbers), "fitted"), drop = FALSE], check.names = FALSE)
    structure(list(
        n = as.integer(about$rows), columns = about$columns, chosen = table_of("candidates")[about$chosen],
        candidates = candidates,
        margins = data.frame(margin = kind, margins[, c("resolution", "atom", "atom_share", "far", "intervals"),
                                                    drop = FALSE], row.names = about$columns),
        parameters = stats::setNames(lapply(seq_along(kind), function(j) margin_parameters(kind[j], margins[j, ])),
                                     about$columns),
        margin_held_out = margins[, paste0("held_out.", table_of("margins")), drop = FALSE],
        x = x, censored = censored, omitted = omitted, call = call, handle = density_handle(pointer, density_bytes(pointer))),
        class = "gkdensity")
}

margin_parameters <- function(kind, numbers) {
    tails <- c("lower_tail", "upper_tail")
    names <- list("g-and-k" = c("A", "B", "g", "k", "c", tails), t = c("location", "scale", "df", tails),
                  spline = c("knots", "lower_shape", "upper_shape"))[[kind]]
    stats::setNames(numbers[paste0("parameter.", seq_along(names))], names)
}

# The resolution of each column: NULL recognises it.
density_resolution <- function(resolution, columns) {
    if (identical(resolution, "auto"))
        return(NULL)
    if (is.null(resolution))
        return(numeric(length(columns)))
    if (!is.numeric(resolution) || anyNA(resolution) || any(resolution < 0) ||
        !(length(resolution) %in% c(1L, length(columns)) || !is.null(names(resolution))))
        stop("resolution: give \"auto\", or numbers of at least 0 for all columns, for each, or by name", call. = FALSE)
    if (is.null(names(resolution)))
        return(rep_len(as.double(resolution), length(columns)))
    place <- match(names(resolution), columns)
    if (anyNA(place))
        stop("resolution: there is no column ", dQuote(names(resolution)[is.na(place)][1L], FALSE), call. = FALSE)
    out <- rep(-1, length(columns))
    out[place] <- resolution
    out
}

# The settings of the training of the flow, which are no others.
density_flow_settings <- function(given) {
    known <- c("flow_layers", "flow_hidden", "flow_updates", "learning_rate", "weight_decay", "patience", "max_freedom")
    given <- as.list(given)
    if (length(given) && is.null(names(given)))
        stop("flow_settings: give names, some of ", paste(known, collapse = ", "), call. = FALSE)
    for (name in setdiff(names(given), known))
        stop("flow_settings: there is no setting \"", name, "\"; the nearest is ",
             known[which.min(utils::adist(name, known))], ". Give some of ", paste(known, collapse = ", "),
             call. = FALSE)
    given
}

gkdensity <- function(x, candidates = c("t-copula", "normal-mixture", "gk-mixture", "flow"),
                      margin = c("auto", "g-and-k", "t", "spline"), resolution = "auto", upper = NULL, folds = NULL,
                      max_components = NULL, flow = "realnvp", flow_settings = list(), seed = 1, na.rm = FALSE) {
    call <- match.call()
    candidates <- match.arg(candidates, several.ok = TRUE)
    margin <- match.arg(margin)
    x <- as_rows(x)
    if (!is.null(upper)) {
        upper <- as_rows(upper, "upper")
        if (!identical(dim(upper), dim(x)))
            stop("upper: give a matrix of ", nrow(x), " rows and ", ncol(x), " columns, as x", call. = FALSE)
    }
    kept <- complete_rows(list(x = x, upper = upper), na.rm)
    x <- x[kept, , drop = FALSE]
    upper <- if (!is.null(upper)) by_rows(upper[kept, , drop = FALSE])
    chosen <- stats::setNames(as.list(table_of("candidates") %in% candidates), table_of("candidates"))
    settings <- c(chosen, list(margin = margin, seed = seed, folds = folds, max_components = max_components),
                  density_flow_settings(flow_settings))
    extras <- list(upper = upper, resolution = density_resolution(resolution, colnames(x)), flow = flow)
    pointer <- .Call(gkr_density_fit, by_rows(x), colnames(x), extras, settings, threads_for(length(x) < 20000))
    if (nrow(x) < 30L)
        warning(nrow(x), " rows say little about the shapes and the tails of a density", call. = FALSE)
    density_object(pointer, x, !is.null(upper), call, sum(!kept))
}

readgkdensity <- function(path) {
    if (is.character(path) && length(path) == 1L && dir.exists(path))
        path <- file.path(path, "density.safetensors")
    density_object(.Call(gkr_density_read, path), NULL, FALSE, match.call())
}

writegkdensity <- function(object, path) {
    if (!inherits(object, "gkdensity"))
        stop("object: give a fit of gkdensity()", call. = FALSE)
    .Call(gkr_density_write, density_pointer(object), path)
    invisible(path)
}
