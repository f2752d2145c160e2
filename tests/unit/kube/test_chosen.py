"""What the tests on a cluster say when they cannot run, and how images get into which cluster."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kube.chosen import Chosen, Impossible, choose, loader


def test_a_cluster_must_be_named_so_that_nobody_tests_on_one_unawares() -> None:
    with pytest.raises(Impossible, match="KUBECONFIG names no cluster"):
        choose({"PATH": os.environ["PATH"]})


def test_a_tool_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="kubectl is not on the PATH"):
        choose({"PATH": str(tmp_path), "KUBECONFIG": "any"})


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho first >&2\necho 'connection refused' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Impossible, match=r"^no cluster answers \(KUBECONFIG=any\): connection refused$"):
        choose({"PATH": f"{tmp_path}:/usr/bin:/bin", "KUBECONFIG": "any"})


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("kind-town", ("kind", "load", "docker-image", "--name", "town")),
        ("k3d-town", ("k3d", "image", "import", "-c", "town")),
        ("production", ()),
    ],
)
def test_images_are_brought_to_clusters_that_are_known_and_pulled_by_others(context: str, command: tuple[str]) -> None:
    assert loader({}, context) == command


def test_a_command_of_ones_own_wins() -> None:
    assert loader({"KUBE_LOAD": "minikube image load"}, "kind-town") == ("minikube", "image", "load")


def test_each_image_is_brought_by_itself_and_one_that_cannot_be_is_named(tmp_path: Path) -> None:
    program, brought = tmp_path / "bring", tmp_path / "brought"
    program.write_text(
        f'#!/bin/sh\n[ "$1" != lost:1 ] || {{ echo "no such image" >&2; exit 1; }}\necho "$@" >> {brought}\n'
    )
    program.chmod(0o755)
    images = {"catalog": "here:1", "orders": "here:2", "load": "here:1"}
    choice = Chosen(cluster="town", images=images, load=(str(program),), helm=tmp_path, seed=1)
    choice.bring_images()
    assert brought.read_text().split() == ["here:1", "here:2"]
    with pytest.raises(Impossible, match=r"^lost:1 cannot be brought into the cluster: .*no such image$"):
        replace(choice, images={"notify": "lost:1"}).bring_images()
    replace(choice, images={"notify": "lost:1"}, load=()).bring_images()  # that cluster pulls what it needs
