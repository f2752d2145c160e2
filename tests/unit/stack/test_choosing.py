"""Embedded engines or containers: what is asked for, what can be had, and how it is said."""

import os
from pathlib import Path

import pytest

from stack import choosing
from stack.choosing import ImpossibleError, choose
from stack.containers import images
from stack.processes import free_port


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where the Docker engine should be."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")


def test_another_value_is_refused_with_those_there_are() -> None:
    with pytest.raises(ImpossibleError, match=r"^SHANHUO_ENGINES=docker: there is auto, embedded, containers$"):
        choose({"SHANHUO_ENGINES": "docker"})


def test_embedded_engines_need_nothing(no_docker: None) -> None:
    assert str(choose({"SHANHUO_ENGINES": "embedded"})) == "embedded: SHANHUO_ENGINES=embedded"


@pytest.mark.parametrize("env", [{}, {"SHANHUO_ENGINES": ""}, {"SHANHUO_ENGINES": "auto"}])
def test_where_no_docker_engine_answers_the_embedded_ones_are_taken_and_it_is_said(
    no_docker: None, env: dict[str, str]
) -> None:
    assert str(choose(env)).startswith("embedded: no Docker engine answers (")
    assert "\n" not in str(choose(env))


def test_containers_that_are_demanded_are_not_replaced(no_docker: None) -> None:
    with pytest.raises(ImpossibleError, match=r"^SHANHUO_ENGINES=containers, but no Docker engine answers") as refused:
        choose({"SHANHUO_ENGINES": "containers"})
    assert "\n" not in str(refused.value)


def test_engines_that_the_environment_names_are_used_whatever_is_chosen(no_docker: None, tmp_path: Path) -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092", "MONGODB_URI": "mongodb://mongodb.example"}
    choice = choose(named | {"SHANHUO_ENGINES": "embedded"})
    assert str(choice).endswith("; KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI given")
    assert choosing.start(choice, tmp_path, named).ours == []


def test_the_environment_says_which_image_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    chosen = tmp_path / "images.env"
    chosen.write_text("ORDERS_IMAGE=shanhuo/orders:7\n# of ours\n\nNOTIFY_IMAGE=\n")
    assert images.image("orders", {"ORDERS_IMAGE": "mine:1"}, chosen) == "mine:1"
    assert images.image("orders", {}, chosen) == "shanhuo/orders:7"
    assert images.image("notify", {}, chosen).startswith("shanhuo/notify:")
    assert images.image("kafka", {}, tmp_path / "no-such-file") == "apache/kafka:4.1.0"


@pytest.mark.containers
def test_an_image_that_is_not_here_is_named_with_what_makes_it() -> None:
    with pytest.raises(ImpossibleError) as refused:
        choose(dict(os.environ) | {"SHANHUO_ENGINES": "containers", "ORDERS_IMAGE": "shanhuo/none:0"})
    assert str(refused.value) == "SHANHUO_ENGINES=containers, but there is no image shanhuo/none:0: run `make images`"
