"""The judge of labels finds what Prometheus would answer with silence."""

import pytest
from tests.unit.prometheus.labelled import WrongLabelsError, labels_of

KNOWN = {
    "up": {"job", "instance"},
    "lag": {"instance", "service", "topic"},
    "done": {"instance", "service", "topic"},
    "seconds_bucket": {"instance", "le"},
    "slo:error:ratio": {"slo"},
}


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("up == 0", {"job", "instance"}),
        ("sum(lag) > 1", set()),
        ("sum by (service) (rate(lag[5m])) / sum by (service) (rate(done[5m]))", {"service"}),
        ("sum by (service, topic) (lag) unless on (service) sum by (service) (done) > 0", {"service", "topic"}),
        ("histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m])))", set()),
        ("time() - max(lag) > 3", set()),
        ("absent(lag)", set()),
        ("3 * (1 - slo:error:ratio)", {"slo"}),
        ("max_over_time(sum by (topic) (lag)[1h:1m])", {"topic"}),
        ("vector(1)", set()),
        ("topk(3, sum by (topic) (lag))", {"topic"}),
        ('label_replace(vector(0), "topic", "none", "", "")', {"topic"}),
        ('sum by (topic) (lag) or label_replace(vector(0), "topic", "none", "", "")', {"topic"}),
    ],
)
def test_labels_are_those_that_are_left(expression: str, labels: set[str]) -> None:
    assert labels_of(expression, KNOWN) == labels


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("lags > 1", "declared nowhere"),
        ('lag{group="a"} > 1', "no label group"),
        ("sum by (group) (lag)", r"by \(group\)"),
        ("sum by (topic) (rate(lag[5m])) / sum by (service) (rate(done[5m]))", "is like anything"),
        ("sum by (topic) (lag) and on (service) sum by (service) (done)", r"on \(service\)"),
        ("sum without (instance) (lag)", "say `by`"),
        ("histogram_quantile(0.9, sum by (instance) (rate(seconds_bucket[5m])))", "needs `le`"),
        ('sum by (topic) (lag) or label_replace(vector(0), "service", "none", "", "")', "is like anything"),
        ("lag > 1 and done", None),
    ],
)
def test_what_can_never_be_is_named(expression: str, complaint: str | None) -> None:
    if complaint is None:
        labels_of(expression, KNOWN)
    else:
        with pytest.raises(WrongLabelsError, match=complaint):
            labels_of(expression, KNOWN)
