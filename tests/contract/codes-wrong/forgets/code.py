import time


def prepare(run):
    return work


def work(run):
    for step in range(1, 21):
        run.progress(step / 20.0)
        time.sleep(0.1)
        if run.must_stop:
            return
