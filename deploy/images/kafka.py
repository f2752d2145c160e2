"""Apache Kafka from its Maven packages, and a Java runtime with just the modules it needs."""

from pathlib import Path

from images.commands import need, run

# What jdeps finds that Kafka and its libraries use (java.desktop for its beans alone), and what TLS, SASL and
# monitoring load by name.
MODULES = (
    "java.base", "java.desktop", "java.instrument", "java.logging", "java.management", "java.management.rmi",
    "java.naming", "java.net.http", "java.rmi", "java.scripting", "java.security.jgss", "java.security.sasl",
    "java.sql", "java.xml", "jdk.crypto.ec", "jdk.jfr", "jdk.management", "jdk.naming.dns", "jdk.net",
    "jdk.security.auth", "jdk.security.jgss", "jdk.unsupported", "jdk.zipfs",
)  # fmt: skip


def fill(context: Path) -> None:
    """`libs/` and `java/` beside what the context has already."""
    need(mvn="maven", jlink="openjdk-17-jdk-headless")
    pom, libs = context / "pom.xml", context / "libs"
    run("mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies", f"-DoutputDirectory={libs}")
    run(
        "jlink", "--add-modules", ",".join(MODULES), "--output", context / "java",
        "--strip-debug", "--no-man-pages", "--no-header-files", "--compress=1",
    )  # fmt: skip
