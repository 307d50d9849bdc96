#include "lm/qr.h"

#include <math.h>
#include <string.h>

double gkv_lm_norm(size_t n, const double *v)
{
    double sum = 0.0, largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i] * v[i];
        largest = fmax(largest, fabs(v[i]));
    }
    if (sum > 1e-280 && sum < 1e280)
        return sqrt(sum);
    if (!(largest > 0.0) || !isfinite(largest))
        return largest;
    sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (v[i] / largest) * (v[i] / largest);
    return largest * sqrt(sum);
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* v −= (2 uᵀv / uᵀu) u, with `scale` = 2 / uᵀu. */
static void reflect(size_t n, const double *u, double scale, double *v)
{
    const double amount = scale * dot(n, u, v);
    for (size_t i = 0; i < n; i++)
        v[i] -= amount * u[i];
}

static void swap_columns(size_t n, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        const double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void gkv_lm_qr(size_t n, size_t p, double *a, size_t *pivot, double *b, double *norms)
{
    double *first_norms = norms + p;
    for (size_t j = 0; j < p; j++) {
        pivot[j] = j;
        norms[j] = first_norms[j] = gkv_lm_norm(n, a + j * n);
    }
    for (size_t k = 0; k < p; k++) {
        size_t widest = k;
        for (size_t j = k + 1; j < p; j++)
            if (norms[j] > norms[widest])
                widest = j;
        if (widest != k) {
            swap_columns(n, a + k * n, a + widest * n);
            norms[widest] = norms[k];
            first_norms[widest] = first_norms[k];
            const size_t kept = pivot[k];
            pivot[k] = pivot[widest];
            pivot[widest] = kept;
        }
        double *u = a + k * n + k;
        const size_t rest = n - k;
        const double length = gkv_lm_norm(rest, u);
        if (!(length > 0.0))
            continue;
        /* u scaled to unit norm, so that its square cannot over- or underflow. */
        for (size_t i = 0; i < rest; i++)
            u[i] /= length;
        const double diagonal = u[0] > 0 ? -1.0 : 1.0;
        u[0] -= diagonal;
        const double scale = -1.0 / (diagonal * u[0]);
        for (size_t j = k + 1; j < p; j++) {
            reflect(rest, u, scale, a + j * n + k);
            /* Norms of what is left are kept up to date, and taken afresh before
             * cancellation spoils them (LAPACK Working Note 176). */
            const double share = norms[j] > 0 ? a[j * n + k] / norms[j] : 0.0;
            const double left = fmax(0.0, 1.0 - share * share);
            const double fallen = norms[j] > 0 ? norms[j] / first_norms[j] : 0.0;
            if (left * fallen * fallen < 1e-8)
                norms[j] = first_norms[j] = gkv_lm_norm(rest - 1, a + j * n + k + 1);
            else
                norms[j] *= sqrt(left);
        }
        reflect(rest, u, scale, b + k);
        u[0] = diagonal * length;
    }
}

void gkv_lm_step(size_t stride, size_t p, const double *r, const size_t *pivot, const double *q,
                 const double *damping, double *d, double *work)
{
    /* s: upper triangle to be updated, by rows; row: the damping row in transit. */
    double *s = work, *rhs = work + p * p, *row = rhs + p, *y = row + p;
    for (size_t i = 0; i < p; i++) {
        rhs[i] = -q[i];
        for (size_t j = i; j < p; j++)
            s[i * p + j] = r[j * stride + i];
    }
    for (size_t j = 0; j < p; j++) {
        const double e = damping[pivot[j]];
        if (e == 0.0)
            continue;
        memset(row, 0, p * sizeof *row);
        row[j] = e;
        double right = 0.0;
        for (size_t k = j; k < p; k++) { /* Givens rotations take the row into s */
            const double length = hypot(s[k * p + k], row[k]);
            if (length == 0.0 || row[k] == 0.0)
                continue;
            const double cosine = s[k * p + k] / length, sine = row[k] / length;
            for (size_t i = k; i < p; i++) {
                const double kept = s[k * p + i];
                s[k * p + i] = cosine * kept + sine * row[i];
                row[i] = cosine * row[i] - sine * kept;
            }
            const double kept = rhs[k];
            rhs[k] = cosine * kept + sine * right;
            right = cosine * right - sine * kept;
        }
    }
    for (size_t k = p; k-- > 0;) {
        double sum = rhs[k];
        for (size_t j = k + 1; j < p; j++)
            sum -= s[k * p + j] * y[j];
        y[k] = s[k * p + k] != 0.0 ? sum / s[k * p + k] : 0.0;
    }
    for (size_t k = 0; k < p; k++)
        d[pivot[k]] = y[k];
}
