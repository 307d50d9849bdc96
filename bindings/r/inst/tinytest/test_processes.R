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

mixture <- gkmixture(matrix(x[1:2000], ncol = 2), restarts = 2)
scores <- predict(mixture, type = "scores")
expect_identical(parallel::mclapply(1:2, function(i) predict(mixture, type = "scores"), mc.cores = 2),
                 list(scores, scores))

# --- Results do not depend on the number of threads ---
before <- options(gkvae.threads = 2)
expect_identical(coef(fitgk(x)), expected)
expect_identical(coef(gkmixture(matrix(x[1:2000], ncol = 2), restarts = 2)), coef(mixture))
options(before)

# --- Vectors of every type and form ---
forms <- list(integer = 1:200, sequence = seq_len(200), logical = rep(c(TRUE, FALSE), 100),
              matrix = matrix(1:200 / 7, 20), array = array(1:200 / 7, c(2, 10, 10)), table = table(rep(1:4, 1:4)),
              series = ts(1:200 / 7, start = 2000))
for (form in names(forms)) {
    v <- forms[[form]]
    for (f in list(dgk, pgk)) {
        expect_identical(as.double(f(v, 0, 1, 0.5, 0.2)), f(as.double(v), 0, 1, 0.5, 0.2), info = form)
        expect_identical(attributes(f(v, 0, 1, 0.5, 0.2)), attributes(v), info = form)
    }
}
expect_identical(dgk(numeric(0), 0, 1, 0, 0), numeric(0))
expect_identical(pgk(matrix(0, 0, 3), 0, 1, 0, 0), pnorm(matrix(0, 0, 3)))
expect_error(dgk(NULL, 0, 1, 0, 0), "non-numeric argument")
expect_error(dgk(1i, 0, 1, 0, 0), "non-numeric argument")
expect_error(fitgk(numeric(0)), "8 values")
expect_error(fitmgk(matrix(0, 0, 2)))
expect_error(fitmgk(matrix(0, 5, 0)), "no column")

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
