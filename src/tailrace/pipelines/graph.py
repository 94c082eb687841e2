"""The graph of a pipeline: which program follows which, in which order, and where it turns back."""

from collections.abc import Mapping, Sequence

from tailrace.pipelines.model import Pipeline


def followers(pipeline: Pipeline) -> Mapping[str, Sequence[str]]:
    """For each program those that read what it writes."""
    return {
        program.name: list(
            dict.fromkeys(
                reader.name for stream in pipeline.written_by(program) for reader in pipeline.readers(stream)
            )
        )
        for program in pipeline.programs.values()
    }


def cycles(after: Mapping[str, Sequence[str]]) -> Sequence[Sequence[str]]:
    """Each way back that a walk from the first program on meets, as the names on it."""
    found: list[Sequence[str]] = []
    done: set[str] = set()
    for start in after:
        path: list[str] = []
        # A stack of its own: a chain of a thousand programs is deeper than Python's.
        waiting = [(start, False)]
        while waiting:
            name, left = waiting.pop()
            if left:
                path.pop()
                done.add(name)
            elif name in path:
                found.append(path[path.index(name) :])
            elif name not in done:
                path.append(name)
                waiting.append((name, True))
                waiting += [(following, False) for following in reversed(after[name])]
    return found


def levels(after: Mapping[str, Sequence[str]]) -> Sequence[Sequence[str]]:
    """The programs in the order of the flow: sources first, each after all that it reads from.

    A way back counts for nothing here.
    """
    back = {(ring[-1], ring[0]) for ring in cycles(after)}
    forward = {name: [one for one in follow if (name, one) not in back] for name, follow in after.items()}
    before = dict.fromkeys(after, 0)
    for follow in forward.values():
        for one in follow:
            before[one] += 1
    ready = [name for name, count in before.items() if not count]
    ordered = []
    while ready:
        ordered.append(ready)
        following = []
        for name in ready:
            for one in forward[name]:
                before[one] -= 1
                if not before[one]:
                    following.append(one)
        ready = following
    return ordered
