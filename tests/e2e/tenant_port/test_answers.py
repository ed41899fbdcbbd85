"""What comes back over a real socket, and what never does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from gateway.agreement.card import card_file
from gateway.client import (
    AsyncClient,
    Category,
    DatasetPart,
    ImpactAssessment,
    Notice,
    NoticeRecipient,
    Purpose,
)
from gateway.client.witness import Witnesses
from gateway.errors import AccessError, AssentError, HostileInput, Misuse, RequestError, SourceError, StateError
from gateway.flow.audit import sequence
from gateway.route.caller import Role
from gateway.v1 import consent_pb2, consent_pb2_grpc
from tests.e2e.tenant_port.tenant import CUSTOMERS, NOW, PARTY, Tenant, channel_to, status_of
from tests.unit.gateway.flow.houses import open_house

PURPOSE = "profile_enrichment"
UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"


async def test_errors_come_back_as_they_were_raised(client: AsyncClient) -> None:
    with pytest.raises(StateError) as missing:
        await client.jobs.get(UUID)
    assert missing.value.reason == "NOT_FOUND"
    with pytest.raises(RequestError, match=r"field name must be a name like"):
        await client.jobs.get("13800138000")
    with pytest.raises(HostileInput) as hostile:
        await client.registry.accept_partner(b"{}", "mzxw")
    assert hostile.value.reason == "BAD_SHAPE"


async def test_a_bug_tells_nothing_of_the_row_it_stumbled_over(
    tenant: Tenant, client: AsyncClient, log: io.StringIO
) -> None:
    with pytest.raises(Misuse) as raised:
        await client.datasets.get("broken")
    assert "13800138000" not in str(raised.value)
    cause: Any = raised.value.__cause__
    assert "13800138000" not in str(cause.details()) + str(cause.debug_error_string())
    assert '"exception": "ValueError"' in log.getvalue()
    found = await client.datasets.get("customers")
    assert found.subject_column == "customer_id"
    assert found.parts == (
        DatasetPart("core", "csv", "customer_id", ""),
        DatasetPart("cards", "parquet", "card", "cards"),
    )


async def test_a_message_over_four_mebibytes_is_refused_and_the_gateway_serves_on(client: AsyncClient) -> None:
    with pytest.raises(AssentError):
        await client.agreements.propose(b"{" + b" " * (5 * 1024 * 1024) + b"}")
    assert [name async for name in client.datasets.list()] == ["broken", "customers"]
    broken, customers = [found async for found in client.datasets.declared()]
    assert (broken.format, broken.subject_column, broken.places) == ("csv", "id", ("/srv/broken.csv",))
    assert (customers.columns, customers.identifiers, customers.places) == ((), {"phone": "phone@HK"}, ("/a", "/b"))
    assert [part.name for part in customers.parts] == ["core", "cards"]


async def test_registry_entries_are_created_once_and_listed_in_pages(client: AsyncClient) -> None:
    for number in range(205):
        await client.registry.create_purpose(Purpose(f"p-{number:03d}", text="画像补充"))
    first = await client.registry.create_purpose(Purpose("p-000", text="画像补充"))
    assert first.created_at == NOW
    with pytest.raises(StateError) as other:
        await client.registry.create_purpose(Purpose("p-000", text="other"))
    assert other.value.reason == "REVISION_CONFLICT"
    assert [purpose.id async for purpose in client.registry.purposes()] == [f"p-{number:03d}" for number in range(205)]


async def test_partners_are_accepted_by_fingerprint(client: AsyncClient, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with open_house(other, "platform") as platform:
        signed = platform.custody.own_card()
    with pytest.raises(RequestError, match="fingerprint"):
        await client.registry.accept_partner(card_file(signed), "aaaa-" * 7 + "aaaa")
    partner = await client.registry.accept_partner(card_file(signed), signed.fingerprint.upper().replace("-", " "))
    assert (partner.party, partner.fingerprint, partner.agreement_key) == (
        "platform",
        signed.fingerprint,
        signed.card.agreement_key,
    )
    assert [found.party async for found in client.registry.partners()] == ["platform"]
    own = await client.registry.invitation()
    assert own.fingerprint != signed.fingerprint
    assert PARTY in own.card_file.decode()


async def _told(client: AsyncClient, tenant: Tenant, tmp_path: Path) -> None:
    """Register what consent is asked for and publish the notice."""
    other = tmp_path / "platform"
    other.mkdir(exist_ok=True)
    async with open_house(other, "platform") as platform:
        signed = platform.custody.own_card()
    await client.registry.accept_partner(card_file(signed), signed.fingerprint)
    await client.registry.create_purpose(Purpose(PURPOSE, text="画像补充"))
    await client.registry.create_category(Category("phone_hash"))
    await client.registry.create_impact_assessment(
        ImpactAssessment(
            id="pia",
            approved_at=NOW - timedelta(days=30),
            purposes=(PURPOSE,),
            methods=("psi_hash",),
            recipients=("platform",),
        )
    )
    recipient = NoticeRecipient(
        party="platform",
        name="平台",
        contact="dpo@platform.example",
        purposes=(PURPOSE,),
        methods=("psi_hash",),
        categories=("phone_hash",),
    )
    thin = Notice(id="N-SHARE", text="告知", purposes=(PURPOSE,), recipients=(recipient,))
    draft_made = await client.notices.create(thin)
    assert (draft_made.version, draft_made.state) == (1, "DRAFT")
    with pytest.raises(RequestError, match="handler_name"):
        await client.notices.publish("N-SHARE", 1)
    full = Notice(
        id="N-SHARE",
        text="告知",
        handler_name="零售商",
        handler_contact="privacy@retailer.example",
        purposes=(PURPOSE,),
        categories=("phone_hash",),
        methods=("psi_hash",),
        retention="180 天",
        after_retention="删除",
        rights_channel="App",
        withdrawal_channel="App",
        closure_channel="App",
        recipients=(recipient,),
    )
    await client.notices.create(full)
    published = await client.notices.publish("N-SHARE", 1)
    assert (published.state, published.published_at) == ("PUBLISHED", NOW)
    assert (await client.notices.get("N-SHARE", 1)).recipients == (recipient,)
    assert [(notice.id, notice.version) async for notice in client.notices.list()] == [("N-SHARE", 1)]


def _grant(number: int) -> dict[str, object]:
    return {
        "event_id": f"E-{number}",
        "type": "consent_given",
        "at": "2026-11-20T16:40:00+08:00",
        "subject": CUSTOMERS[number],
        "handler": PARTY,
        "consent_id": f"K-{number}",
        "notice": "N-SHARE@1",
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "items": [
            {
                "purpose": PURPOSE,
                "categories": ["phone_hash"],
                "methods": ["psi_hash"],
                "recipients": ["platform"],
                "form": "separate",
            }
        ],
    }


async def test_consent_goes_in_and_its_answer_comes_out(tenant: Tenant, client: AsyncClient, tmp_path: Path) -> None:
    await _told(client, tenant, tmp_path)
    tenant.clock.advance(hours=1)
    rows: list[tuple[int, dict[str, object]]] = [
        (1, _grant(0)),
        (2, _grant(1)),
        (3, _grant(2) | {"notice": "N-SHARE@9"}),
        (4, _grant(3) | {"colour": "red"}),
        (5, _grant(3) | {"at": "yesterday"}),
        (6, _grant(4)),
    ]
    nothing = await client.consents.import_events(rows, "customer", all_or_nothing=True)
    assert (nothing.accepted, nothing.rejected_count) == (0, 2)
    served = [row for row in rows if row[0] not in (4, 5)]
    nothing = await client.consents.import_events(served, "customer", all_or_nothing=True)
    assert (nothing.accepted, nothing.rejected_count, nothing.rejected[0].field) == (0, 1, "notice")
    report = await client.consents.import_events(rows, "customer")
    assert (report.accepted, report.replayed, report.rejected_count) == (3, 0, 3)
    assert [(error.row, error.field) for error in report.rejected] == [(3, "notice"), (4, "colour"), (5, "at")]
    again = await client.consents.import_events(rows, "customer")
    assert (again.accepted, again.replayed) == (0, 3)

    async def asked(number: int, **changes: Any) -> tuple[bool, str]:
        use = {"purpose": PURPOSE, "category": "phone_hash", "method": "psi_hash"} | changes
        decision = await client.consents.evaluate(CUSTOMERS[number], subject_type="customer", **use)
        assert decision.meaning
        return decision.allowed, decision.reason_code

    assert await asked(0) == (True, "OK_CONSENT")
    assert await asked(2) == (False, "NO_CONSENT")
    assert await asked(0, at=NOW + timedelta(minutes=30)) == (False, "NO_CONSENT")
    # As known then: the purpose was not registered yet.
    assert await asked(0, at=NOW - timedelta(days=1)) == (False, "SCOPE_MISMATCH")
    assert await asked(0, purpose="unheard") == (False, "SCOPE_MISMATCH")
    withdrawal = {
        "event_id": "W-0",
        "type": "consent_withdrawn",
        "at": "2026-11-20T09:00:00Z",
        "subject": CUSTOMERS[0],
        "handler": PARTY,
    }
    await client.consents.import_events([(1, withdrawal)], "customer")
    assert await asked(0) == (False, "CONSENT_WITHDRAWN")
    logged = [found async for found in client.decisions.list()]
    assert [(found.decision.reason_code, found.recipient, found.kind) for found in logged] == [
        (code, "", "USE")
        for code in (
            "CONSENT_WITHDRAWN",
            "SCOPE_MISMATCH",
            "SCOPE_MISMATCH",
            "NO_CONSENT",
            "NO_CONSENT",
            "OK_CONSENT",
        )
    ]
    assert (logged[-1].decision.consent_id, logged[-1].decision.consent_item_no) == ("K-0", 1)
    of_one = client.decisions.list(subject=CUSTOMERS[0], subject_type="customer", reason_code="OK_CONSENT")
    assert [found async for found in of_one] == [logged[-1]]
    again = await client.consents.evaluate(
        CUSTOMERS[0], subject_type="customer", purpose=PURPOSE, category="phone_hash", method="psi_hash"
    )
    assert again == logged[0].decision
    with pytest.raises(RequestError, match="reason_code"):
        await anext(aiter(client.decisions.list(reason_code="WITHDRAWN")))
    (consent,) = [found async for found in client.consents.list(CUSTOMERS[0], subject_type="customer")]
    assert (consent.consent_id, consent.state, consent.recipient) == ("K-0", "CONSENT_WITHDRAWN", "platform")
    assert consent.event_ids == ("E-0", "W-0")
    assert [found async for found in client.consents.list("unknown", subject_type="customer")] == []


async def _registered(client: AsyncClient, tenant: Tenant, tmp_path: Path) -> None:
    """A use by ourselves that nothing stands against, and three people who agreed to it."""
    await _told(client, tenant, tmp_path)
    tenant.clock.advance(hours=1)
    report = await client.consents.import_events([(number + 1, _grant(number)) for number in range(3)], "customer")
    assert report.accepted == 3
    tenant.clock.advance(seconds=1)


async def test_whom_a_use_is_allowed_about_is_streamed_and_counted(
    tenant: Tenant, client: AsyncClient, tmp_path: Path
) -> None:
    await _registered(client, tenant, tmp_path)
    use = {"purpose": PURPOSE, "category": "phone_hash", "method": "psi_hash"}

    async def streamed(**more: Any) -> dict[str, str]:
        batches = [batch async for batch in client.consents.eligible(**use, **more)]
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert [row["subject_ref"] for row in rows] == sorted(row["subject_ref"] for row in rows)
        return {row["subject_ref"]: row["consent_id"] for row in rows}

    async def ref(number: int) -> str:
        (shown,) = [found async for found in client.consents.list(CUSTOMERS[number], subject_type="customer")]
        return shown.subject_ref

    everybody = {await ref(number): f"K-{number}" for number in range(3)}
    assert await streamed() == everybody
    assert await streamed(at=NOW - timedelta(days=1)) == {}
    assert await streamed(handler="another") == {}
    no = {"type": "consent_refused", "at": "2026-11-20T09:30:00Z", "handler": PARTY}
    events = [no | {"event_id": f"R-{number}", "subject": CUSTOMERS[number]} for number in (0, 3)]
    gone = no | {"type": "consent_withdrawn", "event_id": "W-1", "subject": CUSTOMERS[1]}
    await client.consents.import_events(list(enumerate([*events, gone], 1)), "customer")
    tenant.clock.advance(seconds=1)
    assert await streamed() == {await ref(2): "K-2"}
    (counted,) = [found async for found in client.consents.coverage(**use)]
    assert (counted.subjects, counted.eligible) == (4, 1)
    assert counted.denied == {"CONSENT_REFUSED": 2, "CONSENT_WITHDRAWN": 1}
    assert counted.repairs["CONSENT_REFUSED"] == "Respect the cool-down."
    assert (counted.gain, counted.barred) == (0, 2)
    open_ended = [found async for found in client.consents.coverage(purpose=PURPOSE, recipient="platform")]
    assert [(found.category, found.method) for found in open_ended] == [("phone_hash", "psi_hash")]
    # Consents that name the platform alone serve own use, too.
    assert [found async for found in client.consents.coverage(purpose=PURPOSE)] == [counted]
    with pytest.raises(RequestError, match="name both"):
        [found async for found in client.consents.coverage(purpose=PURPOSE, recipient="nobody")]
    tenant.clock.advance(days=31)
    async with tenant.client(Role.COMPLIANCE_OFFICER) as officer:
        (later,) = [found async for found in officer.consents.coverage(**use)]
    assert (later.gain, later.barred) == (2, 0)


async def test_an_import_says_first_how_it_is_meant(tenant: Tenant) -> None:
    options = consent_pb2.ImportEventsRequest(options=consent_pb2.ImportOptions(subject_type="customer"))
    batch = consent_pb2.ImportEventsRequest(
        batch=consent_pb2.ConsentEventBatch(rows=[consent_pb2.ConsentEventRow(row=1, event=consent_pb2.ConsentEvent())])
    )
    token = (("authorization", f"Bearer {tenant.token()}"),)
    async with channel_to(tenant) as channel:
        consents: Any = consent_pb2_grpc.ConsentServiceStub(channel)
        for wrong in ([], [batch], [consent_pb2.ImportEventsRequest()], [options, options]):
            assert (
                await status_of(consents.ImportEvents(iter(wrong), metadata=token)) is grpc.StatusCode.INVALID_ARGUMENT
            )
        report = await consents.ImportEvents(iter([options, batch]), metadata=token)
    assert (report.accepted, report.rejected_count) == (0, 1)


async def test_an_import_that_is_refused_midway_stops_and_says_why(tenant: Tenant) -> None:
    read = 0

    def rows() -> Iterator[tuple[int, dict[str, object]]]:
        nonlocal read
        for read in range(1, 100_001):
            yield read, _grant(0)

    async with tenant.client(Role.ADMINISTRATOR) as admin:
        with pytest.raises(AccessError) as raised:
            await admin.consents.import_events(rows(), "customer")
    assert raised.value.reason == "ROLE_MISSING"
    assert read < 100_000


async def test_rows_that_cannot_be_read_end_the_import_with_the_readers_own_error(client: AsyncClient) -> None:
    def rows() -> Iterator[tuple[int, dict[str, object]]]:
        yield 1, _grant(0)
        raise SourceError("BAD_ENCODING", "line 2 is not UTF-8")

    with pytest.raises(SourceError, match="line 2"):
        await client.consents.import_events(rows(), "customer")


async def test_the_audit_log_is_listed_proved_and_exported(tenant: Tenant, client: AsyncClient) -> None:
    with pytest.raises(StateError):
        await client.audit.checkpoint()
    for number in range(3):
        await client.registry.create_purpose(Purpose(f"p-{number}"))
    await sequence(tenant.house)
    checkpoint = await client.audit.checkpoint()
    assert checkpoint.tree_size == 3
    assert checkpoint.note.splitlines()[1] == "3"
    entries = [entry async for entry in client.audit.entries(1)]
    assert [entry.index for entry in entries] == [1, 2]
    assert all(entry.leaf.startswith(b"{") for entry in entries)
    proof = await client.audit.inclusion_proof(2)
    assert (proof.index, proof.checkpoint) == (2, checkpoint)
    with pytest.raises(RequestError, match="field index"):
        await client.audit.inclusion_proof(3)
    consistency = await client.audit.consistency_proof(2)
    assert (consistency.old_size, len(consistency.hashes), consistency.checkpoint) == (2, 1, checkpoint)
    with pytest.raises(RequestError, match="old_size"):
        await client.audit.consistency_proof(4)
    tiles = {path: piece async for path, piece in client.audit.tiles(["tile/0/000.p/3", "checkpoint"])}
    assert tiles["checkpoint"].decode() == checkpoint.note
    assert len(tiles["tile/0/000.p/3"]) == 96
    changed = [entry async for entry in client.audit.entries(type="registry_changed", since=entries[0].time)]
    assert [entry.index for entry in changed] == [0, 1, 2]
    with pytest.raises(StateError, match="session"):
        _ = [entry async for entry in client.audit.entries(session="ab" * 32)]
    about = [entry async for entry in client.audit.entries(subject=("customer", "C-1"))]
    assert about == []
    with pytest.raises(StateError, match="no cohort"):
        await client.audit.prove_membership("customer", "C-1", "ab" * 32)
    receipt = await client.witnesses.receipt(2)
    assert (receipt.index, receipt.tree_size, receipt.final, receipt.witnesses) == (2, 3, False, ())
    assert receipt.content.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    with pytest.raises(StateError, match="no such entry"):
        await client.witnesses.receipt(key="nobody")
    with pytest.raises(RequestError, match="field key"):
        await client.witnesses.receipt(type="run_record")
    assert await client.witnesses.get() == Witnesses((), (), ())
    with pytest.raises(StateError, match=r"log\.quorum"):
        await client.witnesses.policy()
    files: dict[str, bytes] = {}
    async for path, piece in client.audit.evidence(nobody=True):
        files[path] = files.get(path, b"") + piece
    assert b"nobody" in files["manifest.json"]
    files = {}
    async for path, piece in client.audit.export():
        files[path] = files.get(path, b"") + piece
    assert list(files)[-2:] == ["manifest.json", "manifest.sig"]
    assert {"checkpoint", "log.vkey"} < set(files)
