"""How each engine is run: the official images' environment and commands. Starts nothing by itself."""

from typing import Any, Final, NamedTuple

from stack.processes import LOCAL

KAFKA_LOG: Final = "/var/lib/kafka/data"
MONGODB_FILES: Final = "/data/db"
MONGODB_COMMAND: Final = ["--replSet", "rs0", "--bind_ip_all"]
REPLICA_SET: Final = {"_id": "rs0", "members": [{"_id": 0, "host": f"{LOCAL}:27017"}]}
# In memory, so that its size can be set without any privilege; a holder keeps it mounted while the database is dead.
SMALL_DISK: Final = {"type": "tmpfs", "device": "tmpfs", "o": "size=1g,mode=1777"}
_FILLER: Final = f"{MONGODB_FILES}/filler"


class Broker(NamedTuple):
    """Apache Kafka in KRaft mode, broker and controller in one, and the ports that it listens on."""

    direct: int
    proxied: int
    controller: int

    def environment(self, advertised: int) -> dict[str, str]:
        """Who comes by the wire is told to stay on it: the wire's port is what that listener advertises."""
        said = {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "LISTENERS": f"DIRECT://{LOCAL}:{self.direct},PROXIED://{LOCAL}:{self.proxied},"
            f"CONTROLLER://{LOCAL}:{self.controller}",
            "ADVERTISED_LISTENERS": f"DIRECT://{LOCAL}:{self.direct},PROXIED://{LOCAL}:{advertised}",
            "LISTENER_SECURITY_PROTOCOL_MAP": "DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "INTER_BROKER_LISTENER_NAME": "DIRECT",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "CONTROLLER_QUORUM_VOTERS": f"1@{LOCAL}:{self.controller}",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "OFFSETS_TOPIC_NUM_PARTITIONS": "5",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "LOG_DIRS": KAFKA_LOG,
            "HEAP_OPTS": "-Xms256m -Xmx256m",
            "OPTS": "-XX:TieredStopAtLevel=1",  # it is started over and over, and never long enough to be optimised
        }
        return {f"KAFKA_{name}": value for name, value in said.items()} | {"CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw"}


class Disk(NamedTuple):
    """The file system that the database's folder is on, and a container that keeps it mounted."""

    volume: str
    holder: Any

    def fill(self) -> None:
        """Take all that is left."""
        self.holder.exec_run(["sh", "-c", f"cat /dev/zero > {_FILLER}"])

    def free(self) -> None:
        """Give it back."""
        self.holder.exec_run(["rm", "-f", _FILLER])

    def left(self) -> int:
        """Bytes that are left."""
        said = self.holder.exec_run(["df", "--output=avail", "-B1", MONGODB_FILES]).output.decode()
        return int(said.split()[-1])
