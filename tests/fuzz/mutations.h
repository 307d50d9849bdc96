/* Calls the entry points of the fuzzers with mutations of their corpora. The mutations are the same
 * in every test. libFuzzer chooses mutations by coverage and needs hours; a test takes a second or
 * two. The file that includes this defines _POSIX_C_SOURCE 200809L, or more, first. */
#ifndef GKV_TESTS_FUZZ_MUTATIONS_H
#define GKV_TESTS_FUZZ_MUTATIONS_H

#include <dirent.h>

#include "support.h"

#include "core/rng.h"
#include "fuzz_check.h"

enum { SIZE_MOST = 8192, CORPUS_MOST = 128, MUTATIONS_MOST = 6 };

typedef struct sample {
    uint8_t bytes[SIZE_MOST];
    size_t size;
    bool valid; /* a file valid… of the corpus, which its reader accepts */
} sample;

static inline size_t read_corpus(const char *name, sample *corpus)
{
    char path[1024];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/../fuzz/corpus/%s", GKV_TEST_FIXTURES, name);
    /* sorted by name, because the order of a folder is not defined */
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, NULL, alphasort);
    assert_true(count > 2);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && n < CORPUS_MOST) {
            snprintf(path, sizeof path, "%s/../fuzz/corpus/%s/%s", GKV_TEST_FIXTURES, name,
                     entries[i]->d_name);
            FILE *file = fopen(path, "rb");
            assert_non_null(file);
            corpus[n].size = fread(corpus[n].bytes, 1, SIZE_MOST, file);
            fclose(file);
            corpus[n].valid = strncmp(entries[i]->d_name, "valid", 5) == 0;
            n++;
        }
        free(entries[i]);
    }
    free(entries);
    return n;
}

/* Texts that are difficult for readers, to be inserted anywhere. */
static const char *const pieces[] = {
    "1e999",
    "-",
    "\"",
    "\"\"",
    ",",
    ";",
    "\t",
    "\n",
    "\r\n",
    "#",
    "nan",
    "NA",
    " ",
    "\xEF\xBB\xBF",
    "0x1p3",
    ".",
    "e5",
    "18446744073709551615",
    "4611686018427387904",
    "-1",
    "0",
    "L",
    "(",
    ")",
    ",)",
    "{",
    "}",
    "'descr': ",
    "'<f8'",
    "'>i2'",
    "'|u1'",
    "'|O'",
    "'shape': ",
    "'fortran_order': ",
    "True",
    "False",
    "\xff\xff\xff\xff",
    "\x02",
    "\x93NUMPY",
    "[('a', ",
    "'<f2'",
    "|",
    "#N/A",
    "sep=;\n",
    "1,5",
    "\"a\nb\"",
    "$12",
    "\xF6",
};

static inline void replace(sample *s, size_t offset, size_t cut, const void *with, size_t n)
{
    cut = cut < s->size - offset ? cut : s->size - offset;
    if (s->size - cut + n > SIZE_MOST)
        return;
    memmove(s->bytes + offset + n, s->bytes + offset + cut, s->size - offset - cut);
    memcpy(s->bytes + offset, with, n);
    s->size = s->size - cut + n;
}

static inline void mutate(sample *s, const sample *other, const uint32_t words[5])
{
    const size_t offset = s->size ? words[1] % (s->size + 1) : 0;
    const char *piece = pieces[words[2] % (sizeof pieces / sizeof *pieces)];
    uint8_t part[64];
    size_t n = words[3] % sizeof part;
    switch (words[0] % 8) {
    case 0:
        if (offset < s->size)
            s->bytes[offset] ^= (uint8_t)(1u << words[2] % 8);
        break;
    case 1:
        if (offset < s->size)
            s->bytes[offset] = (uint8_t)words[2];
        break;
    case 2: replace(s, offset, words[3] % 4, piece, strlen(piece)); break;
    case 3: replace(s, offset, strlen(piece), piece, strlen(piece)); break;
    case 4: replace(s, offset, n, "", 0); break; /* removes a part */
    case 5: s->size = offset; break;
    case 6: /* doubles a part */
        n = n < s->size - offset ? n : s->size - offset;
        memcpy(part, s->bytes + offset, n);
        replace(s, offset, 0, part, n);
        break;
    default: { /* inserts a part of another file */
        const size_t from = other->size ? words[4] % other->size : 0;
        n = n < other->size - from ? n : other->size - from;
        replace(s, offset, words[2] % 16, other->bytes + from, n);
    }
    }
}

/* Calls the entry with every file of a corpus, and with so many mutations of them. */
static inline void run_mutations(const char *name, uint32_t rounds,
                                 int (*entry)(const uint8_t *, size_t))
{
    sample *corpus = test_alloc(CORPUS_MOST * sizeof *corpus), *s = test_alloc(sizeof *s);
    const size_t n = read_corpus(name, corpus);
    for (size_t i = 0; i < n; i++) {
        fuzz_accepted = false;
        entry(corpus[i].bytes, corpus[i].size);
        assert_true(fuzz_accepted || !corpus[i].valid);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t words[3 + 5 * MUTATIONS_MOST];
        gki_rng_words(gki_rng_at(1, GKV_STREAM_USER, 0, round), sizeof words / sizeof *words,
                      words);
        *s = corpus[words[0] % n];
        for (uint32_t m = 0; m <= words[1] % MUTATIONS_MOST; m++)
            mutate(s, &corpus[words[2] % n], words + 3 + 5 * m);
        entry(s->bytes, s->size);
    }
    free(s);
    free(corpus);
}

#endif
