# The demo runs and finds what the data are simulated from; the first lines of the README run as pasted.
source("program.R")

script <- system.file("demo", "returns.R", package = "gkvae")
expect_true(nzchar(script))
pdf(tempfile(fileext = ".pdf"))
demo_results <- new.env()
capture.output(sys.source(script, demo_results))
invisible(dev.off())
risk <- demo_results$risk
expect_true(all(risk[["g-and-k"]] > risk$normal))
expect_equal(risk[["g-and-k"]][1], risk$observed[1], tolerance = 0.1)
expect_true(all(risk$shortfall > risk[["g-and-k"]]))
expect_true(all(demo_results$refits[1, ] > 0))
inside <- apply(demo_results$refits, 1, quantile, c(0.001, 0.999))
expect_true(all(inside[1, ] < risk[["g-and-k"]] & risk[["g-and-k"]] < inside[2, ]))
expect_equal(nrow(demo_results$days), 100000)

# The shortfall by the mean of many draws.
set.seed(1)
v <- coef(demo_results$fit)
draws <- rgk(4e5, v[1], v[2], v[3], v[4])
expect_equal(-mean(draws[draws < -risk[["g-and-k"]][1]]), risk$shortfall[1], tolerance = 0.03)

# The blocks of R code of the READMEs and the example of risk, which GKVAE_SOURCE has.
source_folder <- Sys.getenv("GKVAE_SOURCE")
if (nzchar(source_folder) && length(gkvae:::table_of("candidates"))) {
    risk_of <- new.env()
    printed <- capture.output(sys.source(file.path(source_folder, "examples/returns/risk.R"), risk_of))
    expect_true(any(grepl("99 % of the days lose less than 1.[1-4]", printed)))
    expect_true(any(grepl("later days: mean log density -[12]", printed)))
}
if (nzchar(source_folder)) for (page in c("README.md", "bindings/r/README.md")) {
    lines <- readLines(file.path(source_folder, page), encoding = "UTF-8")
    first <- which(lines == "```r")
    expect_true(length(first) > 0, info = page)
    for (start in first) {
        end <- start + which(lines[-seq_len(start)] == "```")[1]
        pdf(tempfile(fileext = ".pdf"))
        block <- parse(text = lines[(start + 1):(end - 1)])
        expect_silent(capture.output(source(exprs = block, local = new.env(), echo = FALSE, print.eval = TRUE)),
                      info = page)
        invisible(dev.off())
    }
}
