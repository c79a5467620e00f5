"""What a process does about its memory once its services run."""

import gc

from grace.kit.running import spare_collector


def test_the_collector_looks_at_what_comes_after_the_start_alone() -> None:
    thresholds, made_by_the_start = gc.get_threshold(), [object()]
    gc.set_threshold(700, 10, 10)  # as a process begins
    try:
        spare_collector()
        later = [object()]
        looked_at = {id(each) for each in gc.get_objects()}
        assert id(made_by_the_start) not in looked_at
        assert id(later) in looked_at
        assert gc.get_threshold()[0] > 700
    finally:
        gc.set_threshold(*thresholds)
