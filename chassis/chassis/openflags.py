"""Rules behind OpenFeature's own client and its provider in memory. The only room that knows the SDK."""

from collections.abc import Mapping
from typing import Any

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from chassis.faults import Live


class Client:
    """Decides by these flags, in the place of the domain's former ones."""

    def __init__(self, domain: str, flags: Mapping[str, Live]) -> None:
        provider = InMemoryProvider({name: _in_memory(one) for name, one in flags.items()})
        api.set_provider_and_wait(provider, domain)
        self._client = api.get_client(domain)

    def variant(self, name: str, about: Mapping[str, str]) -> str:
        """The variant that whoever asks gets; empty when the SDK could not say."""
        return self._client.get_object_details(name, {}, EvaluationContext(attributes=about)).variant or ""


def _in_memory(live: Live) -> InMemoryFlag[Any]:
    flag, rule = live.flag, live.rule

    def resolved(_: InMemoryFlag[Any], asked: EvaluationContext) -> FlagResolutionDetails[Any]:
        variant = flag.variant(rule, asked.attributes)
        reason = Reason.TARGETING_MATCH if flag.targeting else Reason.STATIC
        return FlagResolutionDetails(value=flag.variants[variant], variant=variant, reason=reason)

    state = InMemoryFlag.State(flag.state)
    return InMemoryFlag(flag.default_variant, flag.variants, state=state, context_evaluator=resolved)
