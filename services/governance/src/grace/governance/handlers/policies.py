"""People read policies, put them into force and take them back: all of them valid together, or none."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from grace.contracts.governance import (
    ListPolicies,
    ListPolicyVersions,
    PolicyChanged,
    PolicyDocument,
    PolicyDocuments,
    PolicyRule,
    SetPolicy,
)
from grace.governance.domain.kill_switch import OPERATORS_TENANT
from grace.governance.domain.rulebook import Kind, PolicyError, Rule, rules_of
from grace.governance.handlers.operators import refuse_strangers
from grace.governance.handlers.rulebooks import CONSTITUTION, Rulebooks, documents_of
from grace.governance.store import Made, Policies
from grace.kit import Called, Conflict, Forbidden, Invalid, NotFound, Stale, Unit

_MOST_VERSIONS = 100
_ROOM = 450_000  # bytes of texts: their policies are told beside them, in one message of 1 MiB
_MOST_DOCUMENTS = 200
_SHIPPER = "grace"


class UnknownPolicy(NotFound):
    """There is no document of policies of this name."""


class PolicyInvalid(Invalid):
    """These policies cannot come into force; those before stay."""


class UnknownKind(Invalid):
    """A document is a policy or a constitution."""


class ShippedConstitution(Forbidden):
    """The constitution that came with Grace stays; add a document of kind constitution beside it."""


class PolicyMoved(Stale):
    """This document has changed since it was read; read it again."""


class PolicyExists(Conflict):
    """There is a document of this name already; change it with its version as If-Match."""


class TooManyPolicies(Conflict):
    """There are 200 documents of policies already; take one back first."""


async def on_list_policies(
    rulebooks: Rulebooks, call: Called[ListPolicies], unit: Unit
) -> PolicyDocuments:
    """Answer with everything in force, what came with Grace first."""
    refuse_strangers(call.body.tenant_id)
    store = Policies(unit.tx)
    stored = await store.current()
    told = {each.name: _view(each) for each in (*_shipped(rulebooks), *_kept(stored))}
    return PolicyDocuments(
        documents=tuple(told.values()),
        rulebook_hash=(await rulebooks.current(store)).content_hash,
        vocabulary=rulebooks.shipped.schema,
    )


async def on_list_policy_versions(
    rulebooks: Rulebooks, call: Called[ListPolicyVersions], unit: Unit
) -> PolicyDocuments:
    """Answer with the versions of a document, newest first. UnknownPolicy where there is none."""
    _hide_from_strangers(call.body.tenant_id)
    store, name = Policies(unit.tx), call.body.name
    versions = await store.versions(name, limit=_MOST_VERSIONS)
    versions += [each for each in _shipped(rulebooks) if each.name == name]
    if not versions:
        raise UnknownPolicy
    # The newest is in force, unless it takes the document back: then what was shipped is, if any.
    newest = next((each for each in versions if versions[0].text or not each.version), None)
    return PolicyDocuments(
        documents=tuple(_view(each, in_force=each is newest) for each in _that_fit(versions)),
        rulebook_hash=(await rulebooks.current(store)).content_hash,
        vocabulary=rulebooks.shipped.schema,
    )


async def on_set_policy(
    rulebooks: Rulebooks, call: Called[SetPolicy], unit: Unit
) -> PolicyDocument:
    """Put a document into force, or take it back; refused where the whole would not be valid."""
    body, store = call.body, Policies(unit.tx)
    if body.text is None:
        _hide_from_strangers(body.tenant_id)
    refuse_strangers(body.tenant_id)
    if body.name == CONSTITUTION:
        raise ShippedConstitution
    await store.lock()
    stored = {each.name: each for each in await store.current()}
    made = _next(body, stored, at=await unit.now())
    try:
        rulebook = rulebooks.compiled(documents_of((stored | {made.name: made}).values()))
    except PolicyError as error:
        raise PolicyInvalid(str(error)) from None
    if await store.insert(made) is None:
        raise PolicyMoved
    unit.publish(_changed(made, rulebook.content_hash), tenant=OPERATORS_TENANT)
    return _view(made)


def _hide_from_strangers(tenant_id: str) -> None:
    """What belongs to the operators is not there for anybody else."""
    if tenant_id != OPERATORS_TENANT:
        raise UnknownPolicy


def _next(body: SetPolicy, stored: Mapping[str, Made], *, at: datetime) -> Made:
    """The version that comes after the one that was read."""
    before = stored.get(body.name)
    _check_version(body, before)
    others = sum(each.text is not None for name, each in stored.items() if name != body.name)
    if body.text is not None and not _stands(before) and others >= _MOST_DOCUMENTS:
        raise TooManyPolicies
    return Made(
        name=body.name,
        version=before.version + 1 if before else 1,
        kind=_kind(body.kind),
        text=body.text,
        made_by=body.principal,
        made_at=at,
        reason=body.reason,
    )


def _check_version(body: SetPolicy, before: Made | None) -> None:
    version = before.version if before is not None and _stands(before) else 0
    if body.text is None and not _stands(before):
        raise UnknownPolicy
    if body.if_version not in {None, version}:
        raise PolicyExists if body.if_version == 0 else PolicyMoved


def _stands(made: Made | None) -> bool:
    return made is not None and made.text is not None


def _kind(word: str) -> Kind:
    if word not in {*Kind}:
        raise UnknownKind
    return Kind(word)


def _that_fit(versions: Sequence[Made]) -> Iterator[Made]:
    """The newest, as many as one answer has room for; one has always."""
    room = _ROOM
    for each in versions:
        yield each
        room -= len((each.text or "").encode())
        if room <= 0:
            return


def _shipped(rulebooks: Rulebooks) -> list[Made]:
    shipped = rulebooks.shipped
    return [
        Made(each.name, 0, each.kind, each.text, _SHIPPER, None, "It comes with Grace.")
        for each in (shipped.constitution, shipped.defaults)
    ]


def _kept(stored: list[Made]) -> list[Made]:
    return [each for each in stored if each.text is not None]


def _view(made: Made, *, in_force: bool = True) -> PolicyDocument:
    rules: list[Rule] = []
    for document in documents_of([made]):
        rules = rules_of(document)
    return PolicyDocument(
        name=made.name,
        version=made.version,
        kind=made.kind,
        text=made.text or "",
        in_force=in_force and made.text is not None,
        rules=tuple(PolicyRule(rule_id=r.rule_id, effect=r.effect, why=r.why) for r in rules),
        made_by=made.made_by,
        reason=made.reason,
        made_at=made.made_at,
    )


def _changed(made: Made, rulebook_hash: str) -> PolicyChanged:
    return PolicyChanged(
        tenant_id=OPERATORS_TENANT,
        name=made.name,
        version=made.version,
        kind=made.kind,
        in_force=made.text is not None,
        content_hash=hashlib.sha256((made.text or "").encode()).hexdigest(),
        rulebook_hash=rulebook_hash,
        actor=made.made_by,
        reason=made.reason,
    )
