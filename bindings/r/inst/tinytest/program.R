# What the tests share: the program gkvae, whose path GKVAE_PROGRAM has, and its output.
program <- Sys.getenv("GKVAE_PROGRAM")
has_program <- nzchar(program) && file.exists(program)

gkvae_lines <- function(...) system2(program, shQuote(c(...)), stdout = TRUE, stderr = FALSE)

# What `gkvae gk` prints for these numbers.
gk_lines <- function(command, family, parameters, x, ...)
    gkvae_lines("gk", command, "--family", family, paste0("--params=", paste(format17(parameters), collapse = ",")),
                ..., format17(x))

# The digits that the program prints: as few as read back as the same double.
format17 <- function(x) trimws(formatC(x, digits = 17, format = "g"))
as_printed <- function(lines) as.numeric(sub("^inf$", "Inf", sub("^-inf$", "-Inf", sub("^-?nan$", "NaN", lines))))

# The numbers after "name": of a JSON text, in order.
json_numbers <- function(text, name) {
    found <- regmatches(text, gregexpr(paste0("\"", name, "\": *[-+0-9.eE]+"), text))
    as.numeric(sub(".*: *", "", unlist(found)))
}
