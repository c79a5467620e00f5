"""Asks what could run: the workers many questions in one request, verification of its own."""

import asyncio
from collections.abc import Iterator, Sequence

from grace.contracts.verification import ValidateMeasurement
from grace.contracts.worker import ValidateAction, ValidateActions, ValidatedAction
from grace.intent.domain.plan import BY_VERIFICATION
from grace.intent.domain.planning import Answer, Answers, Question, Silence
from grace.kit import GraceError, Runtime
from grace.kit.errors import Kind

# The question itself is to blame; anything else may be different later.
_FINAL = frozenset({Kind.INVALID, Kind.TOO_LARGE, Kind.NOT_FOUND, Kind.CONFLICT})
_MOST_TOGETHER = 256
# NATS takes 1 MiB; text outside ASCII takes more bytes than characters.
_MOST_CHARACTERS = 200_000


async def ask_all(runtime: Runtime, questions: Sequence[Question], timeout: float) -> Answers:
    """Return what is said of each question; Silence where nobody could say."""
    measured = [one for one in questions if one.operation in BY_VERIFICATION]
    others = [one for one in questions if one.operation not in BY_VERIFICATION]
    found = await asyncio.gather(
        *(_of_verification(runtime, one, timeout) for one in measured),
        *(_of_workers(runtime, batch, timeout) for batch in batches(others)),
    )
    return {question: answer for part in found for question, answer in part.items()}


def batches(questions: Sequence[Question]) -> Iterator[tuple[Question, ...]]:
    """Cut into requests that fit, in order, at least one question in each."""
    batch: list[Question] = []
    size = 0
    for question in questions:
        if batch and (
            size + len(question.params) > _MOST_CHARACTERS or len(batch) == _MOST_TOGETHER
        ):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(question)
        size += len(question.params)
    if batch:
        yield tuple(batch)


async def _of_workers(runtime: Runtime, batch: Sequence[Question], timeout: float) -> Answers:
    """Ask all at once; one by one where that fails: one of them, or an older worker, may be why."""
    if len(batch) > 1:
        try:
            request = ValidateActions(actions=tuple(_request(one) for one in batch))
            replies = (await runtime.call(request, timeout=timeout)).answers
        except (GraceError, ValueError) as failure:
            runtime.log.debug("validations.apart", questions=len(batch), why=str(failure))
        else:
            if len(replies) == len(batch):
                return {one: _answer(reply) for one, reply in zip(batch, replies, strict=True)}
    found = await asyncio.gather(*(_of_worker(runtime, one, timeout) for one in batch))
    return dict(zip(batch, found, strict=True))


async def _of_worker(runtime: Runtime, question: Question, timeout: float) -> Answer | Silence:
    try:
        return _answer(await runtime.call(_request(question), timeout=timeout))
    except GraceError as failure:
        return _failed(failure)


async def _of_verification(runtime: Runtime, question: Question, timeout: float) -> Answers:
    request = ValidateMeasurement(
        operation=question.operation, source=question.target, params=question.params
    )
    try:
        reply = await runtime.call(request, timeout=timeout)
    except GraceError as failure:
        return {question: _failed(failure)}
    answer = Answer(
        valid=reply.valid,
        problems=reply.problems,
        kernel="verification",
        tier=1,
        reversible=False,
        observes_only=True,
        timeout_ms=reply.timeout_ms,
    )
    return {question: answer}


def _request(question: Question) -> ValidateAction:
    return ValidateAction(
        operation=question.operation, target=question.target, params=question.params
    )


def _failed(failure: GraceError) -> Answer | Silence:
    if failure.kind in _FINAL:
        return Answer.refusing(failure.detail)
    return Silence(failure.detail)


def _answer(reply: ValidatedAction) -> Answer:
    return Answer(
        valid=reply.valid,
        problems=reply.problems,
        kernel=reply.kernel,
        tier=reply.tier,
        reversible=reply.reversible,
        observes_only=reply.observes_only,
        timeout_ms=reply.timeout_ms,
        environment=reply.environment,
        definition=reply.definition,
    )
