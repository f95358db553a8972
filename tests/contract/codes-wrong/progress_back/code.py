import time


def prepare(run):
    return work


def work(run):
    for fraction in (0.5, 0.2):
        run.progress(fraction)
        time.sleep(0.5)
