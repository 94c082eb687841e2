"""How often Python looks for cycles: records make many objects and none of those."""

import gc

# By default a collection runs for every few hundred objects, and producing takes a quarter longer. A
# collection of many that live stops everything: with 50,000 of them 58 ms were seen while a thousand log
# followers came, with 5,000 at most 18 ms.
_THRESHOLDS = (5_000, 2, 5_000)


def collect_seldom() -> None:
    """Leave what the process has made so far out of all collections, and have fewer of them from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
