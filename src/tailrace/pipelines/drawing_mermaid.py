"""The graph in Mermaid's words, which GitHub and many wikis draw."""

from tailrace.pipelines.drawing_text import title, topic_title
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline


def draw(pipeline: Pipeline) -> str:
    """A flowchart: programs are boxes, topics are rounded."""
    # Names of programs and topics may be words of Mermaid, such as `end`: nodes have ids of their own.
    programs = {name: f"p{index}" for index, name in enumerate(pipeline.programs)}
    topics = {stream: f"t{index}" for index, stream in enumerate(pipeline.streams)}
    lines = ["flowchart LR"]
    lines += [f'  {node}["{_text(title(pipeline.programs[name]))}"]' for name, node in programs.items()]
    lines += [f'  {node}(["{_text(topic_title(stream, pipeline))}"])' for stream, node in topics.items()]
    for program in pipeline.programs.values():
        lines += [f"  {topics[stream]} --> {programs[program.name]}" for stream in pipeline.read_by(program)]
        lines += [
            f"  {programs[program.name]} --> {topics[stream]}" for stream in pipeline.written_by(program)
        ]
    return printable("\n".join(lines) + "\n")


def _text(text: str) -> str:
    """Mermaid's own escapes for what would end a label or be read as markup."""
    escapes = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\n": " "}
    return "".join(escapes.get(character, character) for character in text)
