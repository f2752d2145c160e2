"""How traces are made and where they go: OpenTelemetry's own variables, as its specification names them.

Those that stand here are checked at the start and named when they are wrong. Others (limits of spans, for instance) the
SDK reads itself, and only when there is somewhere to send traces to.
"""

import ssl
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta

from chassis.engines import Count, EngineSettings, Url

Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
Share = Annotated[float, Meta(ge=0, le=1)]
Pairs = Annotated[str, Meta(pattern=r"^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$", description="name=value, divided by commas.")]
_RATIO: Final = "traceidratio"


class TracingSettings(EngineSettings, frozen=True, kw_only=True):
    """Traces are made when there is an endpoint to send them to, and else nothing of OpenTelemetry is even loaded."""

    otel_sdk_disabled: bool = False
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_exporter_otlp_endpoint: Url = ""
    otel_exporter_otlp_traces_endpoint: Url = ""
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_exporter_otlp_headers: Pairs = ""
    otel_exporter_otlp_certificate: str = ""
    otel_exporter_otlp_compression: Literal["none", "gzip"] = "none"
    otel_exporter_otlp_timeout: Count = 10_000
    otel_traces_sampler: Sampler = "parentbased_always_on"
    otel_traces_sampler_arg: Share | None = None
    otel_service_name: str = ""
    otel_resource_attributes: Pairs = ""
    otel_bsp_schedule_delay: Count = 5_000
    otel_bsp_max_queue_size: Count = 2_048
    otel_bsp_max_export_batch_size: Count = 128  # not 512: nobody is answered while a batch is encoded

    @property
    def traced(self) -> bool:
        """Whether traces are made."""
        return bool(self.traces_endpoint) and not self.otel_sdk_disabled and self.otel_traces_exporter != "none"

    @property
    def traces_endpoint(self) -> str:
        """Where traces are sent: what is said for them alone, or their place below what is said for everything."""
        below = self.otel_exporter_otlp_endpoint and f"{self.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"
        return self.otel_exporter_otlp_traces_endpoint or below

    def mismatches(self) -> Iterator[str]:
        yield from EngineSettings.mismatches(self)
        if self.otel_traces_sampler_arg is not None and not self.otel_traces_sampler.endswith(_RATIO):
            yield f"OTEL_TRACES_SAMPLER_ARG would not be used: OTEL_TRACES_SAMPLER is {self.otel_traces_sampler}"
        if self.otel_bsp_max_export_batch_size > self.otel_bsp_max_queue_size:
            yield "OTEL_BSP_MAX_EXPORT_BATCH_SIZE is more than OTEL_BSP_MAX_QUEUE_SIZE"
        try:
            if self.otel_exporter_otlp_certificate:
                ssl.create_default_context(cafile=self.otel_exporter_otlp_certificate)
        except ssl.SSLError:
            yield "OTEL_EXPORTER_OTLP_CERTIFICATE names a file without a certificate"
        except OSError as error:
            yield f"OTEL_EXPORTER_OTLP_CERTIFICATE cannot be read ({error.strerror})"
