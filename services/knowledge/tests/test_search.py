"""Searching on real servers: what fits best comes first, with what is needed to cite it."""

from collections.abc import Callable

import pytest

from grace.contracts.knowledge import IngestArtifact, SearchHit, SearchKnowledge, SearchResults
from grace.kit import Invalid, Runtime
from grace.testkit import House

MakeIngest = Callable[..., IngestArtifact]
WORDS_ALONE = {"embedder": "off"}

# Nothing of this may be more than words: operators of tsquery, of LIKE, of SQL, marks, other scripts.
STRANGE = [
    "a & b | !c:*", "'", '"', "' OR 1=1 --", "%_%", "\\", ":*", "<->", "( ( (", "or", "or or or", "-", "--",
    "!!", "\u5b57", "\u0301", "\U0001f525", "\u200d", "*", "**", "$1 :tenant", "<b>&amp;</b>", "the",
    "x" * 1_000, "\u5b57" * 600, "a " * 500, '"' * 1_000, "-a " * 300, "http://a.example/b?c=d&e=f",
]  # fmt: skip


async def _search(
    gateway: Runtime, query: str, *, top_k: int = 10, tenant: str = "default"
) -> list[SearchHit]:
    found: SearchResults = await gateway.call(
        SearchKnowledge(tenant_id=tenant, query=query, top_k=top_k)
    )
    assert found.backend == "postgres-fts"
    assert found.hits == tuple(sorted(found.hits, key=lambda hit: -hit.similarity))
    assert all(0 <= hit.similarity <= 1 for hit in found.hits)
    return list(found.hits)


def _titles(hits: list[SearchHit]) -> list[str]:
    return [hit.title for hit in hits]


async def test_what_fits_best_comes_first_with_its_citation(
    house: House, make_ingest: MakeIngest
) -> None:
    long = (
        "Something else entirely. " * 60
        + "Ending a blocking session frees the others. "
        + "No. " * 300
    )
    texts = {
        "Near": "Blocked sessions wait for a lock.",
        "Far": "Blocked, says the page, are many of the things that wait, and also some sessions.",
        "One": "Sessions end at midnight.",
        "Long": long,
        "Elsewhere": "The disk is full.",
        "Vacuum and bloat": "Dead rows are removed.",
    }
    async with house.running("knowledge", knowledge=WORDS_ALONE):
        gateway = await house.act_as("gateway")
        told = {
            title: await gateway.call(make_ingest(text, title=title))
            for title, text in texts.items()
        }
        hits = await _search(gateway, "blocked sessions")
        assert _titles(hits)[:3] == ["Near", "Long", "Far"]
        assert _titles(hits)[3:] == ["One"]
        assert [hit.similarity > 0.5 for hit in hits] == [True, True, True, False]

        cited = hits[1]
        assert cited.artifact_id == told["Long"].artifact_id
        assert cited.chunk_position > 0
        assert long[cited.start_offset : cited.end_offset] == cited.text
        assert "**blocking** **session**" in cited.highlight
        assert len(cited.highlight) < len(cited.text)
        assert cited.artifact_type == "runbook"

        assert _titles(await _search(gateway, "blocked sessions", top_k=2)) == ["Near", "Long"]
        # A title finds its artifact; a question finds by some of its words what has none of the others.
        assert _titles(await _search(gateway, "bloat")) == ["Vacuum and bloat"]
        found = await _search(gateway, "why is my disk so terribly slow")
        assert _titles(found) == ["Elsewhere"]
        # What the asker joined on purpose stays joined.
        assert _titles(await _search(gateway, '"sessions wait"')) == ["Near"]
        assert _titles(await _search(gateway, "sessions -lock -page -session")) == []
        assert _titles(await _search(gateway, "midnight or disk")) == ["Elsewhere", "One"] or (
            _titles(await _search(gateway, "midnight or disk")) == ["One", "Elsewhere"]
        )
        for nothing in ("zebra", "zebra (-lock)", "zebra !-lock", "zebra<-lock"):
            assert await _search(gateway, nothing) == []


async def test_a_question_of_hundreds_of_words_is_answered_in_time(
    house: House, make_ingest: MakeIngest
) -> None:
    """Such as an error pasted as it is, asked of a few long texts that have many of its words."""
    words = [a + b for a in "bcdfghklmnprtvxz" for b in "bcdfghklmnprtvxz0123456789"][:333]
    texts = [" ".join(words[(n * step) % 333] for n in range(170_000)) for step in (1, 2, 4, 5)]
    async with house.running("knowledge", knowledge=WORDS_ALONE):
        gateway = await house.act_as("gateway")
        for text in texts:
            await gateway.call(make_ingest(text))
        assert len(await _search(gateway, " ".join([*words[:330], "zebra"]), top_k=50)) == 50
        assert len(await _search(gateway, " or ".join(words[:166]), top_k=50)) == 50


async def test_each_language_is_read_its_own_way_and_each_tenant_sees_its_own(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge", knowledge=WORDS_ALONE):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest("The houses burned.", title="en"))
        await gateway.call(make_ingest("Die H\u00e4user brannten.", title="de", language="german"))
        await gateway.call(
            make_ingest("The houses burned down.", title="as it is", language="simple")
        )
        await gateway.call(make_ingest("A house of another.", title="theirs", tenant_id="other"))
        assert _titles(await _search(gateway, "house")) == ["en"]
        assert _titles(await _search(gateway, "Haus")) == ["de"]
        assert sorted(_titles(await _search(gateway, "houses"))) == ["as it is", "en"]
        assert _titles(await _search(gateway, "house", tenant="other")) == ["theirs"]
        assert await _search(gateway, "house", tenant="nobody") == []


async def test_nothing_found_says_so_where_nothing_was_looked_for(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge", knowledge=WORDS_ALONE):
        gateway = await house.act_as("gateway")

        async def note(query: str, tenant: str = "default") -> str | None:
            asked = SearchKnowledge(tenant_id=tenant, query=query, top_k=5)
            found: SearchResults = await gateway.call(asked)
            assert found.hits == ()
            return found.note

        await gateway.call(make_ingest("The Who are a band."))
        for nothing in ("who is the", "***", "-the"):
            assert "Nothing was looked for" in (await note(nothing) or "")
        assert await note("zebra") is None
        assert await note("who is the", tenant="nobody") is None
        # A language that keeps every word looks for these, too.
        await gateway.call(make_ingest("A zebra.", language="simple"))
        assert await note("who is the") is None


async def test_whatever_stands_in_a_query_or_a_text_is_only_words(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge", knowledge=WORDS_ALONE):
        gateway = await house.act_as("gateway")
        for text in STRANGE:
            await gateway.call(make_ingest(text, title=text[:400]))
        for query in (*STRANGE, "-" * 16 + "a", "a" + "-" * 16 + "b", "-a " * 300):
            for hit in await _search(gateway, query, top_k=50):
                assert hit.text[:400] in {text[:400] for text in STRANGE}
        for query, top_k, complaint in (
            (" ", 5, "blank"), ("x", 51, "top_k"), ("\u5b57" * 900, 5, "fewer words"),
            ("-" * 999 + "a", 5, "16 times"), ("- !(" * 40 + "a", 5, "16 times"),
        ):  # fmt: skip
            with pytest.raises(Invalid, match=complaint):
                await _search(gateway, query, top_k=top_k)
        rows = await house.rows("knowledge", "SELECT FROM artifacts")
    assert len(rows) == len(STRANGE)
