/* SoftSort and its gradient in C, held against the specification:

     refimpl vectors cases sorting.soft_sort
     mkdir -p results/sorting.soft_sort && cp cases/manifest.json results
     cc -O2 -o soft_sort soft_sort.c -lm && ./soft_sort cases results
     refimpl check results

   P[i, j] = softmax_i(-|s_j - x_i|^p / tau), s the sorted x, for each row of the batch. */
#include <dirent.h>
#include <math.h>

#include "npz.h"

static const double *keys;
static int direction;

static int by_key(const void *a, const void *b) {
    int i = *(const int *)a, j = *(const int *)b;
    if (keys[i] != keys[j]) return keys[i] < keys[j] ? -direction : direction;
    return i - j; /* stable */
}

/* One row: P (n, n) from x (n), and the gradient of sum(P * cot) with respect to x. */
static void soft_sort(int n, const double *x, double tau, double power, const double *cot,
                      double *P, double *grad) {
    int order[n + 1];
    for (int i = 0; i < n; i++) order[i] = i, grad[i] = 0;
    keys = x;
    qsort(order, n, sizeof(int), by_key);
    for (int j = 0; j < n; j++) {
        double sum = 0, mean = 0;
        for (int i = 0; i < n; i++) /* the largest exponent is 0, at the input of position j */
            sum += P[i * n + j] = exp(-pow(fabs(x[order[j]] - x[i]), power) / tau);
        for (int i = 0; i < n; i++) mean += (P[i * n + j] /= sum) * cot[i * n + j];
        for (int i = 0; i < n; i++) {
            double d = x[order[j]] - x[i];
            if (d == 0) continue; /* |d|^p has the derivative 0 there */
            double along = -P[i * n + j] * (cot[i * n + j] - mean) / tau;
            along *= power * pow(fabs(d), power - 1) * (d > 0 ? 1 : -1);
            grad[order[j]] += along;
            grad[i] -= along;
        }
    }
}

static Array zeros_like(Array model) {
    model.data = calloc(model.size + 1, sizeof(double));
    return model;
}

int main(int count, char **words) {
    char folder[512], in[1024], out[1024];
    snprintf(folder, sizeof folder, "%s/sorting.soft_sort", count > 2 ? words[1] : "cases");
    DIR *cases = opendir(folder);
    if (!cases) fail("expected CASES RESULTS, two folders", folder);
    for (struct dirent *entry; (entry = readdir(cases));) {
        if (!strstr(entry->d_name, ".npz")) continue;
        snprintf(in, sizeof in, "%s/%s", folder, entry->d_name);
        snprintf(out, sizeof out, "%s/sorting.soft_sort/%s", count > 2 ? words[2] : "results",
                 entry->d_name);
        File file = read_file(in);
        size_t length;
        Array x = read_array(file, "in_x"), grad = zeros_like(x);
        Array cot = zeros_like(read_array(file, "out_P")), P = zeros_like(cot);
        if (member(file, "cot_P", &length)) cot = read_array(file, "cot_P");
        double tau = read_array(file, "param_temperature").data[0];
        double power = read_array(file, "param_power").data[0];
        direction = read_array(file, "param_descending").data[0] ? -1 : 1;
        long n = x.shape[x.ndim - 1];
        for (long row = 0; row < x.size / n; row++)
            soft_sort(n, x.data + row * n, tau, power, cot.data + row * n * n,
                      P.data + row * n * n, grad.data + row * n);
        const char *names[] = {"out_P", "grad_x"};
        write_npz(out, 2, names, (Array[]){P, grad});
        free(file.bytes);
    }
    return 0;
}
