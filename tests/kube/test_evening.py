"""The evening of `make demo`, played inside the cluster through the Services, and audited from outside of them."""

import pytest
from tests.kube.town import Town, failed_checks

WITHIN = 420.0  # seconds, on two cores that run the cluster as well
# 48 minutes in 40 seconds, so that windows are open for long enough where everything is slow; of the file a part.
WISH = ("--viewers", "200", "--speed", "72", "--lines", "1500")


def test_the_evening_is_played_in_the_cluster_and_its_audit_holds(running: Town) -> None:
    report = running.evening(*WISH, within=WITHIN)
    print({name: report[name] for name in ("phases", "revenue_fen", "documents")})
    assert failed_checks(report) == []
    assert report["trouble"] == []
    assert len(report["audit"]) >= 16
    assert sum(show["orders"] for show in report["shows"]) > 10
    assert all(0 < show["sold"] <= show["offered"] for show in report["shows"])


@pytest.mark.parametrize("service", ["catalog", "broadcast", "orders", "notify"])
def test_nobody_was_restarted_meanwhile(running: Town, service: str) -> None:
    assert [pod.restarts for pod in running.pods(service)] == [0]
