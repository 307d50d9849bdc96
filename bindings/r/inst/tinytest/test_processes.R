# Signatures of the package gk, forks, and memory.

# --- Signatures: those of the package gk, and what base R's functions have beside them ---
begins <- function(f, wanted)
    expect_true(startsWith(deparse(args(f), 500L)[1L], paste0("function (", wanted)), info = wanted)
for (last in c("k", "h")) { # dgh of gk is by default what is dggh here
    family <- if (last == "k") "gk" else "ggh"
    of <- function(letter) get(paste0(letter, family))
    begins(of("d"), sprintf("x, A, B, g, %s, c = 0.8, log = FALSE", last))
    begins(of("p"), sprintf("q, A, B, g, %s, c = 0.8, zscale = FALSE", last))
    begins(of("q"), sprintf("p, A, B, g, %s, c = 0.8", last))
    begins(of("r"), sprintf("n, A, B, g, %s, c = 0.8", last))
}
expect_identical(names(formals(pgk))[8:9], c("lower.tail", "log.p"))
expect_error(dgh(1, 0, 1, 0.5, 0.1, 0.8), "log: give TRUE or FALSE; Tukey's g-and-h has no c")
expect_error(pgh(1, 0, 1, 0.5, 0.1, 0.8), "zscale: give TRUE or FALSE")
expect_error(qgh(0.5, 0, 1, 0.5, 0.1, 0.8), "lower.tail: give TRUE or FALSE")
expect_error(dgk(1, 0, 1, 0.5, 0.1, log = NA), "log: give TRUE or FALSE")
expect_identical(dgk(1, 0, 1, 0.5, 0.1, log = 1), dgk(1, 0, 1, 0.5, 0.1, log = TRUE))

# --- A fork after use: the child continues where the parent has used threads ---
set.seed(5)
x <- rgk(20000, 3, 1, 0.5, 0.2)
expected <- coef(fitgk(x))
densities <- dgk(x, 3, 1, 0.5, 0.2)
children <- parallel::mclapply(1:2, function(i) list(coef(fitgk(x)), dgk(x, 3, 1, 0.5, 0.2)), mc.cores = 2)
for (child in children) expect_identical(child, list(expected, densities))
expect_identical(coef(fitgk(x)), expected)

# --- Memory of 10 million numbers: the result, and at most a tenth of the input beside it ---
peak_of <- function(call) {
    before <- gc(reset = TRUE)["Vcells", 1] * 8
    call()
    gc()["Vcells", 5] * 8 - before
}
n <- 1e7
x <- numeric(n)
expect_true(peak_of(function() dgk(x, 0, 1, 0.1, 0.1)) <= 1.1 * 8 * n)
expect_true(peak_of(function() qgk(x, 0, 1, 0.1, 0.1, log.p = TRUE)) <= 1.1 * 8 * n)
x <- integer(n) # turned into doubles first
expect_true(peak_of(function() pgk(x, 0, 1, 0.1, 0.1)) <= 2.1 * 8 * n)
