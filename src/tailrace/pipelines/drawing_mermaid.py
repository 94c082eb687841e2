"""The graph in Mermaid's words, which GitHub and many wikis draw."""

from tailrace.pipelines.drawing_text import title, topic_title
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline


def draw(pipeline: Pipeline) -> str:
    """A flowchart: programs are boxes, topics are rounded."""
    # Names of programs and topics may be words of Mermaid, such as `end`: nodes have ids of their own.
    programs = {name: f"p{index}" for index, name in enumerate(pipeline.programs)}
    topics = {name: f"t{index}" for index, name in enumerate(pipeline.topic_names())}
    lines = ["flowchart LR"]
    lines += [f'  {node}["{_text(title(pipeline.programs[name]))}"]' for name, node in programs.items()]
    lines += [f'  {node}(["{_text(topic_title(name, pipeline))}"])' for name, node in topics.items()]
    for program in pipeline.programs.values():
        lines += [f"  {topics[topic]} --> {programs[program.name]}" for topic in program.read_topics]
        lines += [f"  {programs[program.name]} --> {topics[topic]}" for topic in program.written_topics]
    return printable("\n".join(lines) + "\n")


def _text(text: str) -> str:
    """Mermaid's own escapes for what would end a label or be read as markup."""
    escapes = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\n": " "}
    return "".join(escapes.get(character, character) for character in text)
