"""The graph as text: each program with what it writes, and who reads that."""

from collections.abc import Iterator, Sequence

from tailrace.pipelines.graph import followers, levels
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline, Program, Stream

OUTSIDE = "(outside)"


def draw(pipeline: Pipeline) -> str:
    """Lines in the order of the flow."""
    lines = [pipeline.name, ""]
    given = [stream for stream in pipeline.streams if not pipeline.writers(stream)]
    if given:
        lines += [OUTSIDE, *_edges(pipeline, given)]
    for level in levels(followers(pipeline)):
        for name in level:
            program = pipeline.programs[name]
            lines += [title(program), *_edges(pipeline, pipeline.written_by(program))]
    return printable("\n".join(lines) + "\n")


def title(program: Program) -> str:
    """A program with its workers and what it runs."""
    workers = f" x{program.workers}" if program.workers > 1 else ""
    return f"{program.name}{workers}" + (f"  [{program.run}]" if program.run else "")


def topic_title(stream: Stream, pipeline: Pipeline) -> str:
    """A topic with its partitions, where they are known, and its cluster, where there are several."""
    partitions = pipeline.partitions(stream)
    more = [f"{partitions} partitions"] if partitions and partitions > 1 else []
    more += [f"at {stream.cluster}"] if pipeline.apart and stream.cluster else []
    return f"{stream.topic} ({', '.join(more)})" if more else stream.topic


def _edges(pipeline: Pipeline, streams: Sequence[Stream]) -> Iterator[str]:
    for index, stream in enumerate(streams):
        branch = "└─" if index == len(streams) - 1 else "├─"
        readers = ", ".join(program.name for program in pipeline.readers(stream)) or OUTSIDE
        yield f"  {branch} {topic_title(stream, pipeline)} ─▶ {readers}"
