if (requireNamespace("tinytest", quietly = TRUE)) {
    tinytest::test_package("gkvae", verbose = 0)
}
