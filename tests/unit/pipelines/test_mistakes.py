"""Every kind of mistake is told with its line and its fix, all of a file at once."""

import time

import pytest
from tests.unit.pipelines.conftest import FIVE

from tailrace.pipelines.mistakes import WrongPipeline

HEAD = "topics:\n  a: {partitions: 2}\nprograms:\n"
GOOD = '  one: {run: "calc:four", from: a}\n'


def one(keys):
    """A file with one more program, of these keys, in line 4."""
    return f"{HEAD}  one: {{{keys}}}\n"


def four(more):
    """A file with a good program and these keys beside its target."""
    return one(f'run: "calc:four", {more}')


RING = '  x: {run: "calc:four", from: b, to: c}\n  y: {run: "calc:five", from: c, to: b}\n'
APART = 'programs:\n  x: {run: "calc:four", to: b}\n  y: {run: "calc:five", broker: "other:9092"'
OPEN_QUOTE = 'ONE: {PRODUCER: a, RUN: "python \'x"}\n'

# What is written, the line that is wrong, what is said of it.
MISTAKES = {
    "not YAML": ("programs: {one: [}", 1, "not YAML"),
    "a tab": ("programs:\n\tone: {}", 2, "spaces, not with tabs"),
    "a colon in a value": (f"{HEAD}  one: run: calc:one\n", 4, "in quotes"),
    "two documents": (f"{HEAD}{GOOD}---\na: b\n", 5, "not YAML"),
    "not UTF-8": (HEAD.encode() + b"  one: \xff\n", 4, "UTF-8"),
    "an alias": (f"x: &x [1]\ny: *x\n{HEAD}{GOOD}", 2, "Write out what it stands for"),
    "a tag": (f"{HEAD}{GOOD}name: !!python/name:os.system ''", 5, "Leave it out"),
    "another tag": (f"{HEAD}{GOOD}name: !!binary aGk=", 5, "Leave it out"),
    "deep": (HEAD + GOOD + "kafka: " + "[" * 50 + "]" * 50, 5, "nested more than"),
    "a list for a name": (f"{HEAD}{GOOD}? [a]\n: b\n", 5, "A name is a text"),
    "no mapping": ("- one\n- two\n", 1, "needs a mapping"),
    "an empty file": ("", 1, "needs a mapping"),
    "no program": ("broker: localhost\nprograms: {}\n", 2, "No program is named"),
    "the same name twice": (f"{HEAD}{GOOD}{GOOD}", 5, "twice, first in line 4"),
    "an unknown key": (f"{HEAD}{GOOD}brokr: localhost\n", 5, "Did you mean 'broker'?"),
    "an unknown key of a program": (four("form: a"), 4, "Did you mean 'from'?"),
    "an unknown key of a topic": (f"{HEAD}{GOOD}".replace("titions", "titons"), 2, "'partitions'"),
    "a text for a number": (f"{HEAD}{GOOD}".replace("2}", "many}"), 2, "a whole number for 'partitions'"),
    "a number out of bounds": (f"{HEAD}{GOOD}".replace("2}", "0}"), 2, "Write 1 to 10000"),
    "a number for a text": (f"{HEAD}{GOOD}name: 5\n", 5, "a text for 'name', not the number 5"),
    "no flag": (f"{HEAD}{GOOD}cycles: maybe\n", 5, "true or false"),
    "a wrong choice": (four("from: a, start: erliest"), 4, "'earliest'"),
    "no run": (one("from: a"), 4, "has no 'run'"),
    "an empty run": (one("run: [], from: a"), 4, "nothing to run"),
    "a command that is no list": (one('run: "python x.py", from: a'), 4, '["python", "x.py"]'),
    "a target without a name": (one("run: calc, from: a"), 4, "module:function"),
    "an unknown module": (one('run: "kalk:four", from: a'), 4, "no such module"),
    "an unknown function": (one('run: "calc:for", from: a'), 4, "Did you mean 'four'?"),
    "an unknown executable": (one("run: [pythn3x], from: a"), 4, "no such executable"),
    "a script that is not there": (one("run: [python3, cleen.py], from: a"), 4, "there is no such file"),
    "a function of no App": (one('run: "calc:plain", from: a'), 4, "@app.on, @app.every or @app.task"),
    "a task that reads": (one('run: "calc:once", from: a'), 4, "is a task, which reads nothing"),
    "a timer that reads": (one('run: "calc:tick", from: a'), 4, "is a timer, which reads nothing"),
    "an App's timer that reads": (one('run: "parts:ticking", from: a'), 4, "'tick' of parts:ticking is"),
    "an App's two handlers": (one('run: "parts:both", from: a'), 4, "'f' and 'g' of parts:both read"),
    "a group for two handlers": (one('run: "parts:apart", from: a, group: g'), 4, "one its own group"),
    "arguments of a handler": (four("from: a, args: [x]"), 4, "is no task"),
    "answers of a module": (four("from: a, answers: many"), 4, "no command that has 'answers'"),
    "speech of a module": ('ONE: {CONSUMER: a, RUN: "calc:four", SPEAKS: lines}', 1, "Take it away"),
    "speech of nothing": ("ONE: {CONSUMER: a, SPEAKS: french}", 1, "Take it away"),
    "a topic's setting": ("topics: {a: {config: {retention: 5}}}\nprograms: {}", 1, "'retention.ms'"),
    "no topics": (four("from: []"), 4, "names no topic in 'from'"),
    "a command of no use": (one("run: [sh]"), 4, "neither reads nor writes"),
    "a bad topic": (four('from: "a b"'), 4, "no topic name"),
    "an internal topic": (four("from: __offsets"), 4, "belongs to Kafka"),
    "a topic twice": (four("from: [a, a]"), 4, "twice in 'from'"),
    "a bad broker": (f"broker: local host\n{HEAD}{GOOD}", 1, "HOST:PORT"),
    "a bad port": (f"broker: localhost:99999\n{HEAD}{GOOD}", 1, "HOST:PORT"),
    "a program's name": (f"{HEAD}{GOOD}  two words: {{}}\n", 5, "no program's name"),
    "nobody writes it": (four("from: [a, aa]"), 4, "Did you mean 'a'?"),
    "nobody reads it": (four("from: a, to: results"), 4, "topics: {results: {}}"),
    "written elsewhere": (f"{APART}, from: b}}\n", 3, "The program 'x' writes it at localhost:9092."),
    "nobody uses it": (four("from: b, to: b"), 2, "No program reads or writes"),
    "a ring": (HEAD + GOOD + RING, 6, "x → y → x. If that is meant, say cycles: true"),
    "idle workers": (four("from: a, workers: 3"), 4, "1 would have nothing to do"),
    "workers that share nothing": (four("to: a, workers: 2"), 4, "could share"),
    "no list of arguments": (four("from: a, args: 5"), 4, "a list for 'args'"),
    "an unknown client setting": (four("from: a, kafka: {fetch.mn.bytes: 1}"), 4, "fetch.min.bytes"),
    "our own client setting": (four("from: a, kafka: {acks: 1}"), 4, "Tailrace's own"),
    "a client setting of the whole file": (f"name: p\nkafka:\n  acks: 1\n{HEAD}{GOOD}", 3, "Tailrace's own"),
    "a group for all programs": (f"kafka: {{group_id: x}}\n{HEAD}{GOOD}", 1, "by its key 'group'"),
    "a group among client settings": (four("from: a, kafka: {group.id: x}"), 4, "by its key 'group'"),
    "a misspelled group": (f"kafka: {{grup_id: x}}\n{HEAD}{GOOD}", 1, "by its key 'group'"),
    "a flat program without topics": ("ONE: {BROKER: localhost}\n", 1, "neither reads nor writes"),
    "an open quote": (OPEN_QUOTE, 1, "a quote is open"),
}


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_line_and_its_fix(mistakes, text, line, said):
    """An editor jumps to it, and a person knows what to write instead."""
    found = mistakes(text)
    assert any(at == line and said in sentence for at, sentence in found), found


def test_all_mistakes_of_a_file_are_told_at_once(mistakes):
    """From the top down."""
    text = 'brokr: x\ntopics: {a b: }\nprograms:\n  one: {run: "calc:fiv", workers: 0}\n  two: {}\n'
    assert [line for line, _ in mistakes(text)] == [1, 2, 4, 4, 5]


WRONG_RUN = "topics: {a: }\nprograms: {x: {run: [sh], form: a, workers: 2}, y: {run: [sh], to: b}}"
# What is written, and all that is said of it.
ALONE = {
    "programs": (FIVE.replace("programs:", "program:"), "The file has an unknown key 'program'."),
    "programs in a list": ("topics: {a: }\nprograms: [one]", "The file needs a mapping for 'programs'"),
    "an empty file": ("", "The file needs a mapping, not nothing."),
    "a number to run": (one("run: 5, from: a"), "The program 'one' cannot run the number 5."),
    "a mapping to run": ("ONE: {CONSUMER: a, RUN: {b: c}}", "The program 'ONE' cannot run a mapping."),
    "no word to run": (one("run: [{}], from: a"), "The program 'one' needs words in 'run'"),
    "a key of a program": (WRONG_RUN, "The program 'x' has an unknown key 'form'. Did you mean 'from'?"),
    "a flat key": ("ONE: {BROKER: localhost, PRODUCE: a}", "The program 'ONE' has an unknown key 'PRODUCE'."),
    "the pipeline's name": (f"name: My Pipe\n{HEAD}{GOOD}", "'My Pipe' is no pipeline's name."),
}


@pytest.mark.parametrize(("text", "said"), ALONE.values(), ids=ALONE)
def test_what_follows_from_a_mistake_is_not_told(mistakes, text, said):
    """The fix of what follows, such as to take a topic away, would do harm."""
    ((_, sentence),) = mistakes(text)
    assert sentence.startswith(said)


def test_forgotten_capitals_are_told(mistakes):
    """The older form is known by its keys."""
    said = mistakes("ONE: {broker: localhost, producer: a}\nTWO: {broker: localhost, consumer: a}\n")
    keys = ("BROKER", "PRODUCER", "BROKER", "CONSUMER")
    assert [sentence.partition("'. ")[2] for _, sentence in said] == [f"Did you mean {k!r}?" for k in keys]


def test_a_client_setting_of_the_whole_file_is_told_once(mistakes):
    """Where it stands; a program's own are still looked at."""
    programs = "".join(f'  p{n}: {{run: "calc:four", from: a}}\n' for n in range(3))
    wrong = '  own: {run: "calc:four", from: a, kafka: {linger.ms: 1}}\n'
    said = mistakes(f"kafka: {{enable.auto.commit: false}}\n{HEAD}{programs}{wrong}")
    assert [line for line, _ in said] == [1, 8]
    assert "programs what they have handled" in said[0][1]


def test_a_function_that_an_app_is_given_is_taken(read):
    """A decorator may be called in another way than above the function."""
    assert read('topics: {a: }\nprograms: {one: {run: "calc:later", from: a}}')


def test_settings_of_other_makers_are_left_to_them(read):
    """Their brokers are used as Kafka is."""
    text = f"{HEAD}{GOOD}".replace("partitions: 2", "config: {redpanda.remote.read: true, retention.ms: 5}")
    assert read(text).pipeline.topics["a"].config == {"redpanda.remote.read": "true", "retention.ms": "5"}


def test_a_ring_that_is_meant_is_taken(read):
    """With cycles: true."""
    assert read(f"cycles: true\nprograms:\n{RING}").pipeline.cycles


def test_a_billion_laughs_is_refused_at_once(mistakes):
    """Aliases are refused before anything is multiplied."""
    text = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(1000))
    assert mistakes(text) == [(2, "An alias (*name) is not read here. Write out what it stands for.")]


def test_a_huge_file_is_not_read(mistakes):
    """Its first bytes are enough to refuse it."""
    ((_, said),) = mistakes("x: " + "y" * 300_000)
    assert "262,144 is the most" in said


def test_nothing_of_a_module_is_run(folder, read):
    """A module that would end the process is only looked at."""
    (folder / "wild.py").write_text("raise SystemExit(9)\n@app.on()\ndef run(): ...\n")
    assert read('topics: {a: }\nprograms: {one: {run: "wild:run", from: a}}')


def test_many_mistakes_are_told_in_part_and_soon(mistakes):
    """Near names are looked for a few times only: each is compared with all the others."""
    topics = ", ".join(f"topicname{n}: {{}}" for n in range(500))
    programs = "\n".join(f'  p{n}: {{run: ["sh"], from: topicnmae{n}}}' for n in range(500))
    began = time.process_time()
    said = mistakes(f"topics: {{{topics}}}\nprograms:\n{programs}")
    assert time.process_time() - began < 4
    assert (len(said), said[-1][1]) == (201, "There are 800 more. Mend these first.")


def test_all_mistakes_are_counted(read):
    """Also those that are not told."""
    programs = "\n".join(f'  p{n}: {{run: ["sh"], form: a}}' for n in range(900))
    with pytest.raises(WrongPipeline, match="has 900 mistakes"):
        read(f"programs:\n{programs}")


def test_a_long_chain_is_checked_soon(read):
    """Who reads and writes a topic is looked up, not looked for."""
    chain = "\n".join(f'  p{n}: {{run: ["sh"], from: t{n}, to: t{n + 1}}}' for n in range(400))
    began = time.process_time()
    read(f"topics: {{t0: , t400: }}\nprograms:\n{chain}")
    assert time.process_time() - began < 4


@pytest.mark.parametrize("app", ["apart", "alone"])
def test_an_apps_handlers_may_read_the_same_in_groups_of_their_own(read, app):
    """Each has all of it; what its group is called may show only when it runs."""
    (program,) = read(one(f'run: "parts:{app}", from: a')).pipeline.programs.values()
    assert program.read_topics == ("a",)
