"""A relay that is killed (SIGKILL) after the broker acknowledged an event, before it is removed from its document."""

import os
import signal
import sys
from typing import Any, ClassVar

from mongoengine import StringField

from chassis import topics
from chassis.config import Settings, load
from chassis.mongo import Aggregate, connect
from chassis.producer import Producer
from chassis.relay import Relay


class SampleDoc(Aggregate):
    id = StringField(primary_key=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "samples", "db_alias": "outbox-test"}


if __name__ == "__main__":
    settings = load(Settings, os.environ)
    topics.ensure(settings, ["audience.sampled"])
    connect(settings, "outbox-test")
    relay = Relay("broadcast", Producer(settings))
    relay.publish(SampleDoc, sys.argv[1:])
    relay.run_once()
    os.kill(os.getpid(), signal.SIGKILL)
