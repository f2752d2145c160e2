"""How to reach the broker, said once for every consumer, producer and admin client, and in words why it was not.

kafka-python 3.0.12 says "unable to bootstrap" whatever was wrong, after half a minute, and leaves a thread and three
files open each time. So a client is made only after `reach`, which tries one connection and says at once what is wrong.
"""

import re
import selectors
import sys
from typing import Any, Final

from kafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from chassis.engines import BrokerSettings

_PATIENCE_MS: Final = 5_000
_TLS: Final = re.compile(r"\[SSL: \w+\] (.*?)( \(_ssl\.c:\d+\))?$")
_HUNG_UP: Final = "socket disconnected"


class NotReached(KafkaError):
    """No broker could be talked to; the text says why, and holds no secret."""

    def __str__(self) -> str:
        return str(self.args[0])


def connection(settings: BrokerSettings) -> dict[str, Any]:
    """kafka-python's keywords. Names in certificates are verified; without a CA of ours, by those of the system."""
    return {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap_servers.split(",")],
        "selector": selector(),
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username or None,
        "sasl_plain_password": settings.kafka_password or None,
        "ssl_check_hostname": True,
        "ssl_cafile": settings.kafka_tls_ca_path or None,
        "ssl_certfile": settings.kafka_tls_certificate_path or None,
        "ssl_keyfile": settings.kafka_tls_key_path or None,
    }


def selector() -> type[selectors.BaseSelector]:
    """What clients wait for their sockets with: without greenthreads as they always do, and eventlet is not loaded."""
    if "eventlet" not in sys.modules:
        return selectors.DefaultSelector
    from chassis import selecting

    return selecting.selector()


def reach(settings: BrokerSettings) -> None:
    """Talk to one of the brokers as every client will; raises `NotReached` when none of them lets us."""
    net = NetworkSelector(selector=selector())
    manager = KafkaConnectionManager(net, request_timeout_ms=_PATIENCE_MS, **connection(settings))
    reasons: dict[str, None] = {}
    try:
        for broker in manager.cluster.bootstrap_brokers():
            reason = _tried(manager, broker.node_id, settings)
            if reason is None:
                return
            reasons[f"{reason} ({broker.host}:{broker.port})"] = None
    finally:
        manager.close()
        net.close()
    raise NotReached("; ".join(reasons))


def _tried(manager: Any, node: str, settings: BrokerSettings) -> str | None:
    """None when this broker answers, else why it does not."""
    conn: Any = None

    async def talk() -> None:
        nonlocal conn
        conn = manager.get_connection(node, timeout_ms=_PATIENCE_MS, pop_on_close=False, refresh_metadata_on_err=False)
        await conn
        await manager.cluster.refresh_metadata(node)

    try:
        manager.run(talk)
    except KafkaError as error:
        return _words(error, settings, answered=bool(conn and conn.broker_version_data))
    return None


def _words(error: KafkaError, settings: BrokerSettings, *, answered: bool) -> str:
    """What was wrong. `answered`: the broker had said which version it speaks, so that it was reached as such."""
    said = str(error).rpartition("Error: ")[2]
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"authentication refused: {settings.kafka_sasl_mechanism} is not offered"
    if isinstance(error, SaslAuthenticationFailedError):
        return f"authentication refused: {said}"
    if tls := _TLS.search(said):
        return f"TLS failed: {tls[1]}{_asked_for(tls[1], settings)}"
    if isinstance(error, KafkaConnectionError) and said == _HUNG_UP:
        return _hung_up(settings, answered)
    if said.startswith("Invalid frame length") and not settings.kafka_tls:  # an alert of TLS, read as a length
        return f"the broker speaks TLS, and KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}"
    return f"no connection: {said}"


def _asked_for(alert: str, settings: BrokerSettings) -> str:
    """What the broker wants when it is it that ended the handshake over a certificate: ours."""
    if " alert " not in alert or "certificate" not in alert:
        return ""
    given = bool(settings.kafka_tls_certificate_path)
    return ": it does not take our certificate" if given else ": it wants KAFKA_TLS_CERTIFICATE_PATH"


def _hung_up(settings: BrokerSettings, answered: bool) -> str:
    """What that means. When a broker says why and hangs up at once, kafka-python loses what it said."""
    protocol = settings.kafka_security_protocol
    if answered and settings.kafka_sasl:
        return f"authentication refused: the broker hung up on this user and password ({settings.kafka_sasl_mechanism})"
    if answered:
        return (
            f"the broker hung up, as one does that wants a user and a password: KAFKA_SECURITY_PROTOCOL is {protocol}"
        )
    if settings.kafka_tls:
        return "the broker hung up without a word"
    return f"the broker hung up, as one does that wants TLS: KAFKA_SECURITY_PROTOCOL is {protocol}"
