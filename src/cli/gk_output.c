/* Rows of numbers as CSV or as an array; declared in cli_gk.h. */
#include <stdlib.h>
#include <string.h>

#include "app/inside.h"
#include "cli_gk.h"

struct cli_gk_output {
    const char *path; /* NULL: standard output */
    size_t columns;
    gki_file_writer *writer; /* of a text in a file */
    bool is_array;
    double *values; /* of an array, which is written at the end */
    size_t rows, room;
};

static void write_text(cli_gk_output *output, const char *text)
{
    if (output->writer)
        gki_file_write(output->writer, text, strlen(text));
    else
        fputs(text, stdout);
}

/* Writes a name, in quotes where CSV needs them. */
static void write_name(cli_gk_output *output, const char *name)
{
    if (!name[strcspn(name, ",;\t|\"\r\n")] && name[0] != ' ' && name[0] != '#') {
        write_text(output, name);
        return;
    }
    write_text(output, "\"");
    for (const char *c = name; *c; c++)
        write_text(output, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    write_text(output, "\"");
}

static void write_header(cli_gk_output *output, const char *const *names)
{
    for (size_t j = 0; j < output->columns; j++) {
        write_text(output, j > 0 ? "," : "");
        write_name(output, names[j]);
    }
    write_text(output, "\n");
}

int cli_gk_output_begin(const char *path, size_t columns, const char *const *names,
                        cli_gk_output **out)
{
    cli_gk_output *output = cli_alloc(1, sizeof *output);
    *out = NULL;
    *output = (cli_gk_output){
        .path = path, .columns = columns, .is_array = path && cli_ends_in(path, ".npy")};
    const int code =
        path && !output->is_array ? cli_check(gki_file_begin(path, &output->writer)) : CLI_OK;
    if (code != CLI_OK) {
        free(output);
        return code;
    }
    if (!output->is_array && (path || columns > 1))
        write_header(output, names);
    *out = output;
    return CLI_OK;
}

static void keep(cli_gk_output *output, size_t n, const double *rows)
{
    if (output->rows + n > output->room) {
        const size_t room =
            output->rows + n > 2 * output->room ? output->rows + n : 2 * output->room;
        double *more = cli_alloc(room, output->columns * sizeof *more);
        if (output->rows > 0)
            memcpy(more, output->values, output->rows * output->columns * sizeof *more);
        free(output->values);
        output->values = more;
        output->room = room;
    }
    memcpy(output->values + output->rows * output->columns, rows,
           n * output->columns * sizeof *rows);
    output->rows += n;
}

int cli_gk_output_add(cli_gk_output *output, size_t n, const double *rows)
{
    char text[CLI_NUMBER];
    if (output->is_array) {
        keep(output, n, rows);
        return CLI_OK;
    }
    for (size_t i = 0; i < n * output->columns; i++) {
        cli_number_text(rows[i], text);
        write_text(output, text);
        write_text(output, (i + 1) % output->columns == 0 ? "\n" : ",");
    }
    return !output->writer && ferror(stdout) ? CLI_IO : CLI_OK;
}

int cli_gk_output_end(cli_gk_output *output, int code)
{
    if (!output)
        return code;
    if (code != CLI_OK)
        gki_file_abandon(output->writer);
    else if (output->writer)
        code = cli_check(gki_file_commit(output->writer));
    else if (output->is_array)
        code =
            cli_check(gkv_npy_write(output->path, output->rows, output->columns, output->values));
    free(output->values);
    free(output);
    return code;
}
