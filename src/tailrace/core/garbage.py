"""How often Python looks for cycles: records make many objects and none of those."""

import gc

# By default a collection runs for every few hundred objects, and producing takes longer by that. But a
# collection stops everything for as long as it has objects that live to look at, which are many while a
# thousand log followers come: so it may not be put off much further.
_THRESHOLDS = (5_000, 2, 5_000)


def collect_seldom() -> None:
    """Leave what the process has made so far out of all collections, and have fewer of them from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
