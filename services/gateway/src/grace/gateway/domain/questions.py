"""What a question to the chat is about: its words become topics and ids. It asks nobody and does nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an id or a name in a question belongs to."""

    MISSION = "mission"
    TASK = "task"
    INTENT = "intent"
    APPROVAL = "approval"
    CONTRACT = "contract"
    TARGET = "target"
    PLAYBOOK = "playbook"
    KERNEL = "kernel"


class Topic(StrEnum):
    """What is looked at for an answer."""

    MISSION = "mission"
    PLAN = "plan"
    DECISION = "decision"
    LINE = "line"
    TASK = "task"
    INTENT = "intent"
    APPROVAL = "approval"
    CONTRACT = "contract"
    MISSIONS = "missions"
    INTENTS = "intents"
    TASKS = "tasks"
    APPROVALS = "approvals"
    TARGETS = "targets"
    QUEUES = "queues"
    HEALTH = "health"
    PLAYBOOKS = "playbooks"
    HOLDS = "holds"
    FREEZES = "freezes"
    KILL_SWITCH = "kill_switch"
    BRAKE = "brake"
    ALERTS = "alerts"
    DEAD_LETTERS = "dead_letters"
    KNOWLEDGE = "knowledge"


@dataclass(frozen=True, slots=True)
class Name:
    """Something that a question names."""

    kind: Kind
    id: str


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at: `name` is which one, `status` is how it shall stand."""

    topic: Topic
    name: Name | None = None
    status: str | None = None
    words: str = ""
    # Nothing else was understood of the question.
    is_a_guess: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of a question. Without looks it is one about the chat itself."""

    looks: tuple[Look, ...]
    names: tuple[Name, ...]
    asks_for_help: bool


MOST_NAMES = 3
MOST_LOOKS = 12
_MOST_WORDS = 1000
_ENOUGH_WORDS = 3
_SHORT = 3

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Ids as Grace makes them say what they are of; a bare one is of a task.
_MADE = re.compile(
    rf"(?<![\w.:-])(?:(?P<mission>mission-{_UUID})|(?P<approval>approval-{_UUID})"
    rf"|(?P<contract>contract-[0-9a-f]{{16}}-[0-9]{{1,12}})|(?P<task>{_UUID}))(?![\w-])"
)
_ID = r"([A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?)"
_CALLED = re.compile(
    r"\b(mission|task|intent|approval|contract|target|playbook|kernel|queue)"
    rf" (?:called |named )?([\"'`]?){_ID}",
    re.IGNORECASE,
)
_HOLDER = re.compile(
    rf"\bwho (?:holds|has|is holding|locks|waits for|is waiting for) (?:the )?(?:target )?[\"'`]?{_ID}",
    re.IGNORECASE,
)
_NO_TARGET = frozenset({"a", "an", "any", "it", "me", "that", "the", "this", "to", "what", "which"})
# No plain word has one of these inside.
_MARK = re.compile(r"[0-9._:-]")

_POINTER = re.compile(r"\b(?:it|its|that|this|these|those|them|they|same one)\b")
_WHY = re.compile(r"\b(?:why|wait|waits|waiting|reason|blocks|blocking|stuck|explain)\b")
_HELP = re.compile(r"^(?:help|hello|hi|hey|what can (?:you do|i ask)|who are you)\b")

_STATUS = (
    ("needs_attention", re.compile(r"\bneeds? (?:attention|a person|somebody|help)\b|\bstuck\b")),
    ("rollback_failed", re.compile(r"\brollbacks? (?:has |have |that )?failed\b|\brollback_failed\b")),
    ("rolled_back", re.compile(r"\brolled[ _]back\b|\bundone\b")),
    ("reopened", re.compile(r"\breopened\b|\b(?:came|come|is|are) back\b")),
    ("failed", re.compile(r"\bfail(?:ed|s|ing)?\b")),
    ("verified", re.compile(r"\b(?:verified|healed|solved|resolved|fixed|repaired)\b")),
    ("inconclusive", re.compile(r"\binconclusive\b")),
    ("blocked", re.compile(r"\bblocked\b")),
    ("rejected", re.compile(r"\brejected\b")),
    ("expired", re.compile(r"\bexpired\b")),
    ("cancelled", re.compile(r"\bcancell?ed\b")),
    ("open", re.compile(r"\b(?:open|active|current|ongoing|going on|happening|in progress)\b")),
)  # fmt: skip
_TOPICS = (
    (Topic.DEAD_LETTERS, re.compile(r"\bdead[ _-]?letters?\b")),
    (Topic.KILL_SWITCH, re.compile(r"\bkill[ _-]?switch\b")),
    (Topic.BRAKE, re.compile(r"\bbrakes?\b")),
    (Topic.FREEZES, re.compile(r"\b(?:freezes?|frozen)\b")),
    (Topic.HOLDS, re.compile(r"\b(?:on hold|held back|(?<!who )holds|cooldown|flapping)\b")),
    (Topic.TARGETS, re.compile(r"\btargets?\b|\bwho (?:holds|has|is holding|locks)\b")),
    (Topic.QUEUES, re.compile(r"\b(?:queues?|backlog|kernels?|workers?|paused)\b")),
    (Topic.APPROVALS, re.compile(r"\bapprovals?\b|\bto approve\b|\bwait(?:s|ing)? for (?:me|us|people)\b|\bneeds? my\b")),
    (Topic.PLAYBOOKS, re.compile(r"\bplaybooks?\b|\btrack record\b|\bsuccess rates?\b|\blearned\b")),
    (Topic.ALERTS, re.compile(r"\balerts\b|\b(?:an|any|no) alert\b")),
    (Topic.HEALTH, re.compile(r"\bhealth(?:y)?\b|\bservices\b|\beverything (?:ok|okay|fine|well|up)\b|\bgrace (?:up|down|ok|okay|alive|well)\b|\bsystem status\b")),
    (Topic.INTENTS, re.compile(r"\bintents?\b")),
    (Topic.TASKS, re.compile(r"\btasks?\b")),
    (Topic.MISSIONS, re.compile(r"\b(?:missions?|incidents?)\b")),
)  # fmt: skip
# "What is open?" asks of missions, which is what Grace works on.
_WHAT = re.compile(r"^(?:what|which|anything|is|are|was|were|did|has|have|show|list)\b")
_STATED = frozenset({Topic.MISSIONS, Topic.INTENTS, Topic.TASKS})
_WORD = re.compile(r"[^\W_][\w./:-]*")
_STOP = frozenset({
    "a", "about", "again", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "give", "grace", "had", "has", "have", "he", "her", "his", "how",
    "i", "if", "in", "into", "is", "it", "its", "last", "list", "long", "many", "me", "more", "much", "my", "no",
    "not", "now", "of", "off", "on", "or", "our", "please", "s", "see", "she", "should", "show", "so", "some",
    "stand", "stands", "state", "status", "t", "tell", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "to", "up", "us", "wait", "waiting", "waits", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
})  # fmt: skip
_OF_A_NAME = {
    Kind.TASK: (Topic.TASK,),
    Kind.INTENT: (Topic.INTENT,),
    Kind.APPROVAL: (Topic.APPROVAL,),
    Kind.CONTRACT: (Topic.CONTRACT,),
    Kind.MISSION: (Topic.MISSION,),
    Kind.TARGET: (Topic.TARGETS,),
    Kind.PLAYBOOK: (Topic.PLAYBOOKS,),
    Kind.KERNEL: (Topic.QUEUES,),
}
_WHY_A_MISSION = (Topic.MISSION, Topic.PLAN, Topic.DECISION, Topic.LINE)


def read(message: str, about: Sequence[Name] = ()) -> Reading:
    """Understand a question; `about` is what the last answer was about, for one that only points at it."""
    text = " ".join(message.split())
    names = tuple(names_in(text))
    bare = _without(text, names)
    listed = [] if _HELP.search(bare) else list(_lists(bare, names))
    if not names and not listed and _points_back(bare):
        names = tuple(about)
    names = names[:MOST_NAMES]
    looks = [*_stories(names, asks_why=bool(_WHY.search(bare))), *listed]
    looks += _search(bare, is_needed=not looks)
    return Reading(tuple(dict.fromkeys(looks))[:MOST_LOOKS], names, bool(_HELP.search(bare)))


def names_in(text: str) -> Iterator[Name]:
    """Each thing that a text names, once, in its order."""
    found = [
        (each.start(), Name(Kind(str(each.lastgroup)), each[0])) for each in _MADE.finditer(text)
    ]
    made = {name.id for _, name in found}
    for each in _CALLED.finditer(text):
        noun, quote, called = each[1].lower(), each[2], each[3]
        is_a_name = quote or _MARK.search(called) or (noun == "kernel" and called not in _STOP)
        if called not in made and is_a_name:
            found.append(
                (each.start(), Name(Kind.KERNEL if noun == "queue" else Kind(noun), called))
            )
    found += [
        (each.start(), Name(Kind.TARGET, each[1]))
        for each in _HOLDER.finditer(text)
        if each[1] not in made and each[1].lower() not in _NO_TARGET
    ]
    yield from dict.fromkeys(name for _, name in sorted(found, key=lambda pair: pair[0]))


def _without(text: str, names: Sequence[Name]) -> str:
    """What is said besides the names, which may hold any word."""
    for name in sorted(names, key=lambda each: -len(each.id)):
        text = text.replace(name.id, " ")
    return " ".join(text.lower().split())


def _points_back(bare: str) -> bool:
    words = _WORD.findall(bare)
    return bool(_POINTER.search(bare)) or (len(words) <= _SHORT and bool(_WHY.search(bare)))


def _stories(names: Sequence[Name], *, asks_why: bool) -> Iterator[Look]:
    for name in names:
        why = asks_why and name.kind is Kind.MISSION
        for topic in _WHY_A_MISSION if why else _OF_A_NAME[name.kind]:
            yield Look(topic, name)


def _lists(bare: str, names: Sequence[Name]) -> Iterator[Look]:
    """The lists that are asked for; the noun before a name asks for none."""
    named = {topic for name in names for topic in _OF_A_NAME[name.kind]}
    singular = {
        Topic(f"{name.kind.value}s") for name in names if name.kind.value + "s" in set(Topic)
    }
    found = {topic: noun.start() for topic, words in _TOPICS if (noun := words.search(bare))}
    if not found and not names and _WHAT.search(bare) and _status_near(bare, 0):
        found = {Topic.MISSIONS: 0}
    for topic, at in found.items():
        if topic not in named | singular:
            status = _status_near(bare, at) if topic in _STATED else None
            yield Look(topic, status=status)
            if topic is Topic.MISSIONS and status == "open":
                yield Look(topic, status="needs_attention")


def _status_near(bare: str, at: int) -> str | None:
    """The word for a status that stands nearest to a noun."""
    found = [
        (abs(each.start() - at), name) for name, words in _STATUS for each in words.finditer(bare)
    ]
    return min(found)[1] if found else None


def _search(bare: str, *, is_needed: bool) -> Iterator[Look]:
    """Words that no topic explains are looked for among what Grace was told to know."""
    left = bare
    for _, pattern in (*_TOPICS, *_STATUS):
        left = pattern.sub(" ", left)
    unexplained = [word for word in _WORD.findall(left) if word not in _STOP]
    words = " ".join(each for each in _WORD.findall(bare) if each not in _STOP)
    if _HELP.search(bare) or not words:
        return
    if is_needed or len(unexplained) >= _ENOUGH_WORDS:
        is_a_guess = is_needed and "how" not in bare.split()
        yield Look(Topic.KNOWLEDGE, words=words[:_MOST_WORDS].strip(), is_a_guess=is_a_guess)
