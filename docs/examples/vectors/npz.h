/* Arrays of a case file, read and written: npz with stored members, on a little-endian machine.

   A file of `refimpl vectors` is a row of members, each a local header of 30 bytes with its sizes,
   a name, an extra field, and an npy file. Here all numbers become double. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double *data;
    long size, shape[8];
    int ndim, single; /* single: stored as float32, and written back as such */
} Array;

typedef struct {
    unsigned char *bytes;
    size_t size;
} File;

static uint32_t get(const unsigned char *p, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint32_t)p[i] << (8 * i);
    return value;
}

static void fail(const char *what, const char *name) {
    fprintf(stderr, "%s: %s\n", name, what);
    exit(1);
}

static File read_file(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream) fail("cannot be opened", path);
    File file = {malloc(1 << 22), 0};
    file.size = fread(file.bytes, 1, 1 << 22, stream);
    fclose(stream);
    return file;
}

/* The npy file of the member NAME.npy, and its length; NULL when there is none. */
static const unsigned char *member(File file, const char *name, size_t *length) {
    size_t at = 0, wanted = strlen(name);
    while (at + 30 <= file.size && !memcmp(file.bytes + at, "PK\3\4", 4)) {
        const unsigned char *head = file.bytes + at;
        size_t size = get(head + 22, 4), label = get(head + 26, 2), extra = get(head + 28, 2);
        at += 30 + label + extra + size;
        if (get(head + 8, 2) != 0 || at > file.size) fail("not stored, or cut off", name);
        if (label == wanted + 4 && !memcmp(head + 30, name, wanted)) {
            *length = size;
            return head + 30 + label + extra;
        }
    }
    return NULL;
}

static Array read_array(File file, const char *name) {
    size_t length;
    const unsigned char *npy = member(file, name, &length);
    if (!npy || length < 10 || length < 10 + get(npy + 8, 2)) fail("no such array", name);
    char head[1024] = {0};
    size_t size = get(npy + 8, 2);
    memcpy(head, npy + 10, size < 1023 ? size : 1023);
    Array array = {NULL, 1, {0}, 0, strstr(head, "'<f4'") != NULL};
    char *shape = strchr(strstr(head, "'shape'"), '(') + 1;
    for (char *end; *shape != ')'; shape = end + strspn(end, ", ")) {
        array.size *= array.shape[array.ndim++] = strtol(shape, &end, 10);
        if (end == shape || array.ndim == 8) fail("an odd shape", name);
    }
    int bytes = array.single ? 4 : strstr(head, "'<f8'") ? 8 : strstr(head, "'|b1'") ? 1 : 0;
    if (!bytes || 10 + size + (size_t)array.size * bytes != length) fail("an odd array", name);
    array.data = malloc((array.size + 1) * sizeof(double));
    for (long i = 0; i < array.size; i++) {
        const unsigned char *p = npy + 10 + size + i * bytes;
        float f;
        if (bytes == 8) memcpy(&array.data[i], p, 8);
        if (bytes == 4) memcpy(&f, p, 4), array.data[i] = f;
        if (bytes == 1) array.data[i] = *p;
    }
    return array;
}

static uint32_t checksum(const unsigned char *p, size_t size) {
    uint32_t crc = ~0u;
    while (size--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static unsigned char *put(unsigned char *p, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *p++ = value >> (8 * i);
    return p;
}

/* The array as an npy file, at p; the end of it. */
static unsigned char *put_npy(unsigned char *p, Array array) {
    char shape[128] = "", head[256];
    for (int i = 0; i < array.ndim; i++)
        sprintf(shape + strlen(shape), "%ld, ", array.shape[i]);
    const char *type = array.single ? "<f4" : "<f8";
    sprintf(head, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    memcpy(p, "\x93NUMPY\1\0\166\0", 10);
    sprintf((char *)p + 10, "%-117s\n", head);
    p += 128;
    for (long i = 0; i < array.size; i++) {
        float f = (float)array.data[i];
        memcpy(p, array.single ? (void *)&f : (void *)&array.data[i], array.single ? 4 : 8);
        p += array.single ? 4 : 8;
    }
    return p;
}

static void write_npz(const char *path, int count, const char **names, const Array *arrays) {
    size_t total = 1024;
    for (int i = 0; i < count; i++) total += 1024 + 8 * arrays[i].size;
    unsigned char *bytes = malloc(total), *p = bytes, directory[4096], *d = directory;
    for (int i = 0; i < count; i++) {
        unsigned char *local = p, *npy = p + 30 + strlen(names[i]) + 4;
        p = put_npy(npy, arrays[i]);
        uint32_t fields[] = {checksum(npy, p - npy), p - npy, p - npy, strlen(names[i]) + 4};
        for (int central = 0; central < 2; central++) { /* before the member, and in the directory */
            unsigned char *q = central ? d : local;
            q = put(q, central ? 0x02014b50 : 0x04034b50, 4);
            q = central ? put(q, 20, 2) : q;
            q = put(q, 20, 4), q = put(q, 0, 2), q = put(q, 0x00210000, 4); /* version, date */
            for (int k = 0; k < 4; k++) q = put(q, fields[k], k < 3 ? 4 : 2);
            q = put(q, 0, 2);
            if (central) q = put(put(put(q, 0, 4), 0, 2), 0, 4), q = put(q, local - bytes, 4);
            q += sprintf((char *)q, "%s", names[i]);
            memcpy(q, ".npy", 4);
            d = central ? q + 4 : d;
        }
    }
    uint32_t size = d - directory, start = p - bytes;
    memcpy(p, directory, size);
    p = put(put(put(p + size, 0x06054b50, 4), 0, 4), count, 2);
    p = put(put(put(put(p, count, 2), size, 4), start, 4), 0, 2);
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, p - bytes, stream) != (size_t)(p - bytes))
        fail("cannot be written", path);
    fclose(stream);
    free(bytes);
}
