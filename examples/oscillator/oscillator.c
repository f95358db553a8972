/* A damped oscillator with a periodic drive: x'' + 2 g x' + w^2 x = a cos(d t), by Runge and Kutta's fourth-order steps.

   oscillator INPUT: reads lines "name = value" from INPUT, writes motion.csv, and frames of the density in phase space. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 48
#define REACH 3.0 /* the frames show positions from -REACH to REACH (m), and velocities as they go with them */

static double frequency, damping, drive, drive_frequency, position, velocity, duration, step;
static int frames, precise;

static struct { const char *name; double *number; int *whole; } known[] = {
    {"frequency", &frequency, 0}, {"damping", &damping, 0}, {"drive", &drive, 0}, {"drive_frequency", &drive_frequency, 0},
    {"position", &position, 0}, {"velocity", &velocity, 0}, {"duration", &duration, 0}, {"step", &step, 0},
    {"frames", 0, &frames}, {"precise", 0, &precise},
};

static void fail(const char *words, const char *what)
{
    printf("ERROR: %s%s\n", words, what);
    exit(2);
}

static void read_input(const char *path)
{
    char line[256], name[64], value[64];
    FILE *file = fopen(path, "r");
    if (!file)
        fail("there is no input ", path);
    while (fgets(line, sizeof line, file)) {
        size_t at, count = sizeof known / sizeof *known;
        if (line[0] == '#' || sscanf(line, " %63[a-z_] = %63s", name, value) != 2)
            continue;
        for (at = 0; at < count && strcmp(known[at].name, name); at++)
            ;
        if (at == count)
            fail("nothing is called ", name);
        if (known[at].number)
            *known[at].number = atof(value);
        else
            *known[at].whole = atoi(value);
    }
    fclose(file);
}

static double force(double t, double x, double v)
{
    return drive * cos(drive_frequency * t) - 2 * damping * v - frequency * frequency * x;
}

static void advance(double t, double h, double *x, double *v)
{
    double x1 = *v, v1 = force(t, *x, *v);
    double x2 = *v + h / 2 * v1, v2 = force(t + h / 2, *x + h / 2 * x1, *v + h / 2 * v1);
    double x3 = *v + h / 2 * v2, v3 = force(t + h / 2, *x + h / 2 * x2, *v + h / 2 * v2);
    double x4 = *v + h * v3, v4 = force(t + h, *x + h * x3, *v + h * v3);
    *x += h / 6 * (x1 + 2 * x2 + 2 * x3 + x4);
    *v += h / 6 * (v1 + 2 * v2 + 2 * v3 + v4);
}

static void write_frame(int number, double cells[CELLS][CELLS])
{
    char path[64];
    FILE *file;
    int row, column;
    sprintf(path, "phase_%d.txt", number);
    file = fopen(path, "w");
    if (!file)
        fail("cannot write ", path);
    for (row = 0; row < CELLS; row++)
        for (column = 0; column < CELLS; column++)
            fprintf(file, "%g%c", cells[row][column], column == CELLS - 1 ? '\n' : ' ');
    fclose(file);
}

/* The number of a cell from 0 on, or -1 where the value is out of reach. */
static int cell(double value, double reach)
{
    return fabs(value) < reach ? (int)((value / reach + 1) / 2 * CELLS) : -1;
}

int main(int count, char **words)
{
    static double cells[CELLS][CELLS];
    double x, v, largest = 0;
    long steps, every, n;
    int frame = 0, row, column;
    FILE *table;

    setvbuf(stdout, 0, _IOLBF, 0); /* a line is to be seen when it is written, not when 4096 bytes are full */
    if (count != 2)
        fail("usage: oscillator INPUT", "");
    read_input(words[1]);
    if (step * frequency > 1)
        fail("the step is too long: step * frequency must be below 1", "");
    steps = (long)(duration / step + 0.5);
    every = steps / 2000 > 0 ? steps / 2000 : 1;
    table = fopen("motion.csv", "w");
    if (!table)
        fail("cannot write ", "motion.csv");
    fprintf(table, "time,position,velocity\n");
    x = position, v = velocity;
    for (n = 0; n <= steps; n++) {
        if (n % every == 0)
            fprintf(table, precise ? "%.15g,%.15g,%.15g\n" : "%.6g,%.6g,%.6g\n", n * step, x, v);
        if (fabs(x) > largest)
            largest = fabs(x);
        row = cell(v, REACH * frequency), column = cell(x, REACH);
        if (row >= 0 && column >= 0)
            cells[row][column] += 1;
        if (frame < frames && n >= steps / frames * (frame + 1)) {
            write_frame(++frame, cells);
            fflush(table);
            printf("step %ld of %ld\n", n, steps);
        }
        advance(n * step, step, &x, &v);
    }
    fclose(table);
    printf("largest position = %.6g\n", largest);
    return 0;
}
