#!/usr/bin/env python2.7
# Two-dimensional Ising model, Metropolis algorithm, periodic boundaries.
# usage: ising.py PARFILE
#
# Output: magnetization.dat   sweep, energy per spin, magnetization per spin
#         spins.NNNN          the lattice as rows of + and -, one file per snapshot
#
# Written for Python 2.4, runs under 2.7.
import os, sys, string, math, random, time
import cPickle

class ParameterError(StandardError):
    pass

def read_parameters(filename):
    par = {}
    try:
        f = file(filename)
    except IOError, e:
        raise ParameterError, 'cannot read %s: %s' % (filename, e.strerror)
    for line in f.readlines():
        line = string.strip(string.split(line, '#')[0])
        if not line:
            continue
        key, value = map(string.strip, string.split(line, '=', 1))
        par[key] = value
    f.close()
    for key in ('L', 'T', 'sweeps', 'every', 'seed'):
        if not par.has_key(key):
            raise ParameterError, 'parameter %s is missing in %s' % (`key`, filename)
    par['T'] = string.atof(par['T'])
    for key in ('L', 'sweeps', 'every', 'seed'):
        par[key] = string.atol(par[key])
    if par['L'] % 2 <> 0:
        raise ParameterError, 'L must be even, not %s' % `par['L']`
    return par

def energy(s, L):
    e = 0
    for i in xrange(L):
        for j in xrange(L):
            e -= s[i][j] * (s[(i + 1) % L][j] + s[i][(j + 1) % L])
    return e

def snapshot(s, n):
    f = open('spins.%04d.new' % n, 'w')
    for row in s:
        print >>f, string.join(map(lambda x: '-+'[x > 0], row), '')
    f.close()
    os.rename('spins.%04d.new' % n, 'spins.%04d' % n)

def sweep(s, L, boltzmann):
    rnd, changed = random.random, 0
    for n in xrange(L * L):
        i, j = divmod(int(rnd() * L * L), L)
        d = s[i][j] * (s[i - 1][j] + s[(i + 1) % L][j] + s[i][j - 1] + s[i][(j + 1) % L])
        if d <= 0 or rnd() < boltzmann[d]:
            s[i][j] = -s[i][j]
            changed += 1
    return changed

def main():
    if len(sys.argv) <> 2:
        print >>sys.stderr, __doc__ or 'usage: ising.py PARFILE'
        sys.exit(1)
    try:
        par = read_parameters(sys.argv[1])
    except ParameterError, e:
        print '*** ISING:', e
        sys.exit(1)
    L, sweeps, every = par['L'], par['sweeps'], par['every']
    random.seed(par['seed'])
    boltzmann = {}
    for d in (2, 4):
        boltzmann[d] = math.exp(-2 * d / par['T'])
    s = [[1 - 2 * random.randrange(2) for j in xrange(L)] for i in xrange(L)]
    out = open('magnetization.dat', 'w', 0)
    print 'Ising model, L = %d, T = %g, %d sweeps' % (L, par['T'], sweeps)
    start, n, changed = time.clock(), 0, 0
    for k in xrange(1, sweeps + 1):
        changed += sweep(s, L, boltzmann)
        if k % every == 0:
            m = reduce(lambda a, b: a + b, map(sum, s))
            print >>out, k, energy(s, L) / float(L * L), m / float(L * L)
            snapshot(s, n)
            n = n + 1
            print 'sweep', k, 'of', sweeps, ' accepted', 100 * changed / (k * L * L), '%'
    cPickle.dump(s, open('spins.pickle', 'wb'), 2)
    print 'done,', '%.2f' % (time.clock() - start), 's'

if __name__ == '__main__':
    main()
