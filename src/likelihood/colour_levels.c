/* A likelihood of grey levels sees the outputs with moved locations, as slots of its own. Means,
 * medians and draws need one channel after another: it then sees images of one channel. */
#include "likelihood/colour_levels.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "likelihood/level_mixture.h"

/* The pixels of one call for a channel, and the most parameters of a value: logits, and four of
 * each component. The noise of draws depends on the number of pixels. */
enum { CHUNK = 128, PARAMETERS_MAX = 5 * GKV_LIKELIHOOD_COMPONENTS_MAX };

typedef struct colour_levels {
    gki_likelihood base;     /* must be first */
    gki_level_mixture *grey; /* of all values, with the slots of the moved outputs */
    gki_slot t, d_t;         /* the middles of the levels, and the gradient in them [values] */
} colour_levels;

static const colour_levels *of(const gki_likelihood *likelihood)
{
    return (const colour_levels *)likelihood;
}

/* The middles of levels. */
typedef struct middles {
    gki_level_edges edges;
    gki_real middle[GKV_LEVELS];
} middles;

static void find_middles(const colour_levels *colours, const gki_params *params, middles *out)
{
    gki_levels_edges(&colours->grey->levels, params, &out->edges);
    gki_levels_middles(&out->edges, out->middle);
}

/* t of a value in [0, 1]; between two levels by linear interpolation. */
static gki_real middle_at(const middles *m, gki_real value)
{
    const gki_real v = value * (GKV_LEVELS - 1);
    const size_t below = v > 0 ? v < GKV_LEVELS - 1 ? (size_t)v : GKV_LEVELS - 2 : 0;
    const gki_real part = v - (gki_real)below;
    return m->middle[below] +
           (part > 0 ? part < 1 ? part : 1 : 0) * (m->middle[below + 1] - m->middle[below]);
}

/* The numbers before the locations and before α, β and γ of the outputs. */
static size_t locations(const colour_levels *colours)
{
    return gki_level_mixture_logits(colours->grey) * colours->base.values;
}

static size_t coefficients(const colour_levels *colours)
{
    return colours->grey->base.outputs;
}

/* --- All values ----------------------------------------------------------- */

/* Writes the outputs with moved locations. t[values] are the middles of the image's levels. */
static void move(const colour_levels *colours, const gki_real *out, const gki_real *t,
                 gki_real *moved)
{
    const size_t n = colours->base.values;
    memcpy(moved, out, coefficients(colours) * sizeof *out);
    for (size_t k = 0; k < colours->grey->components; k++) {
        const gki_real *c = out + coefficients(colours) + k * n;
        gki_real *location = moved + locations(colours) + k * n;
        for (size_t i = 0; i < n; i += GKV_COLOURS) {
            location[i + 1] += c[i] * t[i];
            location[i + 2] += c[i + 1] * t[i] + c[i + 2] * t[i + 1];
        }
    }
}

/* Computes the gradient in the outputs from that in the moved ones, and the gradient d_t in the
 * middles unless it is NULL. */
static void move_back(const colour_levels *colours, const gki_real *out, const gki_real *t,
                      const gki_real *d_moved, gki_real *d_out, gki_real *d_t)
{
    const size_t n = colours->base.values;
    memcpy(d_out, d_moved, coefficients(colours) * sizeof *d_out);
    if (d_t)
        memset(d_t, 0, n * sizeof *d_t);
    for (size_t k = 0; k < colours->grey->components; k++) {
        const gki_real *c = out + coefficients(colours) + k * n,
                       *d = d_moved + locations(colours) + k * n;
        gki_real *d_c = d_out + coefficients(colours) + k * n;
        for (size_t i = 0; i < n; i += GKV_COLOURS) {
            d_c[i] = d[i + 1] * t[i];
            d_c[i + 1] = d[i + 2] * t[i];
            d_c[i + 2] = d[i + 2] * t[i + 1];
        }
        for (size_t i = 0; d_t && i < n; i += GKV_COLOURS) {
            d_t[i] += d[i + 1] * c[i] + d[i + 2] * c[i + 1];
            d_t[i + 1] += d[i + 2] * c[i + 2];
        }
    }
}

/* Adds the gradient in the edges that comes from the middles. */
static void add_edges(size_t n, const gki_real *x, const gki_real *d_t, gki_real *d_edges)
{
    for (size_t i = 0; i < n; i++) {
        const size_t v = gki_level_of(x[i]);
        if (v > 0)
            d_edges[v] += d_t[i] / 2;
        if (v < GKV_LEVELS - 1)
            d_edges[v + 1] += d_t[i] / 2;
    }
}

static void find_t(size_t n, const middles *m, const gki_real *x, gki_real *t)
{
    for (size_t i = 0; i < n; i++)
        t[i] = m->middle[gki_level_of(x[i])];
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const colour_levels *colours = of(likelihood);
    const gki_likelihood *grey = &colours->grey->base;
    const size_t n = likelihood->values;
    middles m;
    find_middles(colours, ws->params, &m);
    for (size_t r = first; r < first + count; r++) {
        gki_real *t = gki_at(ws, colours->t, r);
        find_t(n, &m, gki_at(ws, likelihood->x, r / ws->draws), t);
        move(colours, gki_at(ws, likelihood->out, r), t, gki_at(ws, grey->out, r));
    }
    grey->ops->forward(grey, ws, first, count);
    for (size_t r = first; ws->backward && r < first + count; r++) {
        const gki_real *x = gki_at(ws, likelihood->x, r / ws->draws);
        gki_real *d_t = colours->grey->levels.learned ? gki_at(ws, colours->d_t, r) : NULL;
        move_back(colours, gki_at(ws, likelihood->out, r), gki_at(ws, colours->t, r),
                  gki_at(ws, grey->d_out, r), gki_at(ws, likelihood->d_out, r), d_t);
        if (d_t)
            add_edges(n, x, d_t, gki_at(ws, grey->d_own, r));
    }
}

/* Of α the information is t² times that of the location which it moves, given the earlier
 * channels of the image; the same of β and γ. */
static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    const colour_levels *colours = of(likelihood);
    const gki_likelihood *grey = &colours->grey->base;
    const size_t n = likelihood->values;
    const gki_real *t = gki_at(ws, colours->t, row);
    grey->ops->fisher_sd(grey, ws, row, sd);
    for (size_t k = 0; k < colours->grey->components; k++) {
        const gki_real *location = sd + locations(colours) + k * n;
        gki_real *own = sd + coefficients(colours) + k * n;
        for (size_t i = 0; i < n; i += GKV_COLOURS) {
            own[i] = (t[i] < 0 ? -t[i] : t[i]) * location[i + 1];
            own[i + 1] = (t[i] < 0 ? -t[i] : t[i]) * location[i + 2];
            own[i + 2] = (t[i + 1] < 0 ? -t[i + 1] : t[i + 1]) * location[i + 2];
        }
    }
}

static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    const colour_levels *colours = of(likelihood);
    const gki_likelihood *grey = &colours->grey->base;
    grey->ops->init(grey, params, mean, out);
    memset(out + coefficients(colours), 0,
           (likelihood->outputs - coefficients(colours)) * sizeof *out);
}

static size_t parts(const gki_likelihood *likelihood)
{
    const gki_likelihood *grey = &of(likelihood)->grey->base;
    return grey->ops->parts(grey);
}

static void gradient(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_likelihood *grey = &of(likelihood)->grey->base;
    grey->ops->gradient(grey, ws, rows, part);
}

/* --- One channel after another -------------------------------------------- */

/* Pixels [first, first + n) of an image, as a likelihood of n grey values sees one channel. */
typedef struct colour_plane {
    gki_level_mixture grey;
    size_t first, n;
    gki_real out[PARAMETERS_MAX * CHUNK];
} colour_plane;

static void begin_plane(const colour_levels *colours, size_t first, colour_plane *plane)
{
    const size_t pixels = colours->base.values / GKV_COLOURS;
    plane->first = first;
    plane->n = pixels - first < CHUNK ? pixels - first : CHUNK;
    plane->grey = *colours->grey;
    plane->grey.base.values = plane->n;
    plane->grey.base.outputs = colours->grey->base.outputs / colours->base.values * plane->n;
}

/* Fills a plane with the parameters of a channel, given the values of the earlier ones in
 * image[GKV_COLOURS·n]. */
static void fill_plane(const colour_levels *colours, const middles *m, const gki_real *out,
                       const gki_real *image, size_t channel, colour_plane *plane)
{
    const size_t n = colours->base.values, parameters = colours->grey->base.outputs / n,
                 logits = gki_level_mixture_logits(colours->grey);
    for (size_t p = 0; p < parameters; p++)
        for (size_t j = 0; j < plane->n; j++)
            plane->out[p * plane->n + j] = out[p * n + GKV_COLOURS * (plane->first + j) + channel];
    for (size_t k = 0; k < colours->grey->components; k++) {
        const gki_real *c = out + coefficients(colours) + k * n;
        gki_real *location = plane->out + (logits + k) * plane->n;
        for (size_t j = 0; j < plane->n && channel > 0; j++) {
            const gki_real *of_pixel = c + GKV_COLOURS * (plane->first + j),
                           *earlier = image + GKV_COLOURS * j;
            location[j] += of_pixel[channel == 1 ? 0 : 1] * middle_at(m, earlier[0]);
            if (channel == 2)
                location[j] += of_pixel[2] * middle_at(m, earlier[1]);
        }
    }
}

/* Means or medians of n images; those of a channel are given those of the earlier ones. */
static void centres(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images,
                    void (*centre)(const gki_likelihood *, const gki_params *, size_t,
                                   const gki_real *, gki_real *))
{
    const colour_levels *colours = of(likelihood);
    middles m;
    colour_plane plane;
    gki_real channel[CHUNK];
    find_middles(colours, params, &m);
    for (size_t r = 0; r < n; r++, out += likelihood->outputs, images += likelihood->values)
        for (size_t first = 0; first < likelihood->values / GKV_COLOURS; first += CHUNK) {
            begin_plane(colours, first, &plane);
            for (size_t c = 0; c < GKV_COLOURS; c++) {
                fill_plane(colours, &m, out, images + GKV_COLOURS * first, c, &plane);
                centre(&plane.grey.base, params, 1, plane.out, channel);
                for (size_t j = 0; j < plane.n; j++)
                    images[GKV_COLOURS * (first + j) + c] = channel[j];
            }
        }
}

static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images)
{
    centres(likelihood, params, n, out, images, of(likelihood)->grey->base.ops->means);
}

static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    centres(likelihood, params, n, out, images, of(likelihood)->grey->base.ops->medians);
}

/* Each channel of each chunk has random numbers of its own, by the step. */
static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *target)
{
    const colour_levels *colours = of(likelihood);
    const uint32_t step = rng.step;
    middles m;
    colour_plane plane;
    find_middles(colours, params, &m);
    for (size_t first = 0; first < likelihood->values / GKV_COLOURS; first += CHUNK) {
        gki_real image[GKV_COLOURS * CHUNK];
        begin_plane(colours, first, &plane);
        for (size_t c = 0; c < GKV_COLOURS; c++) {
            float channel[CHUNK];
            rng.step = step + 1 + (uint32_t)(GKV_COLOURS * (first / CHUNK) + c);
            fill_plane(colours, &m, out, image, c, &plane);
            plane.grey.base.ops->draw(&plane.grey.base, params, plane.out, rng, channel);
            for (size_t j = 0; j < plane.n; j++) {
                image[GKV_COLOURS * j + c] = (gki_real)channel[j];
                target[GKV_COLOURS * (first + j) + c] = channel[j];
            }
        }
    }
}

/* --- The family ----------------------------------------------------------- */

static void release(gki_likelihood *likelihood)
{
    if (!likelihood)
        return;
    gki_likelihood *grey = (gki_likelihood *)of(likelihood)->grey;
    if (grey)
        grey->ops->free(grey);
    free(likelihood);
}

static const gki_likelihood_ops colour_ops = {
    .name = "colour",
    .free = release,
    .init = init,
    .forward = forward,
    .parts = parts,
    .gradient = gradient,
    .fisher_sd = fisher_sd,
    .means = means,
    .medians = medians,
    .draw = draw,
};

gkv_status gki_colour_levels_create(const gki_likelihood_ops *grey, const gki_likelihood_spec *spec,
                                    gki_params *params, gki_plan *plan, gki_likelihood **out)
{
    colour_levels *colours = NULL;
    gki_likelihood *of_channels = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *colours, &colours));
    colours->base = (gki_likelihood){.ops = &colour_ops};
    GKV_TRY_GOTO(grey->create(spec, params, plan, &of_channels));
    colours->grey = (gki_level_mixture *)of_channels;
    gki_likelihood_attach(of_channels, gki_plan_forward(plan, of_channels->outputs),
                          gki_plan_backward(plan, of_channels->outputs));
    colours->t = gki_plan_forward(plan, of_channels->values);
    colours->d_t = gki_plan_backward(plan, colours->grey->levels.learned ? of_channels->values : 0);
    colours->base = *of_channels;
    colours->base.ops = &colour_ops;
    colours->base.outputs += colours->grey->components * of_channels->values;
done:
    if (status != GKV_OK) {
        release((gki_likelihood *)colours);
        colours = NULL;
    }
    *out = (gki_likelihood *)colours;
    return status;
}
