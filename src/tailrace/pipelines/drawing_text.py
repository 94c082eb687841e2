"""The graph as text: each program with what it writes, and who reads that."""

from collections.abc import Iterator, Sequence

from tailrace.pipelines.graph import followers, levels
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline, Program

OUTSIDE = "(outside)"


def draw(pipeline: Pipeline) -> str:
    """Lines in the order of the flow."""
    lines = [pipeline.name, ""]
    given = [topic for topic in pipeline.topic_names() if not pipeline.writers(topic)]
    if given:
        lines += [OUTSIDE, *_edges(pipeline, given)]
    for level in levels(followers(pipeline)):
        for name in level:
            program = pipeline.programs[name]
            lines += [title(program), *_edges(pipeline, program.written_topics)]
    return printable("\n".join(lines) + "\n")


def title(program: Program) -> str:
    """A program with its workers and what it runs."""
    workers = f" x{program.workers}" if program.workers > 1 else ""
    return f"{program.name}{workers}" + (f"  [{program.run}]" if program.run else "")


def topic_title(topic: str, pipeline: Pipeline) -> str:
    """A topic with its partitions, where they are known."""
    partitions = pipeline.partitions(topic)
    return f"{topic} ({partitions} partitions)" if partitions and partitions > 1 else topic


def _edges(pipeline: Pipeline, topics: Sequence[str]) -> Iterator[str]:
    for index, topic in enumerate(topics):
        branch = "└─" if index == len(topics) - 1 else "├─"
        readers = ", ".join(program.name for program in pipeline.readers(topic)) or OUTSIDE
        yield f"  {branch} {topic_title(topic, pipeline)} ─▶ {readers}"
