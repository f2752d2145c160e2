"""*Services*: rate, errors and duration of what they answer, and what they take; for who is on call."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from dashboards.board import board
from dashboards.limits import MEBIBYTE, memory_limits
from dashboards.panels import (
    BYTES,
    COUNT,
    SECONDS,
    SHARE,
    Query,
    above,
    alive,
    below,
    course,
    rows,
)
from dashboards.places import Services
from dashboards.promql import PEOPLE, RATE, of, process, quantile


def services(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    parts = [("Who is there", _there()), ("Rate, errors, duration", _red()), ("What they take", _resources())]
    says = "The four services from outside (requests, errors, durations) and from inside (CPU, memory, restarts)."
    return board(Services, "Services", says, parts, docs=docs)


def _there() -> list[object]:
    return [
        course(
            Services.UP,
            "Replicas that answer",
            "Replicas that Prometheus reads. 0: the service is gone, or its network policy shuts Prometheus out.",
            Query(f"sum by (service) ({process('up')})", "{{service}}"),
            unit=COUNT,
            levels=below(1, 0.5),
            width=12,
        ),
        rows(
            Services.VERSIONS,
            "What runs",
            "Replicas of each version. Two versions of one service for long: a rollout that is stuck.",
            Query(f"count by (service, version) ({of(m.BUILD_INFO)})"),
            unit=COUNT,
            levels=alive(),
            labels=("service", "version"),
        ),
    ]


def _red() -> list[object]:
    count = of(m.HTTP_REQUEST_SECONDS, PEOPLE, part="_count")
    errors = of(m.HTTP_REQUEST_SECONDS, PEOPLE, 'status=~"5.."', part="_count")
    refusals = of(m.HTTP_REQUEST_SECONDS, PEOPLE, 'status=~"4.."', part="_count")
    return [
        course(
            Services.REQUESTS,
            "Requests",
            "Requests answered a second, by service; probes and scrapes not counted, here and beside.",
            Query(f"sum by (service) (rate({count}[{RATE}]))", "{{service}}"),
            unit="reqps",
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Services.ERRORS,
            "Errors",
            "The share of requests that were answered 5xx, as HttpErrors and HttpFailing reckon it. 503 while an "
            "engine is away is meant; 500 never is.",
            Query(
                f"(sum by (service) (rate({errors}[{RATE}])) or sum by (service) (rate({count}[{RATE}])) * 0)"
                f" / (sum by (service) (rate({count}[{RATE}])) > 0)",
                "{{service}}",
            ),
            unit=SHARE,
            levels=above(0.001, 0.01),
        ),
        course(
            Services.LATENCY,
            "Duration, p95",
            "95 of 100 requests are answered within this, streams of live pages not counted.",
            Query(quantile(0.95, m.HTTP_REQUEST_SECONDS, PEOPLE, by="service"), "{{service}}"),
            unit=SECONDS,
            levels=above(0.25, 1),
        ),
        course(
            Services.IN_FLIGHT,
            "Requests in flight",
            "Requests being answered now. A replica works on 512 at once; what comes beyond them waits.",
            Query(f"sum by (service) ({of(m.HTTP_IN_FLIGHT)})", "{{service}}"),
            unit=COUNT,
            levels=above(256, 500),
        ),
        course(
            Services.REFUSALS,
            "Refusals",
            "Requests answered 4xx a second, by status. 401 and 403 rising: tokens, or somebody who tries doors.",
            Query(f"sum by (service, status) (rate({refusals}[{RATE}]))", "{{service}} {{status}}"),
            unit="reqps",
            levels=above(100, 500),
        ),
        rows(
            Services.ROUTES,
            "Slowest routes",
            "The ten routes with the longest p95 lately, those of probes too.",
            Query(f"topk(10, {quantile(0.95, m.HTTP_REQUEST_SECONDS, by='service, method, route')} > 0)"),
            unit=SECONDS,
            levels=above(0.25, 1),
            labels=("service", "method", "route"),
            width=8,
        ),
    ]


def _resources() -> list[object]:
    starts, limits = process("process_start_time_seconds"), memory_limits()
    return [
        course(
            Services.CPU,
            "CPU",
            "Cores used by each replica. One process uses one core at most: near 1 it is full; add replicas.",
            Query(f"rate({process('process_cpu_seconds_total')}[{RATE}])", "{{service}} {{instance}}"),
            unit=COUNT,
            levels=above(0.7, 0.95),
        ),
        course(
            Services.MEMORY,
            "Memory",
            f"Resident memory of each replica. What reaches its limit is killed: in the charts {_told(limits)}.",
            Query(process("process_resident_memory_bytes"), "{{service}} {{instance}}"),
            unit=BYTES,
            levels=above(0.8 * min(limits.values()), max(limits.values())),
        ),
        course(
            Services.FILES,
            "Open files",
            "Of what a process may have open, the share it has: connections, mostly.",
            Query(f"{process('process_open_fds')} / {process('process_max_fds')}", "{{service}} {{instance}}"),
            unit=SHARE,
            levels=above(0.7, 0.9),
        ),
        course(
            Services.RESTARTS,
            "Up since",
            "How long each replica has run. A saw that keeps falling to 0 is a replica that keeps dying: read its log.",
            Query(f"time() - {starts}", "{{service}} {{instance}}"),
            unit=SECONDS,
            levels=alive(60),
            width=12,
        ),
        course(
            Services.SCRAPES,
            "How long a scrape takes",
            "Time to read a replica's metrics. Long: the process is busy, or has too many series.",
            Query(process("scrape_duration_seconds"), "{{service}} {{instance}}"),
            unit=SECONDS,
            levels=above(0.5, 2),
            width=12,
        ),
    ]


def _told(limits: Mapping[str, int]) -> str:
    """Each limit with those that have it: 384 MiB (broadcast, catalog), 512 MiB (notify, orders)."""
    by_size = {size: sorted(name for name, own in limits.items() if own == size) for size in sorted(limits.values())}
    return ", ".join(f"{size // MEBIBYTE} MiB ({', '.join(names)})" for size, names in by_size.items())
