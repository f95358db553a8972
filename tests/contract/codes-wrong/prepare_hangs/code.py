import time


def prepare(run):
    time.sleep(1000)
