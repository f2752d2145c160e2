"""The judge of values finds what no service ever says, and lets pass what one says."""

import pytest
from tests.unit.prometheus.valued import unheard_of


@pytest.mark.parametrize(
    "expression",
    [
        'orders_place_duration_seconds_count{outcome="failed"}',
        'orders_place_duration_seconds_bucket{le="0.5"}',
        'http_request_duration_seconds_count{route!~"/health/.*|/metrics",status=~"5.."}',
        'up{job="shanhuo",service=~".*"}',
        'shanhuo_build_info{service="orders"}',
        'slo:sli_events:rate5m{slo="what is recorded is not judged here"}',
    ],
)
def test_what_is_written_somewhere_is_heard_of(expression: str) -> None:
    assert unheard_of(expression) == []


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ('sum(rate(orders_paid_total[5m])) or orders_placed_total{channel="tevelision"}', 'channel="tevelision"'),
        ('orders_place_duration_seconds_count{outcome="fail"}', 'outcome="fail"'),
        ('orders_place_duration_seconds_bucket{le="0.6"}', 'le="0.6"'),
        ('http_requests_in_flight{service="order"}', 'service="order"'),
        ('http_request_duration_seconds_count{status=~"6.."}', 'status="6.."'),
        ('http_request_duration_seconds_count{route!~"/helth/.*"}', 'route="/helth/.*"'),
        ('up{job="shanhou"}', 'job="shanhou"'),
    ],
)
def test_what_is_written_nowhere_is_named(expression: str, complaint: str) -> None:
    (told,) = unheard_of(expression)
    assert f"{{{complaint}}}" in told
